package keyspace

import (
	"crypto/sha256"
	"encoding/binary"
	"unicode/utf8"
)

// Flags of a record.
type Flags uint8

const (
	// Tombstone marks a delete: a version without a value.
	Tombstone Flags = 1
	// Salvaged marks a write that its origin brought into another life: the
	// version is the old one, the dot a new one.
	Salvaged Flags = 2
)

// ValHash is the first half of the SHA-256 of a value's bytes.
type ValHash [16]byte

// Header is everything about a record but its key and its value.
type Header struct {
	Ver     Version `cbor:"3,keyasint"`
	Dot     Dot     `cbor:"4,keyasint"`
	Flags   Flags   `cbor:"5,keyasint,omitempty"`
	Expires Millis  `cbor:"6,keyasint,omitempty"` // absolute wall time fixed by the origin; 0 never
	Base    Version `cbor:"7,keyasint,omitzero"`  // the version it replaced at its origin; zero none
	ValHash ValHash `cbor:"8,keyasint,omitzero"`
}

// Entry is one record as replicas exchange it. Its value is never changed.
// On the wire the numbers of Header's fields follow its own.
type Entry struct {
	Key string `cbor:"1,keyasint"`
	Header
	Value []byte `cbor:"2,keyasint,omitempty"`
}

// HashValue hashes the bytes that the client sent.
func HashValue(value []byte) ValHash {
	h := sha256.Sum256(value)
	return ValHash(h[:16])
}

// Tombstone says that the record is a delete.
func (h *Header) Tombstone() bool { return h.Flags&Tombstone != 0 }

// Live says that a reader at wall time now sees the record.
func (h *Header) Live(now Millis) bool {
	return !h.Tombstone() && (h.Expires == 0 || now < h.Expires)
}

// Valid says that an entry from a peer is well formed: bounds, flags and the
// hash of its value. It depends on the entry alone, so all replicas agree.
func (e *Entry) Valid() bool {
	switch {
	case !e.Ver.valid(), !e.Dot.Valid():
		return false
	case e.Expires < 0, e.Expires >= TimestampMax:
		return false
	case e.Flags&^(Tombstone|Salvaged) != 0:
		return false
	case len(e.Key) == 0, len(e.Key) > KeyBytesMax, !utf8.ValidString(e.Key):
		return false
	case len(e.Value) > ValueBytesMax:
		return false
	case e.Flags&Salvaged == 0 && e.Ver.UUID != uuidFor(e.Dot.Stream, e.Dot.Seq):
		return false
	case e.Tombstone():
		return len(e.Value) == 0 && e.ValHash == ValHash{} && e.Expires == 0
	}
	return e.ValHash == HashValue(e.Value)
}

// Size estimates the bytes that a record takes of a transaction, all indexes
// included. It is also a bound of its bytes on the wire.
func Size(key string, value []byte) int {
	return indexBytes + indexCopies*len(key) + len(value)
}

// Size estimates the bytes that the entry takes of a transaction.
func (e *Entry) Size() int { return Size(e.Key, e.Value) }

// Formats of a header. The second has the number of revisions behind it.
const (
	headerFormat = 1
	headerKept   = 2
	headerBytes  = 2 + 32 + 24 + 8 + 8 + 32 + 16
)

// encodeStored makes the stored form of a record of which so many revisions were
// kept.
func encodeStored(h *Header, kept uint32, value []byte) []byte {
	b := appendHeader(make([]byte, 0, headerBytes+4+len(value)), h)
	if kept > 0 {
		b[0] = headerKept
		b = binary.BigEndian.AppendUint32(b, kept)
	}
	return append(b, value...)
}

// decodeStored reads what encodeStored made.
func decodeStored(b []byte) (rec stored, ok bool) {
	rec.Header, rec.value, ok = decodeHeader(b)
	if ok && b[0] == headerKept {
		rec.kept = binary.BigEndian.Uint32(b[headerBytes:])
	}
	return rec, ok
}

// appendHeader appends the stored form, of headerBytes bytes.
func appendHeader(b []byte, h *Header) []byte {
	b = append(b, headerFormat, byte(h.Flags))
	b = appendVersion(b, h.Ver)
	b = append(b, h.Dot.Stream.Replica[:]...)
	b = append(b, h.Dot.Stream.Epoch[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(h.Dot.Seq))
	b = binary.BigEndian.AppendUint64(b, uint64(h.Expires))
	b = appendVersion(b, h.Base)
	return append(b, h.ValHash[:]...)
}

func appendVersion(b []byte, v Version) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(v.TS))
	b = binary.BigEndian.AppendUint64(b, uint64(v.Joined))
	return append(b, v.UUID[:]...)
}

// decodeHeader reads what appendHeader wrote and returns the bytes behind it.
// ok is false for bytes that no version of this code writes.
func decodeHeader(b []byte) (h Header, rest []byte, ok bool) {
	kept := 0
	if len(b) > 0 && b[0] == headerKept {
		kept = 4
	}
	if len(b) < headerBytes+kept || b[0] != headerFormat && kept == 0 {
		return Header{}, nil, false
	}
	h.Flags = Flags(b[1])
	b = b[2:]
	h.Ver, b = decodeVersion(b)
	b = b[copy(h.Dot.Stream.Replica[:], b):]
	b = b[copy(h.Dot.Stream.Epoch[:], b):]
	h.Dot.Seq, b = Seq(binary.BigEndian.Uint64(b)), b[8:]
	h.Expires, b = Millis(binary.BigEndian.Uint64(b)), b[8:]
	h.Base, b = decodeVersion(b)
	b = b[copy(h.ValHash[:], b)+kept:]
	return h, b, true
}

func decodeVersion(b []byte) (Version, []byte) {
	v := Version{
		TS:     Millis(binary.BigEndian.Uint64(b)),
		Joined: Millis(binary.BigEndian.Uint64(b[8:])),
		UUID:   UUID(b[16:32]),
	}
	return v, b[32:]
}
