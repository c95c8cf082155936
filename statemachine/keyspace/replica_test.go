package keyspace_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"kvs/sim/disk"
	"kvs/statemachine/keyspace"
)

// start is the wall time around which all tests write.
const start keyspace.Millis = 1_700_000_000_000

// failer is what testing.T and rapid.T have in common, as far as it is used.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// replica is a keyspace on the simulator's disk.
type replica struct {
	disk  *disk.Disk
	state *keyspace.State
	snap  keyspace.Snapshot
	id    byte
	run   byte // of the process; every run has an epoch of its own
}

// newReplica opens replica id on an empty disk.
func newReplica(id byte) *replica {
	r := &replica{disk: disk.New(), id: id}
	r.open()
	return r
}

// birth is what the shell draws for the next run.
func (r *replica) birth() keyspace.Birth {
	r.run++
	return keyspace.Birth{
		Replica: keyspace.ReplicaID{r.id}, Epoch: keyspace.Epoch{r.run, r.id}, Boot: [8]byte{r.run},
	}
}

func (r *replica) open() {
	r.state, r.snap = keyspace.Open(r.disk.Update, r.birth(), keyspace.MutantNone)
}

func (r *replica) execute(b *keyspace.Batch) *keyspace.Applied {
	return r.state.Execute(r.disk.Update, b)
}

// write carries out local writes and returns the entries that they became.
func (r *replica) write(b *keyspace.Batch) []keyspace.Entry {
	out := r.execute(b)
	var es []keyspace.Entry
	for i, w := range b.Writes {
		if out.Outcomes[i].Kind == keyspace.Won {
			e := keyspace.Entry{Key: w.Key, Header: out.Outcomes[i].Header}
			if !w.Delete {
				e.Value = w.Value
			}
			es = append(es, e)
		}
	}
	return es
}

// merge applies entries in one batch.
func (r *replica) merge(es ...keyspace.Entry) *keyspace.Applied {
	return r.execute(&keyspace.Batch{Now: start, MaxSkew: 1000, Entries: es})
}

func (r *replica) vv() keyspace.VV { return keyspace.LoadVV(r.disk.Reader()) }

func (r *replica) root() [32]byte { return r.state.Tree().Root() }

// entries reads all records in key order, straight from the data class.
func (r *replica) entries() []keyspace.Entry {
	var out []keyspace.Entry
	for k, b := range r.disk.Reader().Ascend(keyspace.DataKey(""), keyspace.DataEnd()) {
		rec, ok := keyspace.DecodeRecord(b)
		if !ok {
			panic("a stored record is malformed")
		}
		e := keyspace.Entry{Key: keyspace.UserKey(k), Header: rec.Header}
		if !rec.Tombstone() {
			e.Value = append([]byte{}, rec.Value...)
		}
		out = append(out, e)
	}
	return out
}

// rows reads one class of records as text.
func (r *replica) rows(class byte) map[string]string {
	out := make(map[string]string)
	for k, v := range r.disk.Reader().Ascend([]byte{class}, []byte{class + 1}) {
		out[string(k)] = string(v)
	}
	return out
}

// scratch builds the digest tree from the data records alone.
func (r *replica) scratch() (tree *keyspace.Tree, live uint64) {
	tree = new(keyspace.Tree)
	h := keyspace.NewHasher(r.state.DigestKey())
	for _, e := range r.entries() {
		tree.Add(h.Key(e.Key).Leaf(), h.Record(e.Key, &e.Header))
		if !e.Tombstone() {
			live++
		}
	}
	return tree, live
}

// wantConsistent checks that every index and the digest agree with the data.
func (r *replica) wantConsistent(t failer) {
	t.Helper()
	tree, live := r.scratch()
	if tree.Root() != r.root() || live != r.state.Live() {
		t.Fatalf("tree over %d live records, the data holds %d", r.state.Live(), live)
	}
	es := r.entries()
	h := keyspace.NewHasher(r.state.DigestKey())
	hashes, dots, expiries, times := r.rows('h'), r.rows('o'), r.rows('x'), r.rows('t')
	expiring, timed := 0, 0
	for i := range es {
		e := &es[i]
		hk := fmt.Sprintf("h%s%s", be64(uint64(h.Key(e.Key))), e.Key)
		if hashes[hk] == "" {
			t.Fatalf("%s is not in the index of hashes", e.Key)
		}
		s := e.Dot.Stream
		dk := "o" + string(s.Replica[:]) + string(s.Epoch[:]) + be64(uint64(e.Dot.Seq))
		if dots[dk] != e.Key {
			t.Fatalf("%s: the index of %v says %q", e.Key, e.Dot, dots[dk])
		}
		if e.Expires != 0 {
			expiring++
			if expiries["x"+be64(uint64((e.Expires+59_999)/60_000))+e.Key] == "" {
				t.Fatalf("%s expires at %d and is not in the index", e.Key, e.Expires)
			}
		}
	}
	for i := range es {
		if e := &es[i]; !e.Tombstone() && !keyspace.IsReserved(e.Key) {
			timed++
			if times["t"+be64(uint64(e.Ver.TS))+e.Key] == "" {
				t.Fatalf("%s of %d is not in the index of times", e.Key, e.Ver.TS)
			}
		}
	}
	if len(times) != timed {
		t.Fatalf("%d records have values, the index of times has %d", timed, len(times))
	}
	if len(hashes) != len(es) || len(dots) != len(es) || len(expiries) != expiring {
		t.Fatalf("%d records, of which %d expire: %d hashes, %d dots, %d expiries",
			len(es), expiring, len(hashes), len(dots), len(expiries))
	}
}

func be64(x uint64) string {
	var b [8]byte
	for i := range b {
		b[i] = byte(x >> (56 - 8*i))
	}
	return string(b[:])
}

// wantSameRecords compares all that clients and peers can see of two replicas.
func wantSameRecords(t failer, a, b *replica) {
	t.Helper()
	same := slices.EqualFunc(a.entries(), b.entries(), func(x, y keyspace.Entry) bool {
		return x.Key == y.Key && x.Header == y.Header && bytes.Equal(x.Value, y.Value)
	})
	if !same {
		t.Fatalf("records differ:\n%v\n%v", list(a.entries()), list(b.entries()))
	}
	if a.root() != b.root() {
		t.Fatalf("equal records, different roots")
	}
}

// list prints records shortly.
func list(es []keyspace.Entry) string {
	var b strings.Builder
	for _, e := range es {
		fmt.Fprintf(&b, "%s@%v=%v ", e.Key, e.Dot, e.Ver)
	}
	return b.String()
}

// randomWrites draws writes on few keys: values, deletes, some with an expiry.
func randomWrites(rng *rand.Rand, n, keys int) []keyspace.Write {
	out := make([]keyspace.Write, n)
	for i := range out {
		w := keyspace.Write{Key: fmt.Sprintf("k%02d", rng.IntN(keys))}
		if rng.IntN(4) == 0 {
			w.Delete = true
		} else {
			w.Value = fmt.Appendf(nil, "%d", rng.IntN(1_000_000))
		}
		if rng.IntN(3) == 0 {
			w.TTL = keyspace.Millis(1 + rng.IntN(200_000))
		}
		out[i] = w
	}
	return out
}

// history lets several origins write on the same keys in the same few
// milliseconds, and tell each other of some of it, so that ties, bumped stamps
// and replaced versions abound. It returns every entry that was ever made.
func history(rng *rand.Rand, rounds, keys int) []keyspace.Entry {
	origins := []*replica{newReplica(1), newReplica(2), newReplica(3)}
	var all []keyspace.Entry
	for range rounds {
		i := rng.IntN(len(origins))
		b := &keyspace.Batch{
			Now: start + keyspace.Millis(rng.IntN(3)), MaxSkew: 1000,
			Join: 1000 + keyspace.Millis(i/2), Writes: randomWrites(rng, 1+rng.IntN(3), keys),
		}
		all = append(all, origins[i].write(b)...)
		if rng.IntN(2) == 0 {
			origins[rng.IntN(len(origins))].merge(all[rng.IntN(len(all))])
		}
	}
	return all
}
