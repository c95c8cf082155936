package keyspace

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// Retirement of streams. A start of a replica that wrote something leaves a
// stream behind, and a vector that grows with every restart would fill every
// message. A stream is over once every replica of the roster has the same head
// of it, nothing beyond, and takes nothing from its origin's start any more.
// Then it moves to a list that vectors share: it counts in every comparison as
// before, and on the wire the hash of the list stands for it.

// RetiredStream is a stream that is over, and where it ended.
type RetiredStream struct {
	Stream Stream `cbor:"1,keyasint"`
	Head   Seq    `cbor:"2,keyasint"`
}

// Retired is a list of streams that are over. It never changes; vectors share it
// by reference. The nil list is empty.
type Retired struct {
	list []RetiredStream // sorted by stream
	hash uint64
}

// RetiredOf makes a list. It is nil for no streams. The slice is given away.
func RetiredOf(list []RetiredStream) *Retired {
	if len(list) == 0 {
		return nil
	}
	slices.SortFunc(list, func(a, b RetiredStream) int { return a.Stream.Compare(b.Stream) })
	r := &Retired{list: list}
	for i := range list {
		r.hash += list[i].hash()
	}
	r.hash = max(r.hash, 1)
	return r
}

func (s *RetiredStream) hash() uint64 {
	b := append(make([]byte, 0, 32), s.Stream.Replica[:]...)
	b = append(b, s.Stream.Epoch[:]...)
	h := sha256.Sum256(binary.BigEndian.AppendUint64(b, uint64(s.Head)))
	return binary.BigEndian.Uint64(h[:])
}

// Hash names the list; 0 is the empty one.
func (r *Retired) Hash() uint64 {
	if r == nil {
		return 0
	}
	return r.hash
}

// List returns the streams in their order. The caller must not change it.
func (r *Retired) List() []RetiredStream {
	if r == nil {
		return nil
	}
	return r.list
}

// head is where a stream ended, 0 if it is not in the list.
func (r *Retired) head(s Stream) Seq {
	if r == nil {
		return 0
	}
	i, ok := slices.BinarySearchFunc(r.list, s, func(a RetiredStream, s Stream) int {
		return a.Stream.Compare(s)
	})
	if !ok {
		return 0
	}
	return r.list[i].Head
}

// with returns the list with more streams, none of which it had.
func (r *Retired) with(more []RetiredStream) *Retired {
	return RetiredOf(append(slices.Clone(r.List()), more...))
}

// beyond yields the streams of r that o does not have alike.
func (r *Retired) beyond(o *Retired) []StreamSet {
	if r == nil || r == o || r.Hash() == o.Hash() {
		return nil
	}
	var out []StreamSet
	for i := range r.list {
		if s := &r.list[i]; o.head(s.Stream) != s.Head {
			out = append(out, StreamSet{Stream: s.Stream, Head: s.Head})
		}
	}
	return out
}

// Retired is the list that the vector shares with others.
func (v VV) Retired() *Retired { return v.old }

// Unresolved is the hash of a list that stands for streams in a vector from a
// peer, and is to be replaced by the list before the vector means anything. 0 if
// there is none.
func (v VV) Unresolved() uint64 { return v.wire }

// Resolve puts a list in the place of its hash, and reports whether it is the
// one.
func (v *VV) Resolve(r *Retired) bool {
	if v.wire == 0 {
		return true
	}
	if v.wire != r.Hash() {
		return false
	}
	v.wire, v.old = 0, r
	return true
}

// Wire returns the vector as it travels: the hash of r stands for the streams of
// r, if the vector has them all; other lists are spelled out.
func (v VV) Wire(r *Retired) VV {
	if v.old == nil {
		return v
	}
	if v.old.Hash() == r.Hash() {
		return VV{sets: v.sets, wire: r.Hash()}
	}
	return v.Expanded()
}

// Expanded returns the vector without a list: all its streams are spelled out.
func (v VV) Expanded() VV {
	if v.old == nil {
		return v
	}
	out := VV{sets: slices.Clone(v.sets)}
	for _, s := range v.old.list {
		if i, ok := out.find(s.Stream); !ok {
			out.sets = slices.Insert(out.sets, i, StreamSet{Stream: s.Stream, Head: s.Head})
		}
	}
	return out
}

// IsEmpty says that the vector claims nothing.
func (v VV) IsEmpty() bool { return len(v.sets) == 0 && v.old == nil }

// loadRetired reads the list of a view.
func loadRetired(r Reader) *Retired {
	var list []RetiredStream
	for k, b := range r.Ascend(keyRetired, prefixEnd(keyRetired)) {
		list = append(list, RetiredStream{streamOf(k), Seq(binary.BigEndian.Uint64(b))})
	}
	return RetiredOf(list)
}

// retire moves streams to the list, as far as this replica has them just so. The
// floor follows: whoever is let near has all of a stream that is over.
func (s *State) retire(tx Tx, streams []RetiredStream) {
	var over []RetiredStream
	for _, r := range streams {
		i, ok := s.vv.find(r.Stream)
		if !ok || r.Stream == s.stream || s.vv.sets[i].Head != r.Head || len(s.vv.sets[i].Ranges) > 0 ||
			s.vv.old.head(r.Stream) != 0 {
			continue
		}
		s.vv.own()
		s.vv.sets = slices.Delete(s.vv.sets, i, i+1)
		if j, ok := s.floor.find(r.Stream); ok {
			s.floor.own()
			s.floor.sets = slices.Delete(s.floor.sets, j, j+1)
			tx.Delete(floorKey(r.Stream))
		}
		tx.Delete(vectorKey(r.Stream))
		tx.Set(streamKey(keyRetired, r.Stream), binary.BigEndian.AppendUint64(nil, uint64(r.Head)))
		over = append(over, r)
	}
	if len(over) > 0 {
		s.vv.old = s.vv.old.with(over)
		s.floor.old = s.vv.old
		s.changed = true
	}
}
