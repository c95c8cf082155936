package audit

import (
	"crypto/ed25519"
	"encoding/binary"
)

// signatureDomain keeps a checkpoint's signature apart from all else that the
// same key signs.
const signatureDomain = "kvs audit checkpoint 1\x00"

// Checkpoint is a node's word for its log so far. Whoever holds one can tell
// whether the log still begins with those entries.
type Checkpoint struct {
	// Replica is the node whose log it is.
	Replica ReplicaID

	// First is the number from which on entries were kept when it was signed.
	// Invariant: First <= Number + 1, and First never decreases.
	First uint64

	// Number is the number of the newest entry, and Head its hash. A log that
	// begins after it has none: the hash is zero.
	Number uint64
	Head   Hash

	// Time is when it was signed.
	Time Millis

	// Kid names the key, and Signature is what the key has made of it.
	Kid       string
	Signature [ed25519.SignatureSize]byte
}

// Message is what the signature is over.
func (c *Checkpoint) Message() []byte {
	b := make([]byte, 0, 128+len(c.Kid))
	b = append(b, signatureDomain...)
	b = append(b, c.Replica[:]...)
	b = binary.BigEndian.AppendUint64(b, c.First)
	b = binary.BigEndian.AppendUint64(b, c.Number)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Time))
	b = append(b, c.Head[:]...)
	return append(b, c.Kid...)
}

// SignedBy says that the signature is that of the owner of a key.
func (c *Checkpoint) SignedBy(key ed25519.PublicKey) bool {
	return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, c.Message(), c.Signature[:])
}
