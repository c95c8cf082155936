package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"time"
)

// SealBytes is by how much a sealed text is longer: nonce and tag of AES-GCM
// (NIST SP 800-38D).
const SealBytes = 12 + 16

// sealKeyBytes makes it AES-256.
const sealKeyBytes = 32

// SealingKey is the record of the key that all nodes of a cluster seal with.
type SealingKey struct {
	Key     string `json:"key"` // 32 bytes in base64url.
	Created Millis `json:"created"`
}

// NewSealingKey draws a key.
func NewSealingKey(now time.Time) SealingKey {
	var key [sealKeyBytes]byte
	rand.Read(key[:])
	return SealingKey{base64.RawURLEncoding.EncodeToString(key[:]), Millis(now.UnixMilli())}
}

// ParseSealingKey reads a record strictly.
func ParseSealingKey(raw []byte) (SealingKey, error) {
	k, err := decode[SealingKey](raw)
	if err != nil {
		return SealingKey{}, err
	}
	key, err := base64.RawURLEncoding.DecodeString(k.Key)
	switch {
	case err != nil || len(key) != sealKeyBytes || base64.RawURLEncoding.EncodeToString(key) != k.Key:
		return SealingKey{}, badField("key", "must be 32 bytes in base64url without padding")
	case k.Created <= 0 || k.Created > timeSecondsMax*1000:
		return SealingKey{}, badField("created", "must be a time in milliseconds")
	}
	return k, nil
}

// String shows nothing of the key.
func (k SealingKey) String() string { return "sealing key" }

// GoString shows nothing either.
func (k SealingKey) GoString() string { return k.String() }

// Sealer encrypts and authenticates small texts with random nonces. One key is good
// for 2^32 of them (SP 800-38D section 8.3): a million a day for eleven years.
type Sealer struct{ aead cipher.AEAD }

// NewSealer is for a key that a Parse or New function has returned.
func NewSealer(k SealingKey) *Sealer {
	key, err := base64.RawURLEncoding.DecodeString(k.Key)
	if err != nil {
		panic("auth: NewSealer with a record that was not checked")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("auth: NewSealer: " + err.Error()) // of the length alone
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("auth: NewSealer: " + err.Error()) // AES has the right block size
	}
	return &Sealer{aead}
}

// Seal returns the text in a form that only holders of the key can read or make.
func (s *Sealer) Seal(plain []byte) []byte { return s.aead.Seal(nil, nil, plain, nil) }

// Unseal is the inverse of Seal; false says that the text is not from there.
func (s *Sealer) Unseal(sealed []byte) ([]byte, bool) {
	if len(sealed) < SealBytes {
		return nil, false
	}
	plain, err := s.aead.Open(nil, nil, sealed, nil)
	return plain, err == nil
}
