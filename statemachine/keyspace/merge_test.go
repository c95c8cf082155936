package keyspace_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine/keyspace"
)

// feed applies all entries in a random order, some of them twice, split into
// batches at random, some of them as a repair.
func feed(rng *rand.Rand, r *replica, all []keyspace.Entry) {
	order := rng.Perm(len(all))
	for range len(all) / 3 {
		order = append(order, rng.IntN(len(all)))
	}
	for len(order) > 0 {
		n := 1 + rng.IntN(min(len(order), 20))
		b := &keyspace.Batch{Now: start, MaxSkew: 1000, Repair: rng.IntN(5) == 0}
		for _, i := range order[:n] {
			b.Entries = append(b.Entries, all[i])
		}
		r.execute(b)
		order = order[n:]
	}
}

// winners is the outcome that the rule of versions demands, key by key.
func winners(all []keyspace.Entry) map[string]keyspace.Entry {
	out := make(map[string]keyspace.Entry)
	for _, e := range all {
		best, ok := out[e.Key]
		if !ok || bytes.Compare(rank(best.Ver), rank(e.Ver)) < 0 {
			out[e.Key] = e
		}
	}
	return out
}

func wantWinners(t failer, r *replica, want map[string]keyspace.Entry) {
	t.Helper()
	got := r.entries()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for _, e := range got {
		w := want[e.Key]
		if e.Header != w.Header || !bytes.Equal(e.Value, w.Value) {
			t.Fatalf("%s: holds %v, want %v", e.Key, e.Ver, w.Ver)
		}
	}
}

// TestMergeDependsOnTheSetOfEntriesAlone: the order, the doubling and the
// batching of entries change nothing, so merging is commutative, associative
// and idempotent. The same history reaches three stores by different ways.
func TestMergeDependsOnTheSetOfEntriesAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		all := history(rng, rapid.IntRange(1, 25).Draw(t, "rounds"), rapid.IntRange(1, 6).Draw(t, "keys"))
		if len(all) == 0 {
			t.Skip("nothing was written")
		}
		want := winners(all)
		first := newReplica(10)
		for i := range 3 {
			r := first
			if i > 0 {
				r = newReplica(byte(10 + i))
			}
			feed(rng, r, all)
			wantWinners(t, r, want)
			r.wantConsistent(t)
			wantSameRecords(t, first, r)
			if !r.vv().Equal(first.vv()) {
				t.Fatalf("vectors differ: %v and %v", r.vv(), first.vv())
			}
		}
	})
}

// TestMergeAgainChangesNothing: a second serving of everything is told apart as
// known, and leaves root, vector and records as they were.
func TestMergeAgainChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		all := history(rng, 10, 4)
		r := newReplica(10)
		feed(rng, r, all)
		root, vv := r.root(), r.vv()
		for _, e := range all {
			if k := r.merge(e).Outcomes[0].Kind; k != keyspace.Dup {
				t.Fatalf("%v again: %v", e.Dot, k)
			}
			again := r.execute(&keyspace.Batch{Now: start, Entries: []keyspace.Entry{e}, Repair: true})
			if k := again.Outcomes[0].Kind; k != keyspace.Lost {
				t.Fatalf("%v as a repair: %v", e.Dot, k)
			}
		}
		if r.root() != root || !r.vv().Equal(vv) {
			t.Fatalf("known entries changed something")
		}
	})
}

// TestMergeBeyondTheRangesOfAVector: entries that arrive with more gaps than a
// vector can hold are merged all the same, and come to rest with all dots
// known once the gaps are filled. One stream, every second number first.
func TestMergeBeyondTheRangesOfAVector(t *testing.T) {
	origin, r := newReplica(1), newReplica(2)
	var odd, even []keyspace.Entry
	for i := range 3 * keyspace.GapsMax {
		w := keyspace.Write{Key: be64(uint64(i))[4:], Value: []byte("v")}
		b := &keyspace.Batch{Now: start, Writes: []keyspace.Write{w}}
		if i%2 == 1 {
			odd = append(odd, origin.write(b)...)
		} else {
			even = append(even, origin.write(b)...)
		}
	}
	r.merge(odd...)
	if got := r.vv().Sets()[0]; len(got.Ranges) != keyspace.GapsMax || len(r.entries()) != len(odd) {
		t.Fatalf("%d ranges, %d records", len(got.Ranges), len(r.entries()))
	}
	r.wantConsistent(t)
	r.merge(even...)
	r.merge(odd...)
	wantSameRecords(t, origin, r)
	if !r.vv().Equal(origin.vv()) {
		t.Fatalf("in the end %v, want %v", r.vv(), origin.vv())
	}
}

// TestExpiredAndDeletedStillShadow: a record past its expiry and a tombstone
// both beat older versions that arrive later.
func TestExpiredAndDeletedStillShadow(t *testing.T) {
	origin, r := newReplica(1), newReplica(2)
	old := origin.write(&keyspace.Batch{Now: start, Writes: []keyspace.Write{
		{Key: "expired", Value: []byte("old")}, {Key: "deleted", Value: []byte("old")},
	}})
	shadow := origin.write(&keyspace.Batch{Now: start, Writes: []keyspace.Write{
		{Key: "expired", Value: []byte("new"), TTL: 1}, {Key: "deleted", Delete: true},
	}})
	late := start + 1_000_000
	r.execute(&keyspace.Batch{Now: late, Entries: shadow})
	out := r.execute(&keyspace.Batch{Now: late, Entries: old})
	for i, o := range out.Outcomes {
		if o.Kind != keyspace.Lost || o.Existed {
			t.Errorf("%s: %v, live before %v", old[i].Key, o.Kind, o.Existed)
		}
	}
	wantWinners(t, r, winners(shadow))
}
