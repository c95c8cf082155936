package auth

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// PublicKey is the record by which all nodes know the key of one.
//
// Invariant: Kid is derived from Key. Created <= NotAfter unless that is 0.
type PublicKey struct {
	Kid      string `json:"kid"`
	Replica  string `json:"replica"` // 32 hex digits.
	Key      string `json:"key"`     // 32 bytes in base64url.
	Created  Millis `json:"created"`
	NotAfter Millis `json:"not_after"` // 0 while its node signs with it.
	Revoked  bool   `json:"revoked"`
}

// ParsePublicKey reads a record strictly.
func ParsePublicKey(raw []byte) (PublicKey, error) {
	k, err := decode[PublicKey](raw)
	if err != nil {
		return PublicKey{}, err
	}
	if _, err := k.check(); err != nil {
		return PublicKey{}, err
	}
	return k, nil
}

// check returns the key itself if the record is sound.
func (k PublicKey) check() (ed25519.PublicKey, error) {
	public, err := base64.RawURLEncoding.DecodeString(k.Key)
	if err != nil || len(public) != ed25519.PublicKeySize ||
		base64.RawURLEncoding.EncodeToString(public) != k.Key {
		return nil, badField("key", "must be 32 bytes in base64url without padding")
	}
	switch {
	case k.Kid != kidOf(public):
		return nil, badField("kid", "does not belong to the key")
	case !isReplica(k.Replica):
		return nil, badField("replica", "must be 32 hex digits in lower case")
	case k.Created <= 0 || k.Created > timeSecondsMax*1000:
		return nil, badField("created", "must be a time in milliseconds")
	case k.NotAfter != 0 && (k.NotAfter < k.Created || k.NotAfter > timeSecondsMax*1000):
		return nil, badField("not_after", "must be 0 or a time in milliseconds after created")
	}
	return public, nil
}

func isReplica(s string) bool {
	for i := range len(s) {
		if !isHexDigit(s[i]) {
			return false
		}
	}
	return len(s) == 32
}

// verifies says whether tokens of this key are accepted at a time.
func (k PublicKey) verifies(now Millis) bool {
	return !k.Revoked && (k.NotAfter == 0 || now < k.NotAfter)
}

// Reconcile says which records a node must write so that the cluster knows its
// current key and retires its earlier ones: none, if all is as it should be. It
// is called at every start and after every rotation. An earlier key verifies
// for overlap more, the longest life of a token it can have signed. A record of
// another replica is never touched, and nothing revoked is ever restored: a
// node whose current key is revoked or retired (a restored old file) has to
// rotate.
func Reconcile(known []PublicKey, own PublicKey, overlap time.Duration, now time.Time) []PublicKey {
	var out []PublicKey
	published := false
	for _, k := range known {
		switch {
		case k.Replica != own.Replica:
		case k.Kid == own.Kid:
			published = true
		case k.NotAfter == 0 && !k.Revoked:
			k.NotAfter = max(k.Created, Millis(now.Add(overlap+Leeway).UnixMilli()))
			out = append(out, k)
		}
	}
	if !published {
		out = append(out, own)
	}
	return out
}

// Keys is the set of keys that tokens are verified with. Reading it takes no
// lock: a change puts a new set in its place.
type Keys struct {
	mu  sync.Mutex // One change at a time.
	set atomic.Pointer[map[string]trustedKey]

	// generation counts changes, after they took effect.
	generation atomic.Uint64
}

type trustedKey struct {
	record PublicKey
	public ed25519.PublicKey
}

// NewKeys is an empty set, which verifies nothing.
func NewKeys() *Keys {
	k := &Keys{}
	k.set.Store(&map[string]trustedKey{})
	return k
}

// Replace makes exactly these records the set. If one is unsound, or if there
// are too many, nothing changes.
func (k *Keys) Replace(records []PublicKey) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.store(map[string]trustedKey{}, records)
}

// Put adds a record or replaces the one of its kid. Which of two versions of a
// record is the newer is for the caller to know.
func (k *Keys) Put(record PublicKey) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.store(maps.Clone(*k.set.Load()), []PublicKey{record})
}

// store adds records to a fresh map and publishes it.
func (k *Keys) store(set map[string]trustedKey, records []PublicKey) error {
	for _, r := range records {
		public, err := r.check()
		if err != nil {
			return fmt.Errorf("key %q: %w", r.Kid, err)
		}
		set[r.Kid] = trustedKey{r, public}
	}
	if len(set) > KeysMax {
		return fmt.Errorf("%d keys, at most %d are kept: forget nodes that are gone",
			len(set), KeysMax)
	}
	k.publish(set)
	return nil
}

// Remove drops the key with that kid: its tokens stop.
func (k *Keys) Remove(kid string) {
	k.drop(func(t trustedKey) bool { return t.record.Kid == kid })
}

// RemoveReplica drops every key of a replica that was forgotten: its tokens
// stop.
func (k *Keys) RemoveReplica(replica string) {
	k.drop(func(t trustedKey) bool { return t.record.Replica == replica })
}

func (k *Keys) drop(gone func(trustedKey) bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	set := maps.Clone(*k.set.Load())
	maps.DeleteFunc(set, func(_ string, t trustedKey) bool { return gone(t) })
	k.publish(set)
}

// publish counts after the set is in place: whoever reads the new count reads
// the new set, and what was verified with the old one carries the old count. A set
// that is the old one over again makes nobody verify anything anew.
func (k *Keys) publish(set map[string]trustedKey) {
	if maps.EqualFunc(*k.set.Load(), set, func(a, b trustedKey) bool { return a.record == b.record }) {
		return
	}
	k.set.Store(&set)
	k.generation.Add(1)
}

// find is the key that verifies tokens of that kid now.
func (k *Keys) find(kid string, now Millis) (trustedKey, bool) {
	t, ok := (*k.set.Load())[kid]
	return t, ok && t.record.verifies(now)
}

// All lists the records by kid.
func (k *Keys) All() []PublicKey {
	var out []PublicKey
	for _, t := range *k.set.Load() { // Sorted below.
		out = append(out, t.record)
	}
	slices.SortFunc(out, func(a, b PublicKey) int { return strings.Compare(a.Kid, b.Kid) })
	return out
}

// JWKS renders the keys that verify now as a JWK set (RFC 7517 section 5; RFC
// 8037 section 2), for others to verify our tokens with.
func (k *Keys) JWKS(now time.Time) ([]byte, error) {
	type jwk struct {
		Type      string `json:"kty"`
		Curve     string `json:"crv"`
		X         string `json:"x"`
		Kid       string `json:"kid"`
		Use       string `json:"use"`
		Algorithm string `json:"alg"`
	}
	keys := []jwk{}
	for _, r := range k.All() {
		if r.verifies(Millis(now.UnixMilli())) {
			keys = append(keys, jwk{"OKP", "Ed25519", r.Key, r.Kid, "sig", algorithm})
		}
	}
	return json.Marshal(struct {
		Keys []jwk `json:"keys"`
	}{keys})
}
