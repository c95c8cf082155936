package auth

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	algorithm = "EdDSA"
	tokenType = "JWT"
	audience  = "kvs"

	// idChars is the length of 128 bits in base64url: a jti, and a kid.
	idChars = 22
)

// Ticket is what a token is to say.
type Ticket struct {
	User       UserID
	Scope      Scope
	PathPrefix string        // "" for the whole store; else the key or subtree it is good for.
	TTL        time.Duration // Whole seconds.
}

// Claims is what a verified token says.
type Claims struct {
	User       UserID
	Scope      Scope
	PathPrefix string
	ID         string // The jti, by which it is revoked.
	Kid        string
	Issued     Millis
	Expires    Millis
}

// wireClaims are the claims as a token carries them. Times are whole seconds
// and pointers: what is missing differs from 0.
type wireClaims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Subject  string `json:"sub"`
	Scope    Scope  `json:"scope"`
	Prefix   string `json:"path_prefix,omitempty"`
	ID       string `json:"jti"`
	Issued   *int64 `json:"iat"`
	Begins   *int64 `json:"nbf"`
	Expires  *int64 `json:"exp"`
}

// GetExpirationTime and its siblings implement jwt.Claims.
func (c *wireClaims) GetExpirationTime() (*jwt.NumericDate, error) { return dateOf(c.Expires) }
func (c *wireClaims) GetIssuedAt() (*jwt.NumericDate, error)       { return dateOf(c.Issued) }
func (c *wireClaims) GetNotBefore() (*jwt.NumericDate, error)      { return dateOf(c.Begins) }
func (c *wireClaims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c *wireClaims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c *wireClaims) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{c.Audience}, nil
}

func dateOf(seconds *int64) (*jwt.NumericDate, error) {
	if seconds == nil {
		return nil, nil
	}
	return jwt.NewNumericDate(time.Unix(*seconds, 0)), nil
}

// Mint signs a token for a ticket, valid in the cluster of that issuer from
// now on. It checks the ticket's form; who may get it is for the caller.
func (k SigningKey) Mint(issuer string, t Ticket, now time.Time) (string, Claims, error) {
	if err := t.check(); err != nil {
		return "", Claims{}, err
	}
	var id [16]byte
	rand.Read(id[:])
	issued := now.Unix()
	expires := issued + int64(t.TTL/time.Second)
	wire := &wireClaims{
		Issuer:   issuer,
		Audience: audience,
		Subject:  string(t.User),
		Scope:    t.Scope,
		Prefix:   t.PathPrefix,
		ID:       base64.RawURLEncoding.EncodeToString(id[:]),
		Issued:   &issued,
		Begins:   &issued,
		Expires:  &expires,
	}
	token := jwt.NewWithClaims(jwt.SigningMethodEdDSA, wire)
	token.Header["kid"] = k.kid
	text, err := token.SignedString(k.private)
	if err != nil {
		return "", Claims{}, fmt.Errorf("sign token: %w", err)
	}
	if len(text) > TokenBytesMax { // Escapes of JSON can make a long prefix six times as long.
		return "", Claims{}, badField("path_prefix", "makes the token longer than "+
			strconv.Itoa(TokenBytesMax)+" bytes")
	}
	return text, wire.claims(k.kid), nil
}

// check refuses a ticket whose token no Verifier would accept.
func (t Ticket) check() error {
	switch {
	case !isUUID(string(t.User)):
		return badField("user_uuid", "must be a UUID in lower case")
	case t.Scope == 0 || t.Scope > ScopeRead|ScopeWrite|ScopeAdmin:
		return badScopes()
	case t.PathPrefix != "" && !isKey(t.PathPrefix):
		return badPrefix()
	case t.PathPrefix != "" && t.Scope&ScopeAdmin != 0:
		return badField("path_prefix", `cannot narrow the scope "admin", which is past every path`)
	case t.TTL < time.Second || t.TTL%time.Second != 0:
		return badField("ttl", "must be whole seconds, at least one")
	}
	return nil
}

func badPrefix() error {
	return badField("path_prefix", `must be a key such as "users/john"`)
}

// claims is what the callers of Verify get to see.
func (c *wireClaims) claims(kid string) Claims {
	return Claims{
		User:       UserID(c.Subject),
		Scope:      c.Scope,
		PathPrefix: c.Prefix,
		ID:         c.ID,
		Kid:        kid,
		Issued:     Millis(*c.Issued * 1000),
		Expires:    Millis(*c.Expires * 1000),
	}
}

// isID accepts the one spelling of 128 bits in base64url.
func isID(s string) bool {
	if len(s) != idChars {
		return false
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && base64.RawURLEncoding.EncodeToString(b) == s
}
