package keyspace_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine/keyspace"
)

// dotSet is the model of a vector: the plain set of its dots.
type dotSet map[keyspace.Dot]bool

var streams = []keyspace.Stream{
	{Replica: keyspace.ReplicaID{1}, Epoch: keyspace.Epoch{1}},
	{Replica: keyspace.ReplicaID{1}, Epoch: keyspace.Epoch{2}},
	{Replica: keyspace.ReplicaID{2}},
}

// runs lists what a set holds of a stream as ranges.
func (m dotSet) runs(s keyspace.Stream) (out []keyspace.Range) {
	var seqs []keyspace.Seq
	for d := range m {
		if d.Stream == s {
			seqs = append(seqs, d.Seq)
		}
	}
	slices.Sort(seqs)
	for _, n := range seqs {
		if k := len(out); k > 0 && out[k-1].To+1 == n {
			out[k-1].To = n
		} else {
			out = append(out, keyspace.Range{From: n, To: n})
		}
	}
	return out
}

// fits says that no stream of the set has more than so many gaps.
func (m dotSet) fits(most int) bool {
	for _, s := range streams {
		r := m.runs(s)
		if len(r) > 0 && r[0].From == 1 {
			r = r[1:]
		}
		if len(r) > most {
			return false
		}
	}
	return true
}

func (m dotSet) with(o dotSet) dotSet {
	out := dotSet{}
	for d := range m {
		out[d] = true
	}
	for d := range o {
		out[d] = true
	}
	return out
}

// genVV draws a vector and its model, dot by dot in random order. Some would
// have more gaps than arrivals may open, had all been claimed.
func genVV(t *rapid.T, name string) (keyspace.VV, dotSet) {
	top := rapid.SampledFrom([]int{3, 3, 10, 10, 10, 10, 40, 200}).Draw(t, name+" top")
	stream := rapid.SampledFrom(streams)
	seq := rapid.Custom(func(t *rapid.T) keyspace.Seq {
		n := rapid.IntRange(1, top).Draw(t, "n")
		if top == 200 {
			n |= 1
		}
		return keyspace.Seq(n)
	})
	n := rapid.IntRange(0, 2*top).Draw(t, name+" dots")
	vv, model := keyspace.VV{}, dotSet{}
	for range n {
		d := keyspace.Dot{Stream: stream.Draw(t, "stream"), Seq: seq.Draw(t, "seq")}
		if model[d] {
			vv.Add(d) // changes nothing
			continue
		}
		model[d] = true
		fits := model.fits(keyspace.GapsMax)
		if vv.Admits(d) != fits {
			t.Fatalf("%v admits %v: %v, want %v", vv, d, vv.Admits(d), fits)
		}
		if !fits {
			delete(model, d)
			continue
		}
		vv.Add(d)
	}
	return vv, model
}

// wantSet compares a vector with its model, and checks its invariants.
func wantSet(t failer, vv keyspace.VV, model dotSet) {
	t.Helper()
	seen := 0
	for _, s := range streams {
		want := model.runs(s)
		set := vv.Of(s)
		var got []keyspace.Range
		if set.Head > 0 {
			got = append(got, keyspace.Range{From: 1, To: set.Head})
		}
		got = append(got, set.Ranges...)
		if !slices.Equal(got, want) {
			t.Fatalf("%v holds %v of %v, want %v", vv, got, s, want)
		}
		if len(want) > 0 {
			seen++
		}
	}
	if len(vv.Sets()) != seen {
		t.Fatalf("%v has %d sets, want %d", vv, len(vv.Sets()), seen)
	}
	sorted := slices.IsSortedFunc(vv.Sets(), func(a, b keyspace.StreamSet) int {
		return a.Stream.Compare(b.Stream)
	})
	if !sorted {
		t.Fatalf("%v is not sorted", vv)
	}
}

// TestVectorIsTheSetOfItsDots: Add, Contains, Head, Reach and Only agree with a
// plain set.
func TestVectorIsTheSetOfItsDots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vv, model := genVV(t, "a")
		wantSet(t, vv, model)
		for _, s := range streams {
			only := dotSet{}
			for n := range keyspace.Seq(210) {
				d := keyspace.Dot{Stream: s, Seq: n}
				if n > 0 && vv.Contains(d) != model[d] {
					t.Fatalf("%v contains %v: %v", vv, d, vv.Contains(d))
				}
				if model[d] {
					only[d] = true
				}
				reach := n
				for model[keyspace.Dot{Stream: s, Seq: reach + 1}] {
					reach++
				}
				if got := vv.Reach(s, n); got != reach {
					t.Fatalf("%v reaches %d from %d, want %d", vv, got, n, reach)
				}
			}
			wantSet(t, vv.Only(s), only)
			if head := vv.Reach(s, 0); vv.Head(s) != head {
				t.Fatalf("head %d, want %d", vv.Head(s), head)
			}
		}
	})
}

// TestTwoVectorsCompareAsSets: Covers, Equal, Beyond and CountBeyond agree with
// plain sets.
func TestTwoVectorsCompareAsSets(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, inA := genVV(t, "a")
		b, inB := genVV(t, "b")
		beyond := dotSet{}
		for d := range inA {
			if !inB[d] {
				beyond[d] = true
			}
		}
		if b.Covers(a) != (len(beyond) == 0) {
			t.Fatalf("%v covers %v: %v", b, a, b.Covers(a))
		}
		if a.Equal(b) != (len(beyond) == 0 && len(inA) == len(inB)) {
			t.Fatalf("%v equals %v: %v", a, b, a.Equal(b))
		}
		if got := a.CountBeyond(b); got != uint64(len(beyond)) {
			t.Fatalf("%v has %d dots beyond %v, want %d", a, got, b, len(beyond))
		}
		for _, s := range a.Beyond(b) {
			if !slices.Equal(s.Ranges, beyond.runs(s.Stream)) || s.Head != 0 {
				t.Fatalf("%v beyond %v: %v, want %v", a, b, s, beyond.runs(s.Stream))
			}
		}
	})
}

// of is the part of a set that speaks of one stream.
func (m dotSet) of(s keyspace.Stream) dotSet {
	out := dotSet{}
	for d := range m {
		if d.Stream == s {
			out[d] = true
		}
	}
	return out
}

// TestUnionTakesWhatFits: a union holds the dots of both of every stream in which
// that stays within the ranges there may be; of any other it holds all of the first
// vector, nothing that neither has, and the head of the second. The operand never
// changes.
func TestUnionTakesWhatFits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, inA := genVV(t, "a")
		b, inB := genVV(t, "b")
		before := a.Clone()
		a.Union(b)
		both := inA.with(inB)
		got := dotSet{}
		for d := range both {
			if a.Contains(d) {
				got[d] = true
			}
		}
		wantSet(t, a, got)
		for _, s := range streams {
			switch fits := both.of(s).fits(keyspace.RangesMax); {
			case fits && len(got.of(s)) != len(both.of(s)):
				t.Fatalf("union of %v and %v: %v", before, b, a)
			case !a.Covers(before), a.Head(s) < b.Head(s):
				t.Fatalf("union of %v and %v lost something: %v", before, b, a)
			}
		}
		wantSet(t, b, inB)
		wantSet(t, before, inA)
	})
}

// TestUnionOverflow: a directed overflow of the ranges, which random vectors reach
// rarely. Whatever closes a gap still fits, and so does another stream.
func TestUnionOverflow(t *testing.T) {
	var a, b keyspace.VV
	inA := dotSet{}
	for i := range keyspace.RangesMax {
		d := keyspace.Dot{Stream: streams[0], Seq: keyspace.Seq(3 + 4*i)}
		a.Add(d)
		inA[d] = true
		b.Add(keyspace.Dot{Stream: streams[0], Seq: keyspace.Seq(5 + 4*i)})
	}
	b.Add(keyspace.Dot{Stream: streams[1], Seq: 7})
	inA[keyspace.Dot{Stream: streams[1], Seq: 7}] = true
	a.Union(b)
	if a.Admits(keyspace.Dot{Stream: streams[0], Seq: 1001}) {
		t.Error("more ranges than there may be")
	}
	closes, elsewhere := keyspace.Dot{Stream: streams[0], Seq: 4}, keyspace.Dot{Stream: streams[1], Seq: 9}
	if !a.Admits(closes) || !a.Admits(elsewhere) {
		t.Error("a dot that opens no gap, or one of another stream, is refused")
	}
	wantSet(t, a, inA)
}
