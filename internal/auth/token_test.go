package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"hash"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Goal: a token says after verification what it was minted for.
func TestMintedTokenIsAccepted(t *testing.T) {
	w := newWorld(t)
	for _, ticket := range []Ticket{
		{User: testUser, Scope: ScopeRead, TTL: time.Second},
		{User: testUser, Scope: ScopeRead | ScopeWrite, PathPrefix: "a/<ü>", TTL: 24 * time.Hour},
		{User: AdminUser, Scope: ScopeAdmin, TTL: testTTLMax},
	} {
		text, minted, err := w.key.Mint(testIssuer, ticket, w.now())
		w.must(err)
		for range 2 { // The second time from the cache.
			got, err := w.v.Verify([]byte(text))
			if err != nil || got != minted {
				t.Errorf("%+v, %v, want %+v", got, err, minted)
			}
		}
		if minted.User != ticket.User || minted.Scope != ticket.Scope ||
			minted.PathPrefix != ticket.PathPrefix || minted.Kid != w.key.Kid() ||
			minted.Expires-minted.Issued != Millis(ticket.TTL.Milliseconds()) {
			t.Errorf("%+v from %+v", minted, ticket)
		}
	}
	// The forger of the attacks makes good tokens if nothing is spoilt.
	w.want(forge(w.key, goodHeader(w.key), with()), nil)
	w.want(forge(w.key, ` {"typ":"JWT","kid":"`+w.key.kid+`", "alg":"EdDSA"}`, " "+with()), nil)
}

// Goal: no ticket is signed that a verifier would refuse.
func TestTicketsThatAreNotSigned(t *testing.T) {
	good := Ticket{User: testUser, Scope: ScopeRead, TTL: time.Hour}
	for name, spoil := range map[string]func(*Ticket){
		"user":        func(k *Ticket) { k.User = "john" },
		"upper case":  func(k *Ticket) { k.User = "AAAAAAAA-2222-4333-8444-555555555555" },
		"no scope":    func(k *Ticket) { k.Scope = 0 },
		"scope":       func(k *Ticket) { k.Scope = 8 },
		"no ttl":      func(k *Ticket) { k.TTL = 0 },
		"part ttl":    func(k *Ticket) { k.TTL = time.Second + 1 },
		"prefix":      func(k *Ticket) { k.PathPrefix = "a/../b" },
		"not UTF-8":   func(k *Ticket) { k.PathPrefix = "\xff" },
		"long":        func(k *Ticket) { k.PathPrefix = strings.Repeat("<", 900) },
		"admin below": func(k *Ticket) { k.Scope, k.PathPrefix = ScopeAdmin, "a" },
	} {
		ticket := good
		spoil(&ticket)
		if text, _, err := testKey(1).Mint(testIssuer, ticket, testStart()); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// Goal: each attack on form or key is refused for its own reason.
func TestS4ForgedTokens(t *testing.T) {
	w := newWorld(t)
	valid, _ := w.mint()
	head, rest, _ := strings.Cut(valid, ".")
	body, sig, _ := strings.Cut(rest, ".")
	header := goodHeader(w.key)
	stranger := testKey(2)
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"empty":              {"", ErrMalformed},
		"dots":               {strings.Repeat(".", 1<<20), ErrMalformed},
		"few dots":           {strings.Repeat(".", 1000), ErrMalformed},
		"two parts":          {head + "." + body, ErrMalformed},
		"four parts":         {valid + ".", ErrMalformed},
		"trailing garbage":   {valid + "AAAA", ErrMalformed},
		"trailing space":     {valid + " ", ErrMalformed},
		"trailing break":     {valid + "\n", ErrMalformed},
		"leading break":      {"\r\n" + valid, ErrMalformed},
		"break in signature": {valid[:len(valid)-5] + "\n" + valid[len(valid)-5:], ErrMalformed},
		"padding":            {valid + "==", ErrMalformed},
		"standard alphabet":  {head + "." + body + "." + strings.Repeat("+/", 43), ErrMalformed},
		"no signature":       {head + "." + body + ".", ErrMalformed},
		"alg is a number":    {forge(w.key, strings.Replace(header, `"EdDSA"`, "1", 1), with()), ErrMalformed},
		"alg twice":          {forge(w.key, add(header, `"alg":"none"`), with()), ErrMalformed},
		"alg escaped twice":  {forge(w.key, add(header, `"\u0061lg":"none"`), with()), ErrMalformed},
		"ALG":                {forge(w.key, add(header, `"ALG":"EdDSA"`), with()), ErrMalformed},
		"crit":               {forge(w.key, add(header, `"crit":["exp"]`), with()), ErrMalformed},
		"crit, empty":        {forge(w.key, add(header, `"crit":[]`), with()), ErrMalformed},
		"jwk":                {forge(w.key, add(header, `"jwk":{}`), with()), ErrMalformed},
		"typ":                {forge(w.key, strings.Replace(header, "JWT", "at+jwt", 1), with()), ErrMalformed},
		"no kid":             {forge(w.key, `{"alg":"EdDSA","typ":"JWT"}`, with()), ErrMalformed},
		"kid is a path":      {forge(w.key, strings.Replace(header, w.key.kid, "../../dev/null", 1), with()), ErrMalformed},
		"large header":       {forge(w.key, header+strings.Repeat(" ", 200), with()), ErrMalformed},
		"header is a list":   {forge(w.key, "["+header+"]", with()), ErrMalformed},
		"two headers":        {forge(w.key, header+header, with()), ErrMalformed},
		"large":              {forge(w.key, header, with()+strings.Repeat(" ", 4000)), ErrMalformed},
		"unknown key":        {forge(stranger, goodHeader(stranger), with()), ErrUnknownKey},
		"kid swapped":        {forge(stranger, header, with()), ErrSignature},
		"payload swapped":    {head + "." + b64(with("scope", []string{"admin"})) + "." + sig, ErrSignature},
		"signature of zeros": {head + "." + body + "." + strings.Repeat("A", 86), ErrSignature},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.want(c.token, c.want)
		})
	}
}

// Goal: no algorithm but ours, however a token of another one is made: without
// a signature, with the public key for a secret, or with a true key of its own.
func TestS2OtherAlgorithms(t *testing.T) {
	w := newWorld(t)
	header := goodHeader(w.key)
	body := b64(with())
	swap := func(alg string) string { return strings.Replace(header, "EdDSA", alg, 1) }
	mac := func(method string, secret []byte, size func() hash.Hash) string {
		text := b64(swap(method)) + "." + body
		h := hmac.New(size, secret)
		h.Write([]byte(text))
		return text + "." + b64(string(h.Sum(nil)))
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	w.must(err)
	rs := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims(goodClaims()))
	rs.Header["kid"] = w.key.kid
	rsText, err := rs.SignedString(rsaKey)
	w.must(err)
	public := publicOf(w.key.private)
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"none":                 {b64(`{"alg":"none","typ":"JWT"}`) + "." + body + ".", ErrMalformed},
		"none, signed":         {forge(w.key, swap("none"), with()), ErrAlgorithm},
		"None":                 {forge(w.key, swap("None"), with()), ErrAlgorithm},
		"eddsa":                {forge(w.key, swap("eddsa"), with()), ErrAlgorithm},
		"Ed25519":              {forge(w.key, swap("Ed25519"), with()), ErrAlgorithm},
		"HS256, our signature": {forge(w.key, swap("HS256"), with()), ErrAlgorithm},
		"ES256, our signature": {forge(w.key, swap("ES256"), with()), ErrAlgorithm},
		"HS256, public key":    {mac("HS256", public, sha256.New), ErrMalformed}, // 32 bytes are no signature.
		"HS256, empty secret":  {mac("HS256", nil, sha256.New), ErrMalformed},
		"HS512, public key":    {mac("HS512", public, sha512.New), ErrAlgorithm}, // 64 bytes are one.
		"RS256":                {rsText, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.want(c.token, c.want)
		})
	}
}

// Goal: claims that our own key signed are still held against every rule.
func TestS3SignedButWrongClaims(t *testing.T) {
	w := newWorld(t)
	at := testStart().Unix()
	long := int64(testTTLMax / time.Second)
	for name, c := range map[string]struct {
		payload string
		want    error
	}{
		"no exp":           {with("exp", nil), ErrMalformed},
		"exp null":         {add(with("exp", nil), `"exp":null`), ErrMalformed},
		"exp is text":      {with("exp", "2100"), ErrMalformed},
		"exp is a float":   {add(with("exp", nil), `"exp":1.7e9`), ErrMalformed},
		"exp is huge":      {with("exp", int64(1)<<62), ErrMalformed},
		"no nbf":           {with("nbf", nil), ErrMalformed},
		"no iat":           {with("iat", nil), ErrMalformed},
		"no iss":           {with("iss", nil), ErrMalformed},
		"no aud":           {with("aud", nil), ErrMalformed},
		"no sub":           {with("sub", nil), ErrMalformed},
		"no jti":           {with("jti", nil), ErrMalformed},
		"no scope":         {with("scope", nil), ErrMalformed},
		"sub":              {with("sub", "root"), ErrMalformed},
		"jti tail":         {with("jti", "AAAAAAAAAAAAAAAAAAAAAB"), ErrMalformed},
		"scope is text":    {with("scope", "admin"), ErrMalformed},
		"scope is empty":   {with("scope", []string{}), ErrMalformed},
		"scope twice":      {with("scope", []string{"read", "read"}), ErrMalformed},
		"scope unknown":    {with("scope", []string{"read", "root"}), ErrMalformed},
		"sub twice":        {add(with(), `"sub":"`+string(AdminUser)+`"`), ErrMalformed},
		"sub twice, SUB":   {add(with(), `"SUB":"`+string(AdminUser)+`"`), ErrMalformed},
		"twice, deeper":    {with("aud", map[string]any{}) + "", ErrMalformed},
		"unknown claim":    {with("root", true), ErrMalformed},
		"two documents":    {with() + with(), ErrMalformed},
		"not UTF-8":        {strings.Replace(with(), "kvs", "kv\xff", 1), ErrMalformed},
		"prefix":           {with("path_prefix", "../a"), ErrMalformed},
		"prefix and admin": {with("path_prefix", "a", "scope", []string{"admin"}), ErrMalformed},
		"iss":              {with("iss", strings.Repeat("0", 32)), ErrIssuer},
		"aud":              {with("aud", "other"), ErrAudience},
		"aud is a list":    {with("aud", []string{"kvs", "other"}), ErrMalformed},
		"expired":          {with("iat", at-7200, "nbf", at-7200, "exp", at-30), ErrExpired},
		"expired, leeway":  {with("iat", at-7200, "nbf", at-7200, "exp", at-29), nil},
		"nbf ahead":        {with("nbf", at+31), ErrNotYetValid},
		"nbf ahead, a bit": {with("nbf", at+30), nil},
		"iat ahead":        {with("iat", at+31), ErrNotYetValid},
		"iat ahead, a bit": {with("iat", at+30), nil},
		"longest":          {with("exp", at+long), nil},
		"too long":         {with("exp", at+long+1), ErrLifetime},
		"backwards":        {with("exp", at-1), ErrLifetime},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.want(forge(w.key, goodHeader(w.key), c.payload), c.want)
		})
	}
}

// Goal: one signature has one spelling. The last character of 64 bytes in
// base64 carries four bits that nothing reads: by default the library takes
// all sixteen.
func TestSignatureHasOneSpelling(t *testing.T) {
	w := newWorld(t)
	valid, _ := w.mint()
	last, accepted := valid[:len(valid)-1], 0
	want, err := base64.RawURLEncoding.DecodeString(valid[strings.LastIndexByte(valid, '.')+1:])
	w.must(err)
	spellings := 0
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		text := last + string(c)
		got, _ := base64.RawURLEncoding.DecodeString(text[strings.LastIndexByte(text, '.')+1:])
		if string(got) == string(want) {
			spellings++
		}
		if _, err := w.v.Verify([]byte(text)); err == nil {
			accepted++
		}
	}
	if accepted != 1 || spellings != 16 {
		t.Errorf("%d accepted, of %d spellings", accepted, spellings)
	}
}

// Goal: a byte changed, dropped or put in, anywhere in a valid token, makes it
// an invalid one.
func TestNoMutationIsAccepted(t *testing.T) {
	w := newWorld(t)
	valid, _ := w.mint()
	w.want(valid, nil)
	bytes := []byte("A\n.=_\x00\xff")
	if testing.Short() {
		bytes = bytes[:4]
	}
	for i := range len(valid) {
		bytes := append(bytes, valid[i]^1, valid[i]^0x20)
		mutants := []string{valid[:i] + valid[i+1:]}
		for _, b := range bytes {
			mutants = append(mutants, valid[:i]+string([]byte{b})+valid[i+1:],
				valid[:i]+string([]byte{b})+valid[i:])
		}
		for _, m := range mutants {
			if _, err := w.v.Verify([]byte(m)); err == nil && m != valid {
				t.Errorf("position %d: %q is accepted", i, m)
			}
		}
	}
}

// FuzzVerify accepts only what was minted or forged well, and never panics.
func FuzzVerify(f *testing.F) {
	w := newWorld(f)
	// Not minted: the processes of the fuzzer would each have another jti.
	valid := forge(w.key, goodHeader(w.key), with())
	f.Add([]byte(valid))
	f.Add([]byte(forge(w.key, goodHeader(w.key), with("exp", nil))))
	f.Add([]byte(forge(testKey(2), goodHeader(testKey(2)), with())))
	f.Add([]byte(b64(`{"alg":"none"}`) + "." + b64(`{}`) + "."))
	f.Add([]byte("..\n" + valid))
	f.Fuzz(func(t *testing.T, token []byte) {
		if _, err := w.v.Verify(token); err == nil && string(token) != valid {
			t.Errorf("accepted %q", token)
		} else if err != nil && Reason(err) == "" {
			t.Errorf("no reason: %v", err)
		}
	})
}

// FuzzClaims lets the fuzzer write what our key signs: whatever comes, there
// is an answer, and what is accepted is within the bounds.
func FuzzClaims(f *testing.F) {
	w := newWorld(f)
	f.Add(goodHeader(w.key), with())
	f.Add(goodHeader(w.key), `{"aud":[{"a":[1,{"b":{}}]}],"exp":1e400}`)
	f.Fuzz(func(t *testing.T, header, payload string) {
		c, err := w.v.Verify([]byte(forge(w.key, header, payload)))
		if err == nil && (!isUUID(string(c.User)) || c.Scope == 0 || c.Expires <= c.Issued ||
			c.Expires-c.Issued > Millis(testTTLMax.Milliseconds()) || !isID(c.ID)) {
			t.Errorf("accepted %+v", c)
		}
	})
}
