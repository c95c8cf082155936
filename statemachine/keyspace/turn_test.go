package keyspace_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine/keyspace"
)

const minute keyspace.Millis = 60_000

// scratchAt builds the digest tree as of a minute from the data records alone:
// what is deleted, or has expired by the end of that minute, does not count.
func (r *replica) scratchAt(m keyspace.Minute) *keyspace.Tree {
	tree := new(keyspace.Tree)
	h := keyspace.NewHasher(r.state.DigestKey())
	for _, e := range r.entries() {
		if !e.Tombstone() && (e.Expires == 0 || (e.Expires+minute-1)/minute > keyspace.Millis(m)) {
			tree.Add(h.Key(e.Key).Leaf(), h.Record(e.Key, &e.Header))
		}
	}
	return tree
}

// wantMinutes checks every node that is not empty, in each of the last minutes,
// and that older and future minutes are refused.
func (r *replica) wantMinutes(t failer) {
	t.Helper()
	h := keyspace.NewHasher(r.state.DigestKey())
	now := r.state.AsOf()
	for m := now - min(now, keyspace.MinutesBack); m <= now; m++ {
		want := r.scratchAt(m)
		nodes := [keyspace.LevelLeaf + 1][]uint32{{0}}
		for _, e := range r.entries() {
			leaf := uint32(h.Key(e.Key).Leaf())
			nodes[1] = append(nodes[1], leaf>>12)
			nodes[2] = append(nodes[2], leaf>>6)
			nodes[3] = append(nodes[3], leaf)
		}
		for level, index := range nodes {
			sums, ok := r.state.SumsAt(level, index, m)
			if !ok || len(sums) != len(index) {
				t.Fatalf("minute %d of %d: no sums", m, now)
			}
			for i := range index {
				if sums[i] != want.Node(level, index[i]) {
					t.Fatalf("minute %d of %d, level %d: node %d is %v, want %v", m, now, level, index[i],
						sums[i], want.Node(level, index[i]))
				}
			}
		}
	}
	for _, m := range []keyspace.Minute{now + 1, now - keyspace.MinutesBack - 1} {
		if _, ok := r.state.SumsAt(keyspace.LevelRoot, []uint32{0}, m); ok && m <= 1<<40 {
			t.Fatalf("at minute %d there are sums of minute %d", now, m)
		}
	}
}

// TestSumsOfAMinuteAreThoseOfItsRecords: the sums of each of the last minutes
// are those of a tree made from scratch, whatever was written, merged, deleted,
// purged, turned on or back, and restarted in between.
func TestSumsOfAMinuteAreThoseOfItsRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		r, other := newReplica(1), newReplica(2)
		now := start
		for range rapid.IntRange(5, 40).Draw(t, "steps") {
			now += keyspace.Millis(rng.IntN(90_000))
			ws := randomWrites(rng, 6, 12)
			for i := range ws {
				if ws[i].TTL > 0 {
					ws[i].TTL = 1 + keyspace.Millis(rng.IntN(int(6*minute)))
				}
			}
			switch rng.IntN(9) {
			case 0, 1, 2:
				r.write(&keyspace.Batch{Now: now, Writes: ws})
			case 3, 4:
				es := other.write(&keyspace.Batch{Now: now - 3*minute, Writes: ws})
				r.execute(&keyspace.Batch{Now: now, MaxSkew: 1000, Entries: es})
			case 5:
				r.execute(&keyspace.Batch{Now: now, Purge: &keyspace.Purge{
					Frontier: r.vv(), Before: now, Settled: keyspace.MinuteAt(now) - keyspace.MinutesBack - 1,
				}})
			case 6:
				r.disk.Crash(0)
				r.open()
			case 7:
				if rng.IntN(4) == 0 {
					now -= keyspace.Millis(rng.IntN(int(20 * minute)))
				}
			}
			out := r.execute(&keyspace.Batch{Now: now, Turn: true})
			if out.Live != r.state.Live() {
				t.Fatalf("reports %d live records of %d", out.Live, r.state.Live())
			}
			r.wantMinutes(t)
		}
	})
}

// TestSumsWithinATurn: a turn that was cut short because too much expires at once
// shows in no sum, before and after a restart.
func TestSumsWithinATurn(t *testing.T) {
	r := newReplica(1)
	for i := range 3 {
		b := &keyspace.Batch{Now: start}
		for k := range 1000 {
			b.Writes = append(b.Writes, keyspace.Write{
				Key: fmt.Sprintf("key %d/%d", i, k), Value: []byte("v"), TTL: minute,
			})
		}
		r.write(b)
	}
	turns := 0
	for done := false; !done; turns++ {
		done = r.execute(&keyspace.Batch{Now: start + 3*minute, Turn: true}).Turned
		if !done && !r.state.Turning() {
			t.Fatal("the turn was not cut short")
		}
		r.wantMinutes(t)
		r.disk.Crash(0)
		r.open()
		r.wantMinutes(t)
	}
	if turns < 3 || r.state.Live() != 0 {
		t.Fatalf("%d records left after %d turns", r.state.Live(), turns)
	}
}

// TestListingOfAMinute: a listing hides what a minute no longer counts, and
// nothing else.
func TestListingOfAMinute(t *testing.T) {
	h := keyspace.NewHasher(keyspace.DigestKey{})
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		r := newReplica(1)
		r.write(&keyspace.Batch{Now: start, Writes: randomWrites(rng, 20, 10)})
		m := keyspace.MinuteAt(start) + keyspace.Minute(rng.IntN(6))
		tree := r.scratchAt(m)
		for _, e := range r.entries() {
			leaf, sum := h.Key(e.Key).Leaf(), uint64(0)
			for _, it := range keyspace.ReadLeaf(r.disk.Reader(), h, leaf, m) {
				if !it.Hidden {
					sum += it.Digest
				}
			}
			if want := tree.Node(keyspace.LevelLeaf, uint32(leaf)).Hi; sum != want {
				t.Fatalf("leaf %d lists %x, its sum is %x", leaf, sum, want)
			}
		}
	})
}
