package keyspace

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
)

// KeyHash is the first 8 bytes of the keyed hash of a key. Its top 18 bits
// choose the leaf of the digest tree.
type KeyHash uint64

// Leaf is the leaf that counts the record.
func (k KeyHash) Leaf() Leaf { return Leaf(k >> (64 - leafBits)) }

// Domains that keep the hash of a key and the hash of a record apart.
const (
	domainKey    = 1
	domainRecord = 2
)

// Hasher computes the keyed hashes of one cluster. Not safe for concurrent use.
type Hasher struct {
	mac keyedHash
	buf []byte
}

// keyedHash is what hmac.New returns, as far as it is used here.
type keyedHash interface {
	Write([]byte) (int, error)
	Sum([]byte) []byte
	Reset()
}

// NewHasher returns the hasher of a digest key: HMAC-SHA-256 (RFC 2104).
func NewHasher(key DigestKey) *Hasher {
	return &Hasher{mac: hmac.New(sha256.New, key[:])}
}

// Key hashes a key to its place in the tree.
func (h *Hasher) Key(key string) KeyHash {
	h.buf = append(append(h.buf[:0], domainKey), key...)
	return KeyHash(binary.BigEndian.Uint64(h.sum()))
}

// Record digests the visible state of a record: its key, version, flags,
// expiry and value. Tombstones are not part of the tree and digest to zero, so
// that collecting them at different times never changes a root.
func (h *Hasher) Record(key string, hd *Header) Sum {
	if hd.Tombstone() {
		return Sum{}
	}
	b := append(h.buf[:0], domainRecord)
	b = binary.BigEndian.AppendUint32(b, uint32(len(key)))
	b = append(b, key...)
	b = appendVersion(b, hd.Ver)
	b = append(b, byte(hd.Flags))
	b = binary.BigEndian.AppendUint64(b, uint64(hd.Expires))
	h.buf = append(b, hd.ValHash[:]...)
	s := h.sum()
	return Sum{Hi: binary.BigEndian.Uint64(s), Lo: binary.BigEndian.Uint64(s[8:])}
}

// sum hashes buf, and leaves the result behind it in the same buffer.
func (h *Hasher) sum() []byte {
	h.mac.Reset()
	h.mac.Write(h.buf)
	n := len(h.buf)
	h.buf = h.mac.Sum(h.buf)
	return h.buf[n:]
}
