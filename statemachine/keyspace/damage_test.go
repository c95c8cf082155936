package keyspace_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine/keyspace"
)

// readable builds the digest tree from what can be read, and counts.
func (r *replica) readable() (tree *keyspace.Tree, live uint64, damaged []string) {
	tree = new(keyspace.Tree)
	h := keyspace.NewHasher(r.state.DigestKey())
	for k, b := range r.disk.Reader().Ascend(keyspace.DataKey(""), keyspace.DataEnd()) {
		key := keyspace.UserKey(k)
		rec, ok := keyspace.DecodeRecord(b)
		if !ok {
			damaged = append(damaged, key)
			continue
		}
		tree.Add(h.Key(key).Leaf(), h.Record(key, &rec.Header))
		if !rec.Tombstone() {
			live++
		}
	}
	return tree, live, damaged
}

// wantReadable checks that the digest and the count are those of what can be read.
func (r *replica) wantReadable(t failer) (damaged []string) {
	t.Helper()
	tree, live, damaged := r.readable()
	if tree.Root() != r.root() || live != r.state.Live() {
		t.Fatalf("counts %d records, %d can be read and %d cannot; roots equal: %v",
			r.state.Live(), live, len(damaged), tree.Root() == r.root())
	}
	return damaged
}

// wantHoles checks that pages and listings leave out damaged records, and that a
// page over one says so: no claim may be made of it.
func (r *replica) wantHoles(t failer, damaged []string) {
	t.Helper()
	page := keyspace.ReadDots(r.disk.Reader(), keyspace.VV{}, keyspace.Dot{}, 1000, 1<<20)
	if len(damaged) > 0 && !page.Holes {
		t.Fatalf("%v are damaged, and the page is for a claim", damaged)
	}
	h := keyspace.NewHasher(r.state.DigestKey())
	for _, key := range damaged {
		kh := h.Key(key)
		if got := keyspace.ReadRecords(r.disk.Reader(), []keyspace.KeyHash{kh}, 10, 1<<20); len(got) > 0 {
			t.Fatalf("the damaged %s was read as %v", key, list(got))
		}
		for _, it := range keyspace.ReadLeaf(r.disk.Reader(), h, kh.Leaf(), 0) {
			if it.Key == kh {
				t.Fatalf("the damaged %s is listed", key)
			}
		}
	}
	for i := range page.Entries {
		if e := &page.Entries[i]; slices.Contains(damaged, e.Key) || !e.Valid() {
			t.Fatalf("the page has %v", list(page.Entries[i:i+1]))
		}
	}
}

// TestDamageIsMended: records are damaged at random; then reports, entries that
// are known or new, local writes and restarts come in any order. After each the
// digest is that of what can be read and nothing damaged is passed on. In the end
// every record is the greatest of what was there and what came since, and no
// index says more than the records.
func TestDamageIsMended(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		all := history(rng, 30, 8)
		r, whole := newReplica(9), newReplica(9)
		for _, e := range all[:len(all)-3] {
			r.merge(e)
			whole.merge(e)
		}
		originals := r.entries()
		for _, e := range originals {
			if rng.IntN(2) == 0 {
				r.disk.Damage(keyspace.DataKey(e.Key))
			}
		}
		lost := make(map[string]bool)
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			e := originals[rng.IntN(len(originals))]
			switch rng.IntN(4) {
			case 0:
				r.state.Suspect(e.Key)
				r.state.FinishMend(r.disk.Update)
			case 1:
				r.execute(&keyspace.Batch{Now: start, Repair: rng.IntN(2) == 0, Entries: []keyspace.Entry{e}})
			case 2:
				w := keyspace.Write{Key: e.Key, Value: []byte("new")}
				out := r.execute(&keyspace.Batch{Now: start, Writes: []keyspace.Write{w}})
				if !keyspace.Less(e.Ver, out.Outcomes[0].Header.Ver) {
					t.Fatalf("a write over the damaged %v got %v", e.Ver, out.Outcomes[0].Header.Ver)
				}
				lost[e.Key] = true
			default:
				r.disk.Crash(0)
				r.open()
			}
			// What nobody has met yet still counts: reports come for all.
			for _, key := range r.scanDamaged() {
				r.state.Suspect(key)
			}
			r.state.FinishMend(r.disk.Update)
			r.wantHoles(t, r.wantReadable(t))
		}
		keys := make([]string, 0, len(originals))
		for _, e := range originals {
			keys = append(keys, e.Key)
		}
		r.execute(&keyspace.Batch{Now: start, Repair: true, Entries: originals, Forsake: keys})
		r.wantConsistent(t)
		if page := keyspace.ReadDots(r.disk.Reader(), keyspace.VV{}, keyspace.Dot{}, 1000, 1<<20); page.Holes {
			t.Fatalf("mended, and still no claim")
		}
		for i, e := range r.entries() {
			if want := originals[i]; e.Key != want.Key || !lost[e.Key] && e.Header != want.Header {
				t.Fatalf("%v, want %v", list(r.entries()[i:i+1]), list(originals[i:i+1]))
			}
		}
	})
}

func (r *replica) scanDamaged() []string {
	_, _, damaged := r.readable()
	return damaged
}

// TestDamagedIndexes: a damaged sum of a leaf is summed up again at a start, a
// damaged dot makes a hole, and a damaged marker is no gap.
func TestDamagedIndexes(t *testing.T) {
	r := newReplica(1)
	fill(r, 50)
	root := r.root()
	for class := range map[byte]bool{'m': true, 'b': true, 'h': true, 'x': true} { // in any order
		for k := range r.rows(class) {
			r.disk.Damage([]byte(k))
		}
	}
	r.open()
	if r.root() != root || r.snap.Loss.Kind != keyspace.LossNone {
		t.Fatalf("the digest changed, or there is a loss: %v", r.snap.Loss)
	}
	r.wantConsistent(t)
	for k := range r.rows('o') {
		r.disk.Damage([]byte(k))
		break
	}
	page := keyspace.ReadDots(r.disk.Reader(), keyspace.VV{}, keyspace.Dot{}, 1000, 1<<20)
	if !page.Holes || len(page.Entries) != 49 {
		t.Fatalf("%d entries, holes: %v", len(page.Entries), page.Holes)
	}
}
