package main

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// tokenPrefix tells people and programs what the text is. Another number would be
// another form.
const tokenPrefix = "kvsjoin1."

// tokenBytesMax bounds a token before it is decoded.
const tokenBytesMax = 4096

// joinToken is what a new node needs to know of its cluster. It holds the secret
// itself: its time bounds when kvs cluster join takes it, not what somebody who
// reads it learns (docs/decisions/0015).
type joinToken struct {
	Address   string `json:"a"` // of a member, host:port
	Cluster   string `json:"n,omitempty"`
	Auth      bool   `json:"t,omitempty"` // clients need tokens
	Secret    string `json:"s"`
	Authority string `json:"f"` // fingerprint of what the secret stands for
	Expires   int64  `json:"e"` // Unix seconds
}

func (t joinToken) encode() (string, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(text), nil
}

// parseToken reads a token that is still good. Its errors say what to do.
func parseToken(text string, now time.Time) (joinToken, error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(text), tokenPrefix)
	if !ok || len(text) > tokenBytesMax {
		return joinToken{}, errNoToken
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return joinToken{}, errNoToken
	}
	var t joinToken
	if err := json.Unmarshal(raw, &t); err != nil || t.Secret == "" || t.Address == "" || t.Authority == "" {
		return joinToken{}, errNoToken
	}
	if end := time.Unix(t.Expires, 0); now.After(end) {
		return joinToken{}, errors.New("the token was good until " + end.UTC().Format(time.RFC3339))
	}
	return t, nil
}

var errNoToken = errors.New("this is no token of kvs cluster join-token, or not all of it")

// fingerprint is the SHA-256 of a certificate, as other tools show it.
func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}
