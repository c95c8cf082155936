package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kvs/sim/disk"
	"kvs/statemachine/keyspace"
)

const now keyspace.Millis = 1_700_000_000_000

// replica is a keyspace on a store.
type replica struct {
	store Store
	state *keyspace.State
	snap  keyspace.Snapshot
}

// openReplica starts the seed-th run of replica id on a store.
func openReplica(s Store, id, seed byte) *replica {
	r := &replica{store: s}
	birth := keyspace.Birth{Replica: keyspace.ReplicaID{id}, Epoch: keyspace.Epoch{seed, id}}
	r.state, r.snap = keyspace.Open(s.Update, birth, keyspace.MutantNone)
	return r
}

func (r *replica) execute(b *keyspace.Batch) *keyspace.Applied {
	return r.state.Execute(r.store.Update, b)
}

// rebuilt builds the digest tree of a store from its records alone.
func rebuilt(s Store, key keyspace.DigestKey) (tree keyspace.Tree, live uint64) {
	h := keyspace.NewHasher(key)
	s.View(func(r keyspace.Reader) {
		for k, v := range r.Ascend(keyspace.DataKey(""), keyspace.DataEnd()) {
			rec, ok := keyspace.DecodeRecord(v)
			if !ok {
				panic("storetest: a record is malformed")
			}
			user := keyspace.UserKey(k)
			tree.Add(h.Key(user).Leaf(), h.Record(user, &rec.Header))
			if !rec.Tombstone() {
				live++
			}
		}
	})
	return tree, live
}

// wantTree compares the tree of a state with its records.
func (r *replica) wantTree(t *testing.T, what string) {
	t.Helper()
	tree, live := rebuilt(r.store, r.state.DigestKey())
	if tree.Root() != r.state.Tree().Root() || live != r.state.Live() {
		t.Fatalf("%s: the tree of %d records differs from that of the %d stored ones",
			what, r.state.Live(), live)
	}
}

// memory is the simulator's disk as a Store of this suite.
type memory struct{ *disk.Disk }

// Reopen implements Store: only what was synced survives.
func (m memory) Reopen(*testing.T) Store {
	m.Crash(0)
	return m
}

// testKeyspace: the same batches leave the same digest on the store and on the
// simulator's disk, and it is the one that the stored records have; also after
// an adoption, which rebuilds all indexes, and after a restart.
func testKeyspace(t *testing.T, s Store) {
	rng := rand.New(rand.NewPCG(7, 7))
	mine := openReplica(s, 1, 1)
	twin := openReplica(memory{disk.New()}, 1, 1)
	peer := openReplica(memory{disk.New()}, 2, 1)
	both := func(what string, b *keyspace.Batch) {
		t.Helper()
		a, c := mine.execute(b), twin.execute(b)
		if a.Sum != c.Sum || a.Live != c.Live || fmt.Sprint(a.Outcomes) != fmt.Sprint(c.Outcomes) {
			t.Fatalf("%s: the stores differ: %v and %v", what, a.Sum, c.Sum)
		}
	}
	for i := range 40 {
		what := fmt.Sprintf("batch %d", i)
		at := now + keyspace.Millis(i)
		if i == 20 {
			both(what, &keyspace.Batch{Now: at, Adopt: &keyspace.Adoption{
				Cluster: keyspace.ClusterID{9}, Digest: keyspace.DigestKey{9},
			}})
			mine.wantTree(t, what)
		}
		peer.execute(&keyspace.Batch{Now: at, Writes: randomWrites(rng)})
		both(what, &keyspace.Batch{Now: at, MaxSkew: 1000, Revisions: 3, Writes: randomWrites(rng)})
		both(what, &keyspace.Batch{Now: at, MaxSkew: 1000, Revisions: 3, Entries: peer.news(mine)})
	}
	mine.wantTree(t, "at the end")
	root := mine.state.Tree().Root()
	if root != twin.state.Tree().Root() {
		t.Fatal("the roots differ")
	}
	mine = openReplica(mine.store.Reopen(t), 1, 2)
	if mine.state.Tree().Root() != root || !mine.snap.VV.Covers(twin.snap.VV) {
		t.Fatal("a restart lost something")
	}
	mine.wantTree(t, "after a restart")
}

// news reads from r what to lacks, as a delta does.
func (r *replica) news(to *replica) (entries []keyspace.Entry) {
	var has keyspace.VV
	to.store.View(func(v keyspace.Reader) { has = keyspace.LoadVV(v) })
	r.store.View(func(v keyspace.Reader) {
		entries = keyspace.ReadDots(v, has, keyspace.Dot{}, 512, 256<<10).Entries
	})
	return entries
}

func randomWrites(rng *rand.Rand) []keyspace.Write {
	writes := make([]keyspace.Write, 1+rng.IntN(40))
	for i := range writes {
		w := keyspace.Write{Key: fmt.Sprintf("key/%d", rng.IntN(150))}
		if rng.IntN(4) == 0 {
			w.Delete = true
		} else {
			w.Value = []byte(pattern(rng.IntN(400), rng.Int()))
		}
		if rng.IntN(3) == 0 {
			w.TTL = keyspace.Millis(1 + rng.IntN(1_000_000))
		}
		writes[i] = w
	}
	return writes
}

// testFullBatches: the greatest batches fit into one transaction each, also
// when every write replaces a record with all its indexes; with short keys, and
// with the longest.
func testFullBatches(t *testing.T, s Store) {
	r := openReplica(s, 1, 1)
	for _, keyBytes := range []int{8, 64, 200, 1024, keyspace.KeyBytesMax} {
		for round := range 2 {
			b := fullBatch(keyBytes, round)
			if out := r.execute(b); out.Outcomes[0].Kind != keyspace.Won {
				t.Fatalf("%d writes with keys of %d bytes: %v", len(b.Writes), keyBytes, out.Outcomes[0].Kind)
			}
		}
	}
	great := keyspace.Write{Key: "great", Value: []byte(pattern(keyspace.ValueBytesMax, 1))}
	for range 2 {
		r.execute(&keyspace.Batch{Now: now, Writes: []keyspace.Write{great}})
	}
	r.wantTree(t, "full batches")
	r = openReplica(s.Reopen(t), 1, 2)
	r.wantTree(t, "after a restart")
}

// fullBatch is as large as a batch may be with keys of the given length.
func fullBatch(keyBytes, round int) *keyspace.Batch {
	b := &keyspace.Batch{Now: now + keyspace.Millis(round)}
	key := func(i int) string { return fmt.Sprintf("%0*d", keyBytes, i) }
	count := min(keyspace.BatchWritesMax, keyspace.BatchBytesMax/keyspace.Size(key(0), make([]byte, 10)))
	value := keyspace.BatchBytesMax/count - keyspace.Size(key(0), nil)
	for i := range count {
		b.Writes = append(b.Writes, keyspace.Write{
			Key: key(i), Value: []byte(pattern(value, i+round)), TTL: keyspace.Millis(1 + round*1_000_000),
		})
	}
	return b
}
