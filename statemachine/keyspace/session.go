package keyspace

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// SessionStreamsMax bounds the streams that a session remembers. Of more it forgets
// those of which it has seen the least, which weakens what it is promised.
const SessionStreamsMax = 64

const sessionFormat = 1

// StreamHash is the short name of a stream in a session.
type StreamHash [8]byte

// Hash is the first quarter of the SHA-256 of the stream.
func (s Stream) Hash() (h StreamHash) {
	b := append(make([]byte, 0, 24), s.Replica[:]...)
	sum := sha256.Sum256(append(b, s.Epoch[:]...))
	return StreamHash(sum[:8])
}

// SessionMark says that a session has seen a write of a stream.
type SessionMark struct {
	Stream StreamHash
	Seq    Seq
}

// Session is what a client has seen of a cluster, as far as it goes on with it: of each
// stream the greatest number, and the greatest timestamp.
type Session struct {
	Stamp Millis
	Marks []SessionMark // sorted by stream
}

// Saw adds a write that the client has made or read. hash is Stream.Hash, or remembers
// what it returned.
func (s *Session) Saw(d Dot, stamp Millis, hash func(Stream) StreamHash) {
	s.Stamp = max(s.Stamp, stamp)
	if d.Seq == 0 {
		return
	}
	m := SessionMark{hash(d.Stream), d.Seq}
	i, found := slices.BinarySearchFunc(s.Marks, m, SessionMark.compare)
	if found {
		s.Marks[i].Seq = max(s.Marks[i].Seq, m.Seq)
		return
	}
	s.Marks = slices.Insert(s.Marks, i, m)
	if len(s.Marks) > SessionStreamsMax {
		least := 0
		for i := range s.Marks {
			if s.Marks[i].Seq < s.Marks[least].Seq {
				least = i
			}
		}
		s.Marks = slices.Delete(s.Marks, least, least+1)
	}
}

func (m SessionMark) compare(o SessionMark) int {
	return slices.Compare(m.Stream[:], o.Stream[:])
}

// Append writes the session as clients carry it.
func (s *Session) Append(b []byte, cluster ClusterID) []byte {
	b = append(append(b, sessionFormat), cluster[:8]...)
	b = binary.AppendUvarint(b, uint64(s.Stamp))
	for _, m := range s.Marks {
		b = binary.AppendUvarint(append(b, m.Stream[:]...), uint64(m.Seq))
	}
	return b
}

// ParseSession reads what Append wrote. ok is false for anything else than a session of
// this cluster.
func ParseSession(b []byte, cluster ClusterID) (s Session, ok bool) {
	if len(b) < 9 || b[0] != sessionFormat || [8]byte(b[1:9]) != [8]byte(cluster[:8]) {
		return Session{}, false
	}
	stamp, b, ok := uvarint(b[9:])
	if !ok || stamp >= uint64(TimestampMax) {
		return Session{}, false
	}
	s.Stamp = Millis(stamp)
	for len(b) > 0 {
		if len(b) < 9 || len(s.Marks) == SessionStreamsMax {
			return Session{}, false
		}
		m := SessionMark{Stream: StreamHash(b[:8])}
		var seq uint64
		if seq, b, ok = uvarint(b[8:]); !ok || seq == 0 || seq > seqMax {
			return Session{}, false
		}
		m.Seq = Seq(seq)
		if n := len(s.Marks); n > 0 && s.Marks[n-1].compare(m) >= 0 {
			return Session{}, false
		}
		s.Marks = append(s.Marks, m)
	}
	return s, true
}

// Heads are how far a vector goes in each of its streams without a gap, for many
// sessions at once: a name costs a hash.
func (v VV) Heads(hash func(Stream) StreamHash) map[StreamHash]Seq {
	heads := make(map[StreamHash]Seq, len(v.sets)+len(v.old.List()))
	for i := range v.sets {
		heads[hash(v.sets[i].Stream)] = v.sets[i].Head
	}
	for _, r := range v.old.List() {
		if _, twice := v.find(r.Stream); !twice {
			heads[hash(r.Stream)] = r.Head
		}
	}
	return heads
}

// ShownBy is VV.Shows for the heads of a vector.
func (s *Session) ShownBy(heads map[StreamHash]Seq) bool {
	for _, m := range s.Marks {
		if m.Seq > heads[m.Stream] {
			return false
		}
	}
	return true
}

// Shows says that a replica with this vector shows a session all that it has seen, or
// what is newer. hash is Stream.Hash, or remembers what it returned.
func (v VV) Shows(s *Session, hash func(Stream) StreamHash) bool {
	missing := 0
	for _, m := range s.Marks {
		if m.Seq > 0 {
			missing++
		}
	}
	seen := func(stream Stream, head Seq) {
		m := SessionMark{Stream: hash(stream)}
		if i, ok := slices.BinarySearchFunc(s.Marks, m, SessionMark.compare); ok && s.Marks[i].Seq <= head {
			missing--
		}
	}
	for i := range v.sets {
		seen(v.sets[i].Stream, v.sets[i].Head)
	}
	for _, r := range v.old.List() {
		if _, twice := v.find(r.Stream); !twice {
			seen(r.Stream, r.Head)
		}
	}
	return missing == 0
}
