package keyspace

import (
	"encoding/binary"
	"errors"
	"slices"
)

// errVector says that bytes from a peer or the disk are not a vector.
var errVector = errors.New("malformed version vector")

// MarshalBinary encodes the vector: for each stream its 24 bytes, its head, and
// its ranges as distances, all numbers as unsigned varints (protocol buffers'
// base-128 form); in front of that the hash of a list of retired streams, if one
// is left out. A vector with the list itself does not travel.
func (v VV) MarshalBinary() ([]byte, error) {
	b := make([]byte, 0, 32+len(v.sets)*28)
	if v.old != nil {
		return nil, errVector // Wire makes one that travels
	}
	if v.wire != 0 {
		b = binary.BigEndian.AppendUint64(append(b, make([]byte, listMark)...), v.wire)
	}
	for _, s := range v.sets {
		b = append(b, s.Stream.Replica[:]...)
		b = append(b, s.Stream.Epoch[:]...)
		b = s.appendBody(b)
	}
	return b, nil
}

// UnmarshalBinary decodes what MarshalBinary wrote and refuses everything else,
// so that one set of dots has one encoding.
func (v *VV) UnmarshalBinary(b []byte) error {
	return v.decode(b, StreamsMax)
}

// listMark is how many zeros begin a vector in which the hash of a list stands
// for streams that are over: no stream is all zeros.
const listMark = 24

func (v *VV) decode(b []byte, streamsMax int) error {
	var sets []StreamSet
	wire := uint64(0)
	if len(b) >= 32 && [listMark]byte(b) == [listMark]byte{} {
		if wire, b = binary.BigEndian.Uint64(b[24:]), b[32:]; wire == 0 {
			return errVector
		}
	}
	for len(b) > 0 {
		if len(b) < 24 || len(sets) == streamsMax || [listMark]byte(b) == [listMark]byte{} {
			return errVector
		}
		s := StreamSet{Stream: Stream{ReplicaID(b[:16]), Epoch(b[16:24])}}
		var ok bool
		if b, ok = s.decodeBody(b[24:]); !ok {
			return errVector
		}
		if n := len(sets); n > 0 && sets[n-1].Stream.Compare(s.Stream) >= 0 {
			return errVector
		}
		sets = append(sets, s)
	}
	*v = VV{sets: slices.Clip(sets), wire: wire}
	return nil
}

func (s StreamSet) appendBody(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(s.Head))
	b = binary.AppendUvarint(b, uint64(len(s.Ranges)))
	at := s.Head
	for _, r := range s.Ranges {
		b = binary.AppendUvarint(b, uint64(r.From-at))
		b = binary.AppendUvarint(b, uint64(r.To-r.From))
		at = r.To
	}
	return b
}

// decodeBody reads what appendBody wrote and returns the bytes behind it.
func (s *StreamSet) decodeBody(b []byte) ([]byte, bool) {
	var head, n uint64
	var ok bool
	if head, b, ok = uvarint(b); !ok || head > seqMax {
		return nil, false
	}
	if n, b, ok = uvarint(b); !ok || n > RangesMax || head == 0 && n == 0 {
		return nil, false
	}
	s.Head = Seq(head)
	at := head
	for range n {
		var gap, length uint64
		if gap, b, ok = uvarint(b); !ok || gap < 2 || gap > seqMax-at {
			return nil, false
		}
		from := at + gap
		if length, b, ok = uvarint(b); !ok || length > seqMax-from {
			return nil, false
		}
		at = from + length
		s.Ranges = append(s.Ranges, Range{Seq(from), Seq(at)})
	}
	return b, true
}

// seqMax keeps sums of sequence numbers far from overflow. The UUID of a
// version holds 48 bits of it.
const seqMax = 1<<48 - 1

// uvarint reads a number in its shortest form.
func uvarint(b []byte) (uint64, []byte, bool) {
	x, n := binary.Uvarint(b)
	if n <= 0 || n > 1 && b[n-1] == 0 {
		return 0, nil, false
	}
	return x, b[n:], true
}
