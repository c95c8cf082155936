package keyspace

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// UUID names one version of one record, for clients and as the last tie-break.
type UUID [16]byte

// String prints the canonical form of RFC 9562 section 4.
func (u UUID) String() string {
	var b [36]byte
	hex.Encode(b[0:8], u[0:4])
	hex.Encode(b[9:13], u[4:6])
	hex.Encode(b[14:18], u[6:8])
	hex.Encode(b[19:23], u[8:10])
	hex.Encode(b[24:36], u[10:16])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// Version decides between two records of one key. It holds all that Less
// reads, so the winner never depends on who compares, or when.
type Version struct {
	// TS is the wall time of the write at its origin, in milliseconds.
	// Invariant: 0 < TS < TimestampMax.
	TS Millis `cbor:"1,keyasint"`
	// Joined is when the origin joined its cluster, immutable for a replica.
	Joined Millis `cbor:"2,keyasint,omitempty"`
	UUID   UUID   `cbor:"3,keyasint"`
}

// Less says that a loses to b: the newer timestamp wins, then the origin that
// joined earlier, then the smaller UUID. It is a strict total order.
func Less(a, b Version) bool {
	if a.TS != b.TS {
		return a.TS < b.TS
	}
	if a.Joined != b.Joined {
		return a.Joined > b.Joined
	}
	return bytes.Compare(a.UUID[:], b.UUID[:]) > 0
}

// Order is the version as bytes that compare as versions do: the greater ones win.
func (v Version) Order() (b [32]byte) {
	binary.BigEndian.PutUint64(b[:], uint64(v.TS))
	binary.BigEndian.PutUint64(b[8:], ^uint64(v.Joined))
	for i := range v.UUID {
		b[16+i] = ^v.UUID[i]
	}
	return b
}

// supersedes says that record b takes the place of record a: the greater
// version does. Equal versions come from one write and are equal records, unless
// a clone or a bug made two; the last tie-breaks keep the order total even then.
func supersedes(b, a *Header) bool {
	if a.Ver != b.Ver {
		return Less(a.Ver, b.Ver)
	}
	if a.ValHash != b.ValHash {
		return bytes.Compare(a.ValHash[:], b.ValHash[:]) > 0
	}
	return a.Flags > b.Flags
}

// valid says that the version is well formed, a function of itself alone.
func (v Version) valid() bool { return v.TS > 0 && v.TS < TimestampMax && v.Joined >= 0 }

// Append prints timestamp, join time and two distinguishing pieces of the UUID.
func (v Version) Append(b []byte) []byte {
	b = append(strconv.AppendInt(b, int64(v.TS), 10), '/')
	b = append(strconv.AppendInt(b, int64(v.Joined), 10), '/')
	return hex.AppendEncode(hex.AppendEncode(b, v.UUID[4:6]), v.UUID[14:])
}

// String prints timestamp, join time and two distinguishing pieces of the UUID.
func (v Version) String() string { return string(v.Append(nil)) }

// uuidFor builds the UUIDv8 (RFC 9562 section 5.8) of a dot: 48 bits of the
// inverted sequence number, then 74 bits of the hash of its stream. It is
// unique because the dot is, and it descends within a stream, so that of two
// writes of one node in one millisecond the later has the smaller UUID and
// wins. A UUIDv7 grows with time and would let the older one win.
func uuidFor(s Stream, seq Seq) UUID {
	var in [24]byte
	copy(in[:16], s.Replica[:])
	copy(in[16:], s.Epoch[:])
	h := sha256.Sum256(in[:])
	inv := ^uint64(seq)
	var u UUID
	for i := range 6 {
		u[i] = byte(inv >> (40 - 8*i))
	}
	u[6] = 0x80 | h[0]&0x0f
	u[7] = h[1]
	u[8] = 0x80 | h[2]&0x3f
	copy(u[9:], h[3:10])
	return u
}

// clocks are the lower bounds that a stamp must respect.
type clocks struct {
	now Millis // wall time of the batch, or of an earlier one if the clock went back
	hlc Millis // newest plausible timestamp seen
	gc  Millis // greatest timestamp of what was purged: a new write must not lie below it
}

// stamp makes the version of a local write that replaces cur, or of a first
// write if cur is nil. The result beats cur (I8) with the smallest timestamp
// that does. ok is false when only a timestamp beyond TimestampMax would.
func stamp(c clocks, joined Millis, u UUID, cur *Version) (v Version, ok bool) {
	v = Version{TS: max(c.now, c.hlc, c.gc+1), Joined: joined, UUID: u}
	if cur != nil && !Less(*cur, v) {
		v.TS = cur.TS
		if !Less(*cur, v) {
			v.TS = cur.TS + 1
		}
	}
	return v, v.valid()
}
