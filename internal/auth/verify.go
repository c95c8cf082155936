package auth

import (
	"crypto/ed25519"
	"encoding/base64"
	"hash/maphash"
	"reflect"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Verifier accepts or refuses tokens. It is safe for concurrent use.
type Verifier struct {
	issuer  string
	ttlMax  time.Duration
	now     func() time.Time
	keys    *Keys
	revoked *Revocations
	cache   cache
}

// NewVerifier makes a verifier of the tokens of one cluster (issuer) that live
// for ttlMax at most. It follows every change of keys and revoked.
func NewVerifier(issuer string, ttlMax time.Duration, keys *Keys, revoked *Revocations,
	now func() time.Time) *Verifier {
	if issuer == "" {
		// The library would take this for "any issuer".
		panic("auth: NewVerifier without an issuer")
	}
	v := &Verifier{issuer: issuer, ttlMax: ttlMax, now: now, keys: keys, revoked: revoked}
	v.cache.seed = maphash.MakeSeed()
	return v
}

// Verify returns what a token says, or one of the errors of this package.
// Whether the user still exists and is not disabled is
// for the caller to ask, at every request.
func (v *Verifier) Verify(token []byte) (Claims, error) {
	if len(token) > TokenBytesMax {
		return Claims{}, ErrMalformed
	}
	// The stamp comes first: a change after it makes the entry a stale one.
	stamp := v.stamp()
	now := v.now()
	hash := v.cache.hash(token)
	if c, ok := v.cache.get(hash, token, stamp, Millis(now.UnixMilli())); ok {
		return c, nil
	}
	e, err := v.verify(string(token), now) // a copy: the caller keeps its bytes
	if err != nil {
		return Claims{}, err
	}
	e.hash, e.stamp = hash, stamp
	v.cache.put(e, Millis(now.UnixMilli()))
	return e.claims, nil
}

// Recall is Verify for a token that was verified lately: it never does the work
// again, so false says nothing about the token.
func (v *Verifier) Recall(token []byte) (Claims, bool) {
	if len(token) > TokenBytesMax {
		return Claims{}, false
	}
	return v.cache.get(v.cache.hash(token), token, v.stamp(), Millis(v.now().UnixMilli()))
}

func (v *Verifier) stamp() stamp {
	return stamp{v.keys.generation.Load(), v.revoked.generation.Load()}
}

// verify does all the work, without the cache.
func (v *Verifier) verify(token string, now time.Time) (*entry, error) {
	header, payload, err := splitToken(token)
	if err != nil {
		return nil, err
	}
	kid, err := readHeader(header)
	if err != nil {
		return nil, err
	}
	key, ok := v.keys.find(kid, Millis(now.UnixMilli()))
	if !ok {
		return nil, ErrUnknownKey
	}
	if checkMembers(payload, memberNames(reflect.TypeFor[wireClaims]())) != nil {
		return nil, ErrMalformed
	}
	var wire wireClaims
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{algorithm}), jwt.WithStrictDecoding(),
		jwt.WithExpirationRequired(), jwt.WithNotBeforeRequired(), jwt.WithIssuedAt(),
		jwt.WithIssuer(v.issuer), jwt.WithAudience(audience),
		jwt.WithLeeway(Leeway), jwt.WithTimeFunc(func() time.Time { return now }))
	// The key has its type, so no other algorithm could take it for a secret.
	_, err = parser.ParseWithClaims(token, &wire, func(*jwt.Token) (any, error) {
		return key.public, nil
	})
	if err != nil {
		return nil, refusal(err)
	}
	if err := v.checkClaims(&wire); err != nil {
		return nil, err
	}
	claims := wire.claims(kid)
	if v.revoked.has(claims.ID, claims.Expires) {
		return nil, ErrRevoked
	}
	e := &entry{
		token: token, claims: claims,
		from:  max(claims.Issued, Millis(*wire.Begins*1000)) - Millis(Leeway.Milliseconds()),
		until: claims.Expires + Millis(Leeway.Milliseconds()),
	}
	if key.record.NotAfter != 0 {
		e.until = min(e.until, key.record.NotAfter)
	}
	return e, nil
}

// checkClaims holds the rules that the library does not know.
func (v *Verifier) checkClaims(c *wireClaims) error {
	switch {
	case c.Issued == nil || *c.Issued < 0 || *c.Issued > timeSecondsMax ||
		*c.Begins < 0 || *c.Begins > timeSecondsMax ||
		*c.Expires < 0 || *c.Expires > timeSecondsMax:
		return ErrMalformed
	case !isUUID(c.Subject) || !isID(c.ID) || c.Scope == 0:
		return ErrMalformed
	case c.Prefix != "" && (!isKey(c.Prefix) || c.Scope&ScopeAdmin != 0):
		return ErrMalformed
	case *c.Expires <= *c.Issued || *c.Expires-*c.Issued > int64(v.ttlMax/time.Second):
		return ErrLifetime
	}
	return nil
}

// splitToken cuts a token in three and decodes the first two. It insists on
// the one spelling of every part: Go's base64 skips line breaks even in its
// strict mode, so one signature would have many spellings, and whoever tells
// tokens apart by their text (a log, a cache) would be fooled.
func splitToken(token string) (header, payload []byte, err error) {
	parts := strings.SplitN(token, ".", 4)
	if len(parts) != 3 || len(parts[0]) > headerCharsMax {
		return nil, nil, ErrMalformed
	}
	var decoded [3][]byte
	for i, part := range parts {
		b, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || base64.RawURLEncoding.EncodeToString(b) != part {
			return nil, nil, ErrMalformed
		}
		decoded[i] = b
	}
	if len(decoded[2]) != ed25519.SignatureSize {
		// An unsigned token of "alg":"none" ends here as well.
		return nil, nil, ErrMalformed
	}
	return decoded[0], decoded[1], nil
}

// readHeader returns the kid of a header that has exactly our three members.
// A "crit" (RFC 7515 section 4.1.11) is thereby refused, whatever it asks for.
func readHeader(raw []byte) (kid string, err error) {
	type header struct {
		Algorithm string `json:"alg"`
		Kid       string `json:"kid"`
		Type      string `json:"typ"`
	}
	h, err := decode[header](raw)
	switch {
	case err != nil:
		return "", ErrMalformed
	case h.Algorithm != algorithm:
		return "", ErrAlgorithm
	case h.Type != tokenType || !isID(h.Kid):
		return "", ErrMalformed
	}
	return h.Kid, nil
}
