package keyspace_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine/keyspace"
)

// kept reads the history of a key, values copied.
func (r *replica) kept(key string) (cur *keyspace.Record, revs []keyspace.Revision) {
	cur, revs = keyspace.ReadHistory(r.disk.Reader(), key)
	for i := range revs {
		revs[i].Load(r.disk.Reader())
	}
	return cur, revs
}

// certain lists the versions of a key that a replica can tell to have lost a
// conflict for good: some version that it knows beats them and was written without
// them, and none that it knows was written in their place.
func (r *replica) certain(key string) (losers []keyspace.Version) {
	cur, revs := r.kept(key)
	known := []*keyspace.Header{&cur.Header}
	for i := range revs {
		known = append(known, &revs[i].Header)
	}
	any := func(is func(y *keyspace.Header) bool) bool { return slices.ContainsFunc(known, is) }
	for i := range revs {
		x := &revs[i].Header
		if any(func(y *keyspace.Header) bool { return keyspace.Concurrent(x, y) }) &&
			!any(func(y *keyspace.Header) bool { return y.Base == x.Ver }) {
			losers = append(losers, x.Ver)
		}
	}
	return losers
}

// unreplaced is the model: of each key the versions that nobody replaced who saw
// them. The greatest of them wins, the others have lost a conflict.
func unreplaced(all []keyspace.Entry) map[string][]keyspace.Version {
	replaced := make(map[keyspace.Version]bool)
	for _, e := range all {
		replaced[e.Base] = true
	}
	out := make(map[string][]keyspace.Version)
	for _, e := range all {
		if !replaced[e.Ver] {
			out[e.Key] = append(out[e.Key], e.Ver)
		}
	}
	return out
}

// TestHistoryHasWinnersAndLosers: several origins write on the same keys and hear
// of each other now and then. In the end each has heard of everything, in an order
// of its own. Then the winner and the losers that the replicas can name together are
// just the versions which nobody replaced knowingly; each replica has every version;
// and the log of conflicts names no others.
func TestHistoryHasWinnersAndLosers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 2))
		origins := []*replica{newReplica(1), newReplica(2), newReplica(3)}
		var all []keyspace.Entry
		for range rapid.IntRange(1, 25).Draw(t, "rounds") {
			i := rng.IntN(len(origins))
			all = append(all, origins[i].write(&keyspace.Batch{
				Now: start + keyspace.Millis(rng.IntN(3)), MaxSkew: 1000, Revisions: 128,
				Join: 1000 + keyspace.Millis(i/2), Writes: randomWrites(rng, 1+rng.IntN(3), 2),
			})...)
			for range rng.IntN(4) {
				origins[rng.IntN(len(origins))].hear(all[rng.IntN(len(all))])
			}
		}
		for _, r := range origins {
			for _, i := range rng.Perm(len(all)) {
				r.hear(all[i])
			}
		}
		won := winners(all)
		for key, want := range unreplaced(all) {
			losers := make(map[keyspace.Version]bool)
			for _, r := range origins {
				for _, v := range r.certain(key) {
					losers[v] = true
				}
				r.wantWhole(t, key, all)
				r.wantConflicts(t, all)
			}
			delete(losers, won[key].Ver)
			for _, v := range want {
				if v != won[key].Ver && !losers[v] {
					t.Fatalf("%s: %v lost a conflict, and nobody says so: %v", key, v, list(all))
				}
				delete(losers, v)
			}
			if len(losers) > 0 {
				t.Fatalf("%s: %v are called losers, and were replaced knowingly: %v", key, losers, list(all))
			}
		}
	})
}

func (r *replica) hear(e keyspace.Entry) {
	r.execute(&keyspace.Batch{Now: start, MaxSkew: 1000, Revisions: 128, Entries: []keyspace.Entry{e}})
}

// wantWhole checks that a replica has every version of a key, with its value.
func (r *replica) wantWhole(t failer, key string, all []keyspace.Entry) {
	t.Helper()
	cur, revs := r.kept(key)
	values := map[keyspace.Version][]byte{cur.Ver: cur.Value}
	for _, rev := range revs {
		values[rev.Ver] = rev.Value
	}
	for _, e := range all {
		if got, ok := values[e.Ver]; e.Key == key && (!ok || !bytes.Equal(got, e.Value)) {
			t.Fatalf("replica %d: %s@%v is %q, known %t, was written as %q", r.id, key, e.Ver, got, ok, e.Value)
		}
	}
}

// wantConflicts checks that no winner in the log of a replica goes back to its loser,
// through all the versions that replaced one another, and that the better one won.
func (r *replica) wantConflicts(t failer, all []keyspace.Entry) {
	t.Helper()
	base := make(map[keyspace.Version]keyspace.Version)
	for _, e := range all {
		base[e.Ver] = e.Base
	}
	for _, c := range keyspace.ReadConflicts(r.disk.Reader(), 0, 1000) {
		for v := c.Winner.Ver; v != (keyspace.Version{}); v = base[v] {
			if v == c.Loser.Ver {
				t.Fatalf("replica %d logs that %v lost to %v, which replaced it", r.id, v, c.Winner.Ver)
			}
		}
		if bytes.Compare(rank(c.Winner.Ver), rank(c.Loser.Ver)) <= 0 {
			t.Fatalf("replica %d logs that %v beat %v", r.id, c.Winner.Ver, c.Loser.Ver)
		}
	}
}

// TestHistoryIsARing: of many versions the newest stay, across a restart and with
// another bound.
func TestHistoryIsARing(t *testing.T) {
	r := newReplica(1)
	put := func(n int, keep uint32) {
		r.write(&keyspace.Batch{
			Now: start + keyspace.Millis(n), Revisions: keep,
			Writes: []keyspace.Write{{Key: "k", Value: fmt.Appendf(nil, "%d", n)}},
		})
	}
	want := func(first, last int) {
		t.Helper()
		cur, revs := r.kept("k")
		if string(cur.Value) != fmt.Sprint(last+1) || len(revs) < last-first+1 {
			t.Fatalf("%s stands over %d revisions, want %d over %d", cur.Value, len(revs), last+1, last-first+1)
		}
		for i := range last - first + 1 {
			if rev := &revs[i]; string(rev.Value) != fmt.Sprint(last-i) || rev.Fate != keyspace.Replaced {
				t.Fatalf("revision %d is %s, %v, want %d", i, rev.Value, rev.Fate, last-i)
			}
		}
	}
	for n := range 10 {
		put(n, 4)
	}
	want(5, 8)
	if _, revs := r.kept("k"); len(revs) != 4 {
		t.Fatalf("%d revisions, want 4", len(revs))
	}
	r.open()
	put(10, 4)
	want(6, 9)
	for n := 11; n < 20; n++ {
		put(n, 8)
	}
	want(11, 18)
	put(20, 0) // history is off: nothing is added, nothing goes
	if cur, revs := r.kept("k"); string(cur.Value) != "20" || len(revs) != 8 || string(revs[0].Value) != "18" {
		t.Errorf("%s stands over %d revisions, the first %s", cur.Value, len(revs), revs[0].Value)
	}
}

// TestTimesOfGapsAreNotKnown: where versions between are not kept, an older one is not
// taken for what stood.
func TestTimesOfGapsAreNotKnown(t *testing.T) {
	r := newReplica(1)
	var all []keyspace.Version
	for n := range keyspace.Millis(8) {
		keep := uint32(16)
		if n == 4 || n == 5 { // 3 and 4 are not kept
			keep = 0
		}
		r.write(&keyspace.Batch{
			Now: start + 10*n, Revisions: keep,
			Writes: []keyspace.Write{{Key: "k", Value: fmt.Appendf(nil, "%d", n)}},
		})
		cur, _ := r.kept("k")
		all = append(all, cur.Ver)
	}
	cur, revs := r.kept("k")
	for n, v := range all {
		stood, known := keyspace.At(cur, revs, v.TS)
		if gap := n == 3 || n == 4; known == gap || known && stood.Ver != v {
			t.Errorf("at the time of %d: %v, known %t", n, stood, known)
		}
	}
	if stood, known := keyspace.At(cur, revs, all[0].TS-1); stood != nil || known {
		t.Errorf("before the first: %v, known %t", stood, known)
	}
	// One that came late is not what stood while those that beat it are not kept.
	other := newReplica(2)
	for _, late := range other.write(&keyspace.Batch{
		Now: all[3].TS + 1, Revisions: 16, Writes: []keyspace.Write{{Key: "k", Value: []byte("late")}},
	}) {
		r.hear(late)
	}
	cur, revs = r.kept("k")
	if stood, known := keyspace.At(cur, revs, all[4].TS); known {
		t.Errorf("the late one is taken for what stood: %v", stood)
	}
}

// TestHistoryGoesWithItsRecord: what is collected leaves nothing behind.
func TestHistoryGoesWithItsRecord(t *testing.T) {
	r := newReplica(1)
	for i := range 5 {
		r.write(&keyspace.Batch{
			Now: start, Revisions: 3,
			Writes: []keyspace.Write{{Key: "k", Value: []byte("1"), Delete: i == 4}, {Key: "other", Value: []byte("2")}},
		})
	}
	r.execute(&keyspace.Batch{Now: start, Purge: &keyspace.Purge{Frontier: r.vv(), Before: start + 1000}})
	if cur, revs := r.kept("k"); cur != nil || len(revs) != 0 {
		t.Errorf("%v and %d revisions of a key that was collected", cur, len(revs))
	}
	if _, revs := r.kept("other"); len(revs) != 3 {
		t.Errorf("%d revisions of another key, want 3", len(revs))
	}
}

// TestSystemRecordsHaveNoHistory: what they were is nobody's business, and could be
// a hash of a secret.
func TestSystemRecordsHaveNoHistory(t *testing.T) {
	r := newReplica(1)
	for range 2 {
		r.write(&keyspace.Batch{Now: start, Revisions: 3, Writes: []keyspace.Write{{Key: "_users/a", Value: []byte("1")}}})
	}
	if _, revs := r.kept("_users/a"); len(revs) != 0 {
		t.Errorf("%d revisions", len(revs))
	}
}

// TestBatchOfLargeValues: a batch whose history does not fit one transaction takes
// several, and each write has its outcome.
func TestBatchOfLargeValues(t *testing.T) {
	r := newReplica(1)
	large := bytes.Repeat([]byte("x"), keyspace.ValueBytesMax-2)
	large[0], large[len(large)-1] = '"', '"'
	small := &keyspace.Batch{Now: start, Revisions: 4}
	for i := range 8 {
		key := fmt.Sprint("k", i)
		r.write(&keyspace.Batch{Now: start, Revisions: 4, Writes: []keyspace.Write{{Key: key, Value: large}}})
		small.Writes = append(small.Writes, keyspace.Write{Key: key, Value: []byte("1")})
	}
	transactions := 0
	out := r.state.Execute(func(fn func(keyspace.Tx)) { transactions++; r.disk.Update(fn) }, small)
	if len(out.Outcomes) != 8 || transactions < 4 {
		t.Errorf("%d outcomes in %d transactions", len(out.Outcomes), transactions)
	}
	for i, o := range out.Outcomes {
		if _, revs := r.kept(small.Writes[i].Key); o.Kind != keyspace.Won || len(revs) != 1 || len(revs[0].Value) != len(large) {
			t.Errorf("write %d: %v, %d revisions", i, o.Kind, len(revs))
		}
	}
	r.wantConsistent(t)
}
