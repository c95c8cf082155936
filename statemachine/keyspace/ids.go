package keyspace

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"strconv"
)

// Millis is a time or a duration in milliseconds. As a wall time it counts
// from the Unix epoch.
type Millis int64

// Seq numbers the writes of one stream, from 1, without a hole.
type Seq uint64

// ReplicaID identifies a data directory for ever: 16 random bytes drawn when
// the directory is born. It is the identity behind the operator's node_id.
type ReplicaID [16]byte

// ClusterID identifies a cluster for ever; zero means "none yet".
type ClusterID [16]byte

// DigestKey keys every hash of the digest tree, so that a client who chooses
// keys and values cannot choose their digests. It is born with the ClusterID.
type DigestKey [32]byte

// Epoch is drawn at every start of a process, so that a disk that lost its last
// writes can never hand out one of their dots again (I3).
type Epoch [8]byte

// Boot orders the starts of one replica. Equal counts with different random
// bytes betray a cloned disk.
type Boot struct {
	Count  uint64  `cbor:"1,keyasint"`
	Random [8]byte `cbor:"2,keyasint"`
}

// Stream is the sequence of writes that one process of one replica originates.
type Stream struct {
	Replica ReplicaID `cbor:"1,keyasint"`
	Epoch   Epoch     `cbor:"2,keyasint"`
}

// Dot names one write: the Seq-th of its stream.
type Dot struct {
	Stream Stream `cbor:"1,keyasint"`
	Seq    Seq    `cbor:"2,keyasint"`
}

// Append prints the first four bytes: enough for a log line or a trace.
func (r ReplicaID) Append(b []byte) []byte { return hex.AppendEncode(b, r[:4]) }

// String prints the first four bytes.
func (r ReplicaID) String() string { return string(r.Append(nil)) }

// Append prints the first four bytes, or "none".
func (c ClusterID) Append(b []byte) []byte {
	if c == (ClusterID{}) {
		return append(b, "none"...)
	}
	return hex.AppendEncode(b, c[:4])
}

// String prints the first four bytes, or "none".
func (c ClusterID) String() string { return string(c.Append(nil)) }

// Hex prints all 16 bytes.
func (c ClusterID) Hex() string { return hex.EncodeToString(c[:]) }

// Hex prints all 16 bytes.
func (r ReplicaID) Hex() string { return hex.EncodeToString(r[:]) }

// Compare orders replicas bytewise.
func (r ReplicaID) Compare(o ReplicaID) int { return r.compare(&o) }

// compare is Compare without copies. Random bytes hardly ever agree in their first
// eight.
func (r *ReplicaID) compare(o *ReplicaID) int {
	a, b := binary.BigEndian.Uint64(r[:]), binary.BigEndian.Uint64(o[:])
	if a != b {
		return cmp.Compare(a, b)
	}
	return bytes.Compare(r[8:], o[8:])
}

// Compare orders the starts of a replica. Of a copied disk two may have the same
// count: then the random bytes say which of them everybody takes for the newer.
func (b Boot) Compare(o Boot) int {
	if c := cmp.Compare(b.Count, o.Count); c != 0 {
		return c
	}
	return bytes.Compare(b.Random[:], o.Random[:])
}

// Append prints count and random bytes.
func (b Boot) Append(to []byte) []byte {
	to = append(strconv.AppendUint(to, b.Count, 10), '/')
	return hex.AppendEncode(to, b.Random[:2])
}

// Compare orders streams bytewise, by replica and then by epoch.
func (s Stream) Compare(o Stream) int { return s.compare(&o) }

func (s *Stream) compare(o *Stream) int {
	if c := s.Replica.compare(&o.Replica); c != 0 {
		return c
	}
	return cmp.Compare(binary.BigEndian.Uint64(s.Epoch[:]), binary.BigEndian.Uint64(o.Epoch[:]))
}

// Append prints two bytes of either half.
func (s Stream) Append(b []byte) []byte {
	b = append(hex.AppendEncode(b, s.Replica[:2]), '.')
	return hex.AppendEncode(b, s.Epoch[:2])
}

// Valid says that a write can have this dot.
func (d Dot) Valid() bool { return d.Seq > 0 && d.Seq <= seqMax }

// Append prints stream and number.
func (d Dot) Append(b []byte) []byte {
	return strconv.AppendUint(append(d.Stream.Append(b), '#'), uint64(d.Seq), 10)
}

// String prints stream and number.
func (d Dot) String() string { return string(d.Append(nil)) }

// Compare orders dots by stream, then by number.
func (d Dot) Compare(o Dot) int {
	if c := d.Stream.Compare(o.Stream); c != 0 {
		return c
	}
	switch {
	case d.Seq < o.Seq:
		return -1
	case d.Seq > o.Seq:
		return 1
	}
	return 0
}
