package auth

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

const (
	testIssuer  = "00112233445566778899aabbccddeeff"
	testReplica = "0123456789abcdef0123456789abcdef"
	testUser    = UserID("11111111-2222-4333-8444-555555555555")
	testTTLMax  = 720 * time.Hour
)

// testStart is when every test begins.
func testStart() time.Time { return time.Unix(1_700_000_000, 0) }

func testKey(n byte) SigningKey { return newSigningKey([ed25519.SeedSize]byte{n}) }

// world is a verifier with one trusted key and a clock that a test moves.
type world struct {
	t       testing.TB
	key     SigningKey
	keys    *Keys
	revoked *Revocations
	v       *Verifier
	seconds atomic.Int64 // Since testStart.
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, key: testKey(1), keys: NewKeys(), revoked: NewRevocations()}
	w.v = NewVerifier(testIssuer, testTTLMax, w.keys, w.revoked, w.now)
	w.must(w.keys.Put(w.key.Public(testReplica, testStart())))
	return w
}

func (w *world) now() time.Time {
	return testStart().Add(time.Duration(w.seconds.Load()) * time.Second)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// mint makes a token of an hour.
func (w *world) mint() (string, Claims) {
	w.t.Helper()
	text, claims, err := w.key.Mint(testIssuer,
		Ticket{User: testUser, Scope: ScopeRead | ScopeWrite, TTL: time.Hour}, w.now())
	w.must(err)
	return text, claims
}

// want verifies a token and compares the reason of its refusal, nil for none.
func (w *world) want(token string, want error) {
	w.t.Helper()
	got, err := w.v.Verify([]byte(token))
	if !errors.Is(err, want) || (err == nil) != (want == nil) {
		w.t.Errorf("%.200q: %v, want %v", token, err, want)
	}
	if err != nil && (got != Claims{} || Reason(err) == "") {
		w.t.Errorf("a refusal with claims %v, reason %q", got, Reason(err))
	}
}

// claims are the members of a good token, for a test to spoil.
func goodClaims() map[string]any {
	at := testStart().Unix()
	return map[string]any{
		"iss": testIssuer, "aud": "kvs", "sub": string(testUser), "scope": []string{"read"},
		"jti": "AAAAAAAAAAAAAAAAAAAAAA", "iat": at, "nbf": at, "exp": at + 3600,
	}
}

func goodHeader(k SigningKey) string { return `{"alg":"EdDSA","kid":"` + k.kid + `","typ":"JWT"}` }

func toJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// forge signs any header and payload with our true key.
func forge(k SigningKey, header, payload string) string {
	text := b64(header) + "." + b64(payload)
	return text + "." + b64(string(ed25519.Sign(k.private, []byte(text))))
}

// with changes members of the good claims; nil removes one.
func with(pairs ...any) string {
	c := goodClaims()
	for i := 0; i < len(pairs); i += 2 {
		name := pairs[i].(string)
		if c[name] = pairs[i+1]; pairs[i+1] == nil {
			delete(c, name)
		}
	}
	return toJSON(c)
}

// add puts one more member in front of an object's others.
func add(object, member string) string { return strings.Replace(object, "{", "{"+member+",", 1) }
