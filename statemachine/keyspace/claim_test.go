package keyspace_test

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine/keyspace"
)

// TestClaimNeedsItsBase: a claim is taken over exactly if the vector, with the
// entries of its own batch, covers the base, and then adds all its dots; else
// each entry counts for its own dot alone. Random vectors.
func TestClaimNeedsItsBase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		all := history(rng, 10, 5)
		r := newReplica(9)
		for _, e := range all[:rng.IntN(len(all)+1)] {
			r.merge(e)
		}
		base, claim := subset(rng, all), subset(rng, all)
		entries := all[rng.IntN(len(all)+1):]
		want := r.vv()
		for _, e := range entries {
			want.Add(e.Dot)
		}
		adopts := want.Covers(base)
		if adopts {
			want.Union(claim)
		}
		out := r.execute(&keyspace.Batch{
			Now: start, Entries: entries, Claim: &keyspace.Claim{Base: base, VV: claim},
		})
		if out.Claimed != adopts || !r.vv().Equal(want) || !out.VV.Equal(want) {
			t.Fatalf("claimed %v, vector %v; want %v, %v", out.Claimed, r.vv(), adopts, want)
		}
	})
}

// TestClaimOfTooManyGaps: a claim with more gaps in one stream than the vector has
// room for is taken over as far as there is, and whole for every other stream, also
// across a restart.
func TestClaimOfTooManyGaps(t *testing.T) {
	r := newReplica(1)
	other := keyspace.Dot{Stream: streams[1], Seq: 3}
	var even, odd keyspace.VV
	for i := range keyspace.RangesMax {
		even.Add(keyspace.Dot{Stream: streams[0], Seq: keyspace.Seq(4 + 4*i)})
		odd.Add(keyspace.Dot{Stream: streams[0], Seq: keyspace.Seq(6 + 4*i)})
	}
	odd.Add(other)
	for _, c := range []keyspace.VV{even, odd} {
		if !r.execute(&keyspace.Batch{Now: start, Claim: &keyspace.Claim{VV: c}}).Claimed {
			t.Fatalf("%v was refused", c)
		}
	}
	want := even.Clone()
	want.Add(other)
	r.disk.Crash(0)
	if r.open(); !r.vv().Equal(want) {
		t.Fatalf("claims %v, want %v", r.vv(), want)
	}
}

// TestClaimSurvivesARestart: the vector in memory and the stored one agree,
// whatever was claimed.
func TestClaimSurvivesARestart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		claim, model := genVV(t, "claim")
		r := newReplica(9)
		r.execute(&keyspace.Batch{Now: start, Claim: &keyspace.Claim{VV: claim}})
		r.disk.Crash(0)
		r.open()
		wantSet(t, r.snap.VV, model)
	})
}
