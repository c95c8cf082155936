package keyspace

import (
	"slices"
	"strconv"
)

// Range is a run of sequence numbers, both ends included.
type Range struct{ From, To Seq }

// StreamSet is the part of a vector that speaks of one stream: the numbers from
// 1 to Head, and the ranges beyond the first gap.
//
// Invariant: ranges are sorted, disjoint, at least one number apart from each
// other and from Head, and at most RangesMax many.
type StreamSet struct {
	Stream Stream
	Head   Seq
	Ranges []Range
}

// VV is a version vector: the set of dots that a replica claims (I1). The zero
// value is empty. It only grows, and Clone makes an independent copy.
//
// Invariant: sets are sorted by stream, and none is empty. A stream that is both
// in sets and in old is complete in sets.
type VV struct {
	sets []StreamSet
	old  *Retired // streams that are over
	wire uint64   // the hash of a list that is not known yet, 0 for none
	// mine says that no other vector has these sets, so that they may be changed in
	// place. Vectors are copied far more often than they change.
	mine bool
}

// Sets returns the vector's parts in the order of their streams, those apart that
// are over. The caller must not change them.
func (v VV) Sets() []StreamSet { return v.sets }

// unlike yields the parts of v that need not be in o: all but the streams of a
// list that both share.
func (v VV) unlike(o VV) func(yield func(*StreamSet) bool) {
	return func(yield func(*StreamSet) bool) {
		for i := range v.sets {
			if !yield(&v.sets[i]) {
				return
			}
		}
		for _, s := range v.old.beyond(o.old) {
			if _, ok := v.find(s.Stream); !ok && !yield(&s) {
				return
			}
		}
	}
}

// Clone returns an independent copy. The two share what they hold until either
// changes.
func (v *VV) Clone() VV {
	if v.mine {
		v.mine = false
	}
	return *v
}

// own sees to it that the vector may be changed in place.
func (v *VV) own() {
	if v.mine {
		return
	}
	v.sets = slices.Clone(v.sets)
	for i := range v.sets {
		v.sets[i].Ranges = slices.Clone(v.sets[i].Ranges)
	}
	v.mine = true
}

// shares says that two vectors hold the very same, so that nothing need be compared.
func (v VV) shares(o VV) bool {
	return v.old == o.old && len(v.sets) == len(o.sets) && (len(v.sets) == 0 || &v.sets[0] == &o.sets[0])
}

func (v VV) find(s Stream) (int, bool) {
	low, high := 0, len(v.sets)
	for low < high {
		mid := int(uint(low+high) / 2)
		switch order := v.sets[mid].Stream.compare(&s); {
		case order == 0:
			return mid, true
		case order < 0:
			low = mid + 1
		default:
			high = mid
		}
	}
	return low, false
}

// Of returns the part for one stream, empty if the vector has none.
func (v VV) Of(s Stream) StreamSet {
	if i, ok := v.find(s); ok {
		return v.sets[i]
	}
	return StreamSet{Stream: s, Head: v.old.head(s)}
}

// finger looks up stream after stream in a vector. They come in order, a few that
// are over aside, so each is looked for behind the last.
type finger struct {
	vv   *VV
	next int
	none StreamSet // what is returned of a stream that the vector has no part of
}

// of is VV.Of, to be read until the next call.
func (f *finger) of(s *Stream) *StreamSet {
	sets := f.vv.sets
	for f.next < len(sets) {
		at := &sets[f.next]
		switch order := at.Stream.compare(s); {
		case order == 0:
			return at
		case order > 0:
			return f.missing(s)
		}
		f.next++
	}
	return f.missing(s)
}

// missing is of a stream that is not where it should be by the order.
func (f *finger) missing(s *Stream) *StreamSet {
	if f.next > 0 && f.vv.sets[f.next-1].Stream.compare(s) >= 0 {
		f.none = f.vv.Of(*s)
	} else {
		f.none = StreamSet{Stream: *s, Head: f.vv.old.head(*s)}
	}
	return &f.none
}

// Only returns the vector of one stream alone.
func (v VV) Only(s Stream) VV {
	if set := v.Of(s); set.Head > 0 || len(set.Ranges) > 0 {
		set.Ranges = slices.Clone(set.Ranges)
		return VV{sets: []StreamSet{set}}
	}
	return VV{}
}

// Head is the largest number up to which the stream is complete, 0 for none.
func (v VV) Head(s Stream) Seq { return v.Of(s).Head }

// Reach is the largest number up to which the stream is complete beyond from.
func (v VV) Reach(s Stream, from Seq) Seq {
	set := v.Of(s)
	for r := range set.spans {
		if r.From <= from+1 && from < r.To {
			return r.To
		}
	}
	return from
}

// Contains says that the dot is claimed.
func (v VV) Contains(d Dot) bool {
	s := v.Of(d.Stream)
	return s.contains(Range{d.Seq, d.Seq})
}

// Covers says that every dot of o is in v.
func (v VV) Covers(o VV) bool {
	if v.shares(o) {
		return true
	}
	at := finger{vv: &v}
	for so := range o.unlike(v) {
		if !at.of(&so.Stream).covers(so) {
			return false
		}
	}
	return true
}

// Reaches says that the vector's heads come up to all of a floor, which holds
// nothing but heads.
func (v VV) Reaches(floor VV) bool {
	at := finger{vv: &v}
	for set := range floor.unlike(v) {
		if at.of(&set.Stream).Head < set.Head {
			return false
		}
	}
	return true
}

// LowerHeads lowers every head to that of o, and drops all ranges: what remains
// is complete in both, stream by stream.
func (v *VV) LowerHeads(o VV) {
	if v.old.Hash() != o.old.Hash() {
		*v = v.Expanded()
	}
	v.own()
	kept, at := v.sets[:0], finger{vv: &o}
	for i := range v.sets {
		set := &v.sets[i]
		if head := min(set.Head, at.of(&set.Stream).Head); head > 0 {
			kept = append(kept, StreamSet{Stream: set.Stream, Head: head})
		}
	}
	v.sets = kept
}

// RaiseHeads lifts every head to that of a floor.
func (v *VV) RaiseHeads(floor VV) {
	for set := range floor.unlike(*v) {
		v.raise(Dot{set.Stream, set.Head})
	}
}

// LowerReach is LowerHeads for a reader that mistakes the end of the last range
// for a head; only a broken variant of the frontier does.
func (v *VV) LowerReach(o VV) {
	full := VV{old: o.old}
	for _, set := range o.sets {
		head := set.Head
		if n := len(set.Ranges); n > 0 {
			head = set.Ranges[n-1].To
		}
		full.sets = append(full.sets, StreamSet{Stream: set.Stream, Head: head})
	}
	v.LowerHeads(full)
}

// From returns the part of the vector that speaks of one replica's streams.
func (v VV) From(r ReplicaID) VV {
	var out VV
	for _, set := range v.sets {
		if set.Stream.Replica == r {
			set.Ranges = slices.Clone(set.Ranges)
			out.sets = append(out.sets, set)
		}
	}
	return out
}

// Gaps returns the dots between the ranges of v, as a vector of their own.
func (v VV) Gaps() VV {
	var out VV
	for _, set := range v.sets {
		at := set.Head
		gaps := StreamSet{Stream: set.Stream}
		for _, r := range set.Ranges {
			gaps.add(Range{at + 1, r.From - 1})
			at = r.To
		}
		if len(set.Ranges) > 0 {
			out.sets = append(out.sets, gaps)
		}
	}
	return out
}

// raise lifts the head of a dot's stream to it, whatever lies between.
func (v *VV) raise(d Dot) {
	if v.Head(d.Stream) < d.Seq {
		v.sets[v.part(d.Stream)].Head = d.Seq
	}
}

// part returns the place of a stream's part, to be changed, and makes one if there
// is none.
func (v *VV) part(s Stream) int {
	v.own()
	i, ok := v.find(s)
	if !ok {
		v.sets = slices.Insert(v.sets, i, StreamSet{Stream: s, Head: v.old.head(s)})
	}
	return i
}

// Foresees says that o has dots of a stream which v, kept by the stream's own
// origin, does not have: no honest replica can know of them.
func (v VV) Foresees(s Stream, o VV) bool {
	have, said := v.Of(s), o.Of(s)
	return !have.covers(&said)
}

// Equal says that both claim the same dots.
func (v VV) Equal(o VV) bool {
	if v.shares(o) {
		return true
	}
	if v.old.Hash() != o.old.Hash() {
		return v.Covers(o) && o.Covers(v)
	}
	return slices.EqualFunc(v.sets, o.sets, func(a, b StreamSet) bool {
		return a.Stream == b.Stream && a.Head == b.Head && slices.Equal(a.Ranges, b.Ranges)
	})
}

// Admits says that adding the dot opens no gap in its stream, or that there are
// less than GapsMax.
func (v VV) Admits(d Dot) bool {
	s := v.Of(d.Stream)
	if s.contains(Range{d.Seq, d.Seq}) || len(s.Ranges) < GapsMax {
		return true
	}
	before := len(s.Ranges)
	s.Ranges = slices.Clone(s.Ranges)
	s.add(Range{d.Seq, d.Seq})
	return len(s.Ranges) <= before
}

// Crowded says that a stream has no room for another gap, so that a replica with this
// vector may hold entries whose dots are not in it.
func (v VV) Crowded() bool {
	return slices.ContainsFunc(v.sets, func(s StreamSet) bool { return len(s.Ranges) >= GapsMax })
}

// Add claims a dot. The caller has asked Admits.
func (v *VV) Add(d Dot) {
	if v.old.head(d.Stream) < d.Seq {
		v.sets[v.part(d.Stream)].add(Range{d.Seq, d.Seq})
	}
}

// Claim claims a dot, if its stream stays within RangesMax.
func (v *VV) Claim(d Dot) {
	if v.old.head(d.Stream) < d.Seq {
		v.sets[v.part(d.Stream)].fit(Range{d.Seq, d.Seq})
	}
}

// Union claims the dots of o, as far as each stream stays within RangesMax: the
// head always does, and of the ranges the first ones. v shares nothing with o.
func (v *VV) Union(o VV) {
	at := finger{vv: v}
	for so := range o.unlike(*v) {
		if at.of(&so.Stream).covers(so) {
			continue
		}
		i := v.part(so.Stream)
		for r := range so.spans {
			v.sets[i].fit(r)
		}
	}
}

// beyond yields, stream by stream, the dots of v that are not in o. The ranges are
// to be read before the next.
func (v VV) beyond(o VV) func(yield func(*Stream, []Range) bool) {
	return func(yield func(*Stream, []Range) bool) {
		if v.shares(o) {
			return
		}
		at, missing := finger{vv: &o}, []Range(nil)
		for sv := range v.unlike(o) {
			so := at.of(&sv.Stream)
			if sv.Head <= so.Head && len(sv.Ranges) == 0 {
				continue
			}
			missing = missing[:0]
			for r := range sv.spans {
				missing = so.subtractFrom(r, missing)
			}
			if len(missing) > 0 && !yield(&sv.Stream, missing) {
				return
			}
		}
	}
}

// Beyond returns the dots of v that are not in o, as sets without a head. Each
// set's ranges are sorted; they are not bounded by RangesMax.
func (v VV) Beyond(o VV) (out []StreamSet) {
	for s, missing := range v.beyond(o) {
		out = append(out, StreamSet{Stream: *s, Ranges: slices.Clone(missing)})
	}
	return out
}

// CountBeyond is the number of dots of v that are not in o.
func (v VV) CountBeyond(o VV) (n uint64) {
	for _, missing := range v.beyond(o) {
		for _, r := range missing {
			n += uint64(r.To-r.From) + 1
		}
	}
	return n
}

// Append prints each stream with its head and ranges.
func (v VV) Append(b []byte) []byte {
	b = append(b, '{')
	for i, s := range v.sets {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(s.Stream.Append(b), ':')
		b = strconv.AppendUint(b, uint64(s.Head), 10)
		for _, r := range s.Ranges {
			b = strconv.AppendUint(append(b, '+'), uint64(r.From), 10)
			b = strconv.AppendUint(append(b, '-'), uint64(r.To), 10)
		}
	}
	if v.old != nil {
		b = strconv.AppendInt(append(b, " ~"...), int64(len(v.old.list)), 10)
	}
	return append(b, '}')
}

// String prints each stream with its head and ranges.
func (v VV) String() string { return string(v.Append(nil)) }

// spans yields the set as ranges, the head included.
func (s *StreamSet) spans(yield func(Range) bool) {
	if s.Head > 0 && !yield(Range{1, s.Head}) {
		return
	}
	for _, r := range s.Ranges {
		if !yield(r) {
			return
		}
	}
}

// covers says that every number of o is in s.
func (s *StreamSet) covers(o *StreamSet) bool {
	if o.Head > s.Head {
		return false // beyond a head comes a gap
	}
	for _, r := range o.Ranges {
		if !s.contains(r) {
			return false
		}
	}
	return true
}

func (s *StreamSet) contains(r Range) bool {
	if r.To <= s.Head {
		return true
	}
	i, _ := slices.BinarySearchFunc(s.Ranges, r.From, func(a Range, from Seq) int {
		if a.To < from {
			return -1
		}
		return 1
	})
	return i < len(s.Ranges) && s.Ranges[i].From <= r.From && r.To <= s.Ranges[i].To
}

// add merges a range into the set and moves the head over closed gaps.
func (s *StreamSet) add(r Range) {
	if r.From <= s.Head+1 {
		s.Head = max(s.Head, r.To)
	} else {
		s.insert(r)
	}
	n := 0
	for n < len(s.Ranges) && s.Ranges[n].From <= s.Head+1 {
		s.Head = max(s.Head, s.Ranges[n].To)
		n++
	}
	s.Ranges = slices.Delete(s.Ranges, 0, n)
}

// fit is add, unless that would make more than RangesMax ranges.
func (s *StreamSet) fit(r Range) {
	if len(s.Ranges) < RangesMax {
		s.add(r)
		return
	}
	wider := StreamSet{s.Stream, s.Head, slices.Clone(s.Ranges)}
	if wider.add(r); len(wider.Ranges) <= RangesMax {
		*s = wider
	}
}

// insert merges a range that lies beyond the head.
func (s *StreamSet) insert(r Range) {
	lo := 0
	for lo < len(s.Ranges) && s.Ranges[lo].To+1 < r.From {
		lo++
	}
	hi := lo
	for hi < len(s.Ranges) && s.Ranges[hi].From <= r.To+1 {
		r.From = min(r.From, s.Ranges[hi].From)
		r.To = max(r.To, s.Ranges[hi].To)
		hi++
	}
	s.Ranges = slices.Replace(s.Ranges, lo, hi, r)
}

// subtractFrom appends to out the parts of r that are not in s.
func (s *StreamSet) subtractFrom(r Range, out []Range) []Range {
	for have := range s.spans {
		if have.To < r.From {
			continue
		}
		if have.From > r.To {
			break
		}
		if have.From > r.From {
			out = append(out, Range{r.From, have.From - 1})
		}
		if have.To >= r.To {
			return out
		}
		r.From = have.To + 1
	}
	return append(out, r)
}
