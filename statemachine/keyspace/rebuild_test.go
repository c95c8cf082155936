package keyspace_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"kvs/statemachine/keyspace"
)

var adoption = keyspace.Adoption{
	Cluster: keyspace.ClusterID{9}, Digest: keyspace.DigestKey{9, 8, 7},
}

// fill writes n records, some of them tombstones, some that expire.
func fill(r *replica, n int) {
	rng := rand.New(rand.NewPCG(uint64(n), 0))
	for at := 0; at < n; at += 500 {
		b := &keyspace.Batch{Now: start, Join: 77}
		for i := at; i < min(at+500, n); i++ {
			w := randomWrites(rng, 1, 1)[0]
			w.Key = fmt.Sprintf("key/%d", i)
			b.Writes = append(b.Writes, w)
		}
		r.write(b)
	}
}

// crashing is the panic by which a test's Update cuts the power.
type crashing struct{}

// guarded runs fn with an Update that cuts the power instead of the last of so
// many transactions, and reports whether it came to that. What was committed
// before is durable; the interrupted transaction is gone.
func (r *replica) guarded(transactions int, fn func(keyspace.Update)) (crashed bool) {
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(crashing); !ok {
				panic(p)
			}
			r.disk.Crash(0)
			crashed = true
		}
	}()
	fn(func(do func(keyspace.Tx)) {
		r.disk.Commit(do)
		if transactions--; transactions == 0 {
			panic(crashing{})
		}
		r.disk.Sync()
	})
	return false
}

// adopted is a store that had the key from the start: the yardstick.
func adopted(n int) *replica {
	r := newReplica(1)
	r.execute(&keyspace.Batch{Now: start, Join: 77, Adopt: &adoption})
	fill(r, n)
	return r
}

// wantAdopted compares a store that was rebuilt with the yardstick, index by
// index: no old hash may be left, and no leaf may count anything else.
func wantAdopted(t failer, r, want *replica) {
	t.Helper()
	r.wantConsistent(t)
	wantSameRecords(t, r, want)
	if !maps.Equal(r.rows('h'), want.rows('h')) {
		t.Fatalf("the index of hashes has %d rows, want %d", len(r.rows('h')), len(want.rows('h')))
	}
	for k, v := range r.rows('m') {
		if w := want.rows('m')[k]; w != v && (w != "" || v != string(make([]byte, 16))) {
			t.Fatalf("leaf %x is %x, want %x", k, v, w)
		}
	}
	if got := r.rows('s')["sb"]; got != "" {
		t.Fatalf("the rebuild is still marked as %x", got)
	}
	if r.state.DigestKey() != adoption.Digest {
		t.Fatalf("the digest key is %x", r.state.DigestKey())
	}
}

// rebuildSizes lie around the number of records that one step handles.
var rebuildSizes = []int{0, 1, 256, 511, 512, 513, 1100}

// TestAdoptionRebuildsTheIndexes: a store that had records before it joined a
// cluster ends as if it had had the cluster's key from the start.
func TestAdoptionRebuildsTheIndexes(t *testing.T) {
	for _, n := range rebuildSizes {
		r := newReplica(1)
		fill(r, n)
		out := r.execute(&keyspace.Batch{Now: start, Join: 77, Adopt: &adoption})
		want := adopted(n)
		wantAdopted(t, r, want)
		tree, live := want.scratch()
		if out.Sum != tree.Node(keyspace.LevelRoot, 0) || out.Live != live {
			t.Errorf("%d records: the adoption reports %v over %d", n, out.Sum, out.Live)
		}
	}
}

// TestRebuildSurvivesACrashAnywhere: a power cut in any one transaction of the
// adoption and its rebuild, and the restart finishes it.
func TestRebuildSurvivesACrashAnywhere(t *testing.T) {
	for _, n := range []int{1, 512, 700} {
		want := adopted(n)
		for at := 1; ; at++ {
			r := newReplica(1)
			fill(r, n)
			batch := &keyspace.Batch{Now: start, Join: 77, Adopt: &adoption}
			crashed := r.guarded(at, func(update keyspace.Update) { r.state.Execute(update, batch) })
			if crashed {
				r.open()
			}
			if r.snap.Identity.Cluster != adoption.Cluster && crashed {
				r.execute(batch) // the adoption itself was lost
			}
			wantAdopted(t, r, want)
			if !crashed {
				break
			}
		}
	}
}

// TestRebuildSurvivesACrashAfterEveryStep: restarts that themselves get two
// steps of the rebuild further before the power is cut again still end.
func TestRebuildSurvivesACrashAfterEveryStep(t *testing.T) {
	const n = 1100
	r, want := newReplica(1), adopted(n)
	fill(r, n)
	batch := &keyspace.Batch{Now: start, Join: 77, Adopt: &adoption}
	r.guarded(2, func(update keyspace.Update) { r.state.Execute(update, batch) })
	restarts := 0
	for r.guarded(4, func(update keyspace.Update) {
		r.state, r.snap = keyspace.Open(update, r.birth(), keyspace.MutantNone)
	}) {
		if restarts++; restarts > 100 {
			t.Fatal("the rebuild never ends")
		}
	}
	if restarts < 3 {
		t.Fatalf("only %d restarts: the steps are greater than this test assumes", restarts)
	}
	wantAdopted(t, r, want)
}

// TestFirstAdoptionCounts: a second cluster is ignored, and changes nothing.
func TestFirstAdoptionCounts(t *testing.T) {
	r := adopted(20)
	root := r.root()
	other := &keyspace.Adoption{Cluster: keyspace.ClusterID{1}, Digest: keyspace.DigestKey{1}}
	out := r.execute(&keyspace.Batch{Now: start, Adopt: other})
	if out.Cluster != adoption.Cluster || out.Digest != adoption.Digest || r.root() != root {
		t.Fatalf("now of cluster %v", out.Cluster)
	}
	r.wantConsistent(t)
}
