package auth

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// KeyFile is the name of a node's signing key in its data directory.
const KeyFile = "node.key"

// pemType is PKCS #8's, so that openssl pkey reads the file.
const pemType = "PRIVATE KEY"

// SigningKey is a node's own Ed25519 key. Printing it shows its kid alone.
type SigningKey struct {
	private ed25519.PrivateKey
	kid     string
}

// Kid is the name by which tokens refer to the key.
func (k SigningKey) Kid() string { return k.kid }

// Sign signs a message. Whoever signs something else than tokens begins it with a
// domain of its own.
func (k SigningKey) Sign(message []byte) []byte { return ed25519.Sign(k.private, message) }

// PublicKey is what its signatures are verified with.
func (k SigningKey) PublicKey() ed25519.PublicKey { return publicOf(k.private) }

// String is the kid.
func (k SigningKey) String() string { return "key " + k.kid }

// GoString is the kid as well, so that %#v shows no more.
func (k SigningKey) GoString() string { return k.String() }

// Public is the record with which the node of that replica makes its key known.
func (k SigningKey) Public(replica string, now time.Time) PublicKey {
	return PublicKey{
		Kid:     k.kid,
		Replica: replica,
		Key:     base64.RawURLEncoding.EncodeToString(publicOf(k.private)),
		Created: Millis(now.UnixMilli()),
	}
}

func publicOf(private ed25519.PrivateKey) ed25519.PublicKey {
	return private.Public().(ed25519.PublicKey)
}

// kidOf derives a key's name from the key, so that no record can give one
// key's name to another: 128 bits of SHA-256 in base64url.
func kidOf(public ed25519.PublicKey) string {
	sum := sha256.Sum256(public)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func newSigningKey(seed [ed25519.SeedSize]byte) SigningKey {
	private := ed25519.NewKeyFromSeed(seed[:])
	return SigningKey{private, kidOf(publicOf(private))}
}

// Keyring is the signing key of one data directory. The caller holds the lock
// of that directory while it opens or rotates: two processes that create a key
// at once would leave the one that renamed last.
type Keyring struct {
	dir     string
	mu      sync.Mutex // One rotation at a time.
	current atomic.Pointer[SigningKey]
}

// OpenKeyring loads the directory's key, or creates it if there is none yet. A
// key that is there but cannot be used is an error and never replaced.
func OpenKeyring(dir string) (*Keyring, error) {
	key, err := OpenKey(filepath.Join(dir, KeyFile))
	if err != nil {
		return nil, err
	}
	k := &Keyring{dir: dir}
	k.current.Store(&key)
	return k, nil
}

// OpenKey loads the key in a file, or creates it if there is none yet. A file that
// is there but holds no usable key is an error and never replaced.
func OpenKey(path string) (SigningKey, error) {
	key, err := loadKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = createKey(path)
	}
	return key, err
}

// LoadKey reads the directory's key and never creates one: the way of a tool
// that mints a token beside a node.
func LoadKey(dir string) (SigningKey, error) { return loadKey(filepath.Join(dir, KeyFile)) }

func loadKey(path string) (SigningKey, error) {
	text, err := readSecret(path)
	if err != nil {
		return SigningKey{}, fmt.Errorf("load signing key: %w", err)
	}
	block, rest := pem.Decode(text)
	if block == nil || block.Type != pemType || len(bytes.TrimSpace(rest)) > 0 {
		return SigningKey{}, damagedKey(path)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	private, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return SigningKey{}, damagedKey(path)
	}
	return SigningKey{private, kidOf(publicOf(private))}, nil
}

func damagedKey(path string) error {
	return errors.New("load signing key: " + path + " is not an Ed25519 key in PEM: restore it, " +
		"or move it away to get a new one (tokens of the old one then end)")
}

// createKey draws a key and makes it that of a file.
func createKey(path string) (SigningKey, error) {
	var seed [ed25519.SeedSize]byte
	rand.Read(seed[:])
	key := newSigningKey(seed)
	der, err := x509.MarshalPKCS8PrivateKey(key.private)
	if err != nil {
		return SigningKey{}, fmt.Errorf("encode signing key: %w", err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: der})
	if err := WriteSecret(path, text); err != nil {
		return SigningKey{}, err
	}
	return key, nil
}

// Current is the key to sign with.
func (k *Keyring) Current() SigningKey { return *k.current.Load() }

// Rotate replaces the key at once, on disk and then in use. The caller then
// writes the records that Reconcile asks for; if it crashes in between, the
// Reconcile of the next start asks for the same ones.
func (k *Keyring) Rotate() (SigningKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, err := createKey(filepath.Join(k.dir, KeyFile))
	if err != nil {
		return SigningKey{}, fmt.Errorf("rotate signing key: %w", err)
	}
	k.current.Store(&key)
	return key, nil
}
