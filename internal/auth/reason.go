package auth

import (
	"errors"

	"github.com/golang-jwt/jwt/v5"
)

// Why a token was refused. The texts name a rule and never a value. Those from
// ErrIssuer on are only ever answered about a token with a proven signature,
// so they tell a guesser nothing.
var (
	ErrMalformed   = errors.New("token refused: malformed")
	ErrAlgorithm   = errors.New("token refused: algorithm is not EdDSA")
	ErrUnknownKey  = errors.New("token refused: unknown key")
	ErrSignature   = errors.New("token refused: bad signature")
	ErrIssuer      = errors.New("token refused: another cluster's")
	ErrAudience    = errors.New("token refused: another audience's")
	ErrExpired     = errors.New("token refused: expired")
	ErrNotYetValid = errors.New("token refused: not yet valid")
	ErrLifetime    = errors.New("token refused: lives longer than token_max_ttl")
	ErrRevoked     = errors.New("token refused: revoked")
)

// Reason is a short constant word for a refusal, for metrics and logs; "" for
// an error that is none of this package's refusals.
func Reason(err error) string {
	for _, r := range [...]struct {
		err  error
		word string
	}{
		{ErrMalformed, "malformed"},
		{ErrAlgorithm, "algorithm"},
		{ErrUnknownKey, "unknown-key"},
		{ErrSignature, "signature"},
		{ErrIssuer, "issuer"},
		{ErrAudience, "audience"},
		{ErrExpired, "expired"},
		{ErrNotYetValid, "not-yet-valid"},
		{ErrLifetime, "lifetime"},
		{ErrRevoked, "revoked"},
	} {
		if errors.Is(err, r.err) {
			return r.word
		}
	}
	return ""
}

// refusal turns an error of the library into one of ours. The library joins
// the errors of all claims: the order here says which one counts, and what
// is not listed is malformed.
func refusal(err error) error {
	for _, r := range [...]struct{ theirs, ours error }{
		{jwt.ErrTokenSignatureInvalid, ErrSignature},
		{jwt.ErrTokenRequiredClaimMissing, ErrMalformed},
		{jwt.ErrTokenInvalidIssuer, ErrIssuer},
		{jwt.ErrTokenInvalidAudience, ErrAudience},
		{jwt.ErrTokenExpired, ErrExpired},
		{jwt.ErrTokenNotValidYet, ErrNotYetValid},
		{jwt.ErrTokenUsedBeforeIssued, ErrNotYetValid},
	} {
		if errors.Is(err, r.theirs) {
			return r.ours
		}
	}
	return ErrMalformed
}

// FieldError is a mistake in a record or request: which field, and what it
// must be. Both can be shown to whoever sent it.
type FieldError struct {
	Field     string // The JSON name, "" for the document as a whole.
	Complaint string
}

// Error is the field and the complaint in one line.
func (e *FieldError) Error() string {
	if e.Field == "" {
		return e.Complaint
	}
	return e.Field + " " + e.Complaint
}

func badField(field, complaint string) error { return &FieldError{field, complaint} }
