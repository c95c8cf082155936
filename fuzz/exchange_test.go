package fuzz

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kvs/sim/disk"
	"kvs/statemachine/keyspace"
)

const epoch keyspace.Millis = 1_700_000_000_000

// replica is one store of the cluster.
type replica struct {
	disk  *disk.Disk
	state *keyspace.State
	id    byte
	run   byte
	fetch fetch
}

// fetch is a delta under way, as the protocol runs it: what the asker had when
// it began, what the running pass leaves out, and where it is.
type fetch struct {
	running    bool
	from       int
	base, not  keyspace.VV
	start      keyspace.VV
	after      keyspace.Dot
	firstOfRun bool
}

func (r *replica) open() {
	r.run++
	r.fetch = fetch{}
	r.state, _ = keyspace.Open(r.disk.Update, keyspace.Birth{
		Replica: keyspace.ReplicaID{r.id}, Epoch: keyspace.Epoch{r.run, r.id}, Boot: [8]byte{r.run},
	}, keyspace.MutantNone)
}

func (r *replica) vv() keyspace.VV { return keyspace.LoadVV(r.disk.Reader()) }

// held is the stored version of a key, zero for none.
func (r *replica) held(key string) keyspace.Version {
	rec, _ := keyspace.DecodeRecord(r.disk.Reader().Get(keyspace.DataKey(key)))
	return rec.Ver
}

// cluster is three stores and the model: every write that was ever durable, in
// the order of its making. It has no protocol: messages are whatever the test
// takes into its head to hand over.
type cluster struct {
	replicas []*replica
	writes   []keyspace.Entry
	now      keyspace.Millis
}

func newCluster() *cluster {
	c := &cluster{now: epoch}
	for i := range 3 {
		r := &replica{disk: disk.New(), id: byte(i + 1)}
		r.open()
		c.replicas = append(c.replicas, r)
	}
	return c
}

func (c *cluster) pick(t *rapid.T, label string) *replica {
	return c.replicas[rapid.IntRange(0, len(c.replicas)-1).Draw(t, label)]
}

// beats is the rule of versions in words of this test: the key of a version,
// compared as bytes.
func beats(a, b keyspace.Version) bool {
	rank := func(v keyspace.Version) []byte {
		k := fmt.Appendf(nil, "%020d %020d ", v.TS, 1<<62-int64(v.Joined))
		for _, x := range v.UUID {
			k = append(k, ^x)
		}
		return k
	}
	return bytes.Compare(rank(a), rank(b)) > 0
}

// write lets clients write a few keys; a crash before the sync may take it all
// back, and then the model never hears of it.
func (c *cluster) write(t *rapid.T) {
	r := c.pick(t, "writer")
	c.now += keyspace.Millis(rapid.IntRange(0, 1).Draw(t, "time"))
	skew := keyspace.Millis(rapid.SampledFrom([]int{0, 0, -2, 700}).Draw(t, "skew"))
	b := &keyspace.Batch{Now: c.now + skew, MaxSkew: 500, Join: 1000 + keyspace.Millis(r.id/2)}
	for range rapid.IntRange(1, 4).Draw(t, "writes") {
		w := keyspace.Write{Key: fmt.Sprint("k", rapid.IntRange(0, 5).Draw(t, "key"))}
		if w.Delete = rapid.IntRange(0, 3).Draw(t, "delete") == 0; !w.Delete {
			w.Value = fmt.Appendf(nil, "value %d", len(c.writes)+len(b.Writes))
		}
		b.Writes = append(b.Writes, w)
	}
	out := r.state.Execute(r.disk.Commit, b)
	if rapid.IntRange(0, 9).Draw(t, "power cut") == 0 {
		r.disk.Crash(0)
		r.open()
		return
	}
	r.disk.Sync()
	for i, w := range b.Writes {
		if h := out.Outcomes[i].Header; out.Outcomes[i].Kind == keyspace.Won {
			c.writes = append(c.writes, keyspace.Entry{Key: w.Key, Header: h, Value: w.Value})
		}
	}
}

// gossip hands any entries that were ever written to anybody, in any order:
// pushes that are lost, late and doubled come to no worse.
func (c *cluster) gossip(t *rapid.T) {
	if len(c.writes) == 0 {
		t.Skip("nothing was written")
	}
	b := &keyspace.Batch{Now: c.now, MaxSkew: 500}
	for range rapid.IntRange(1, 5).Draw(t, "entries") {
		i := rapid.IntRange(0, len(c.writes)-1).Draw(t, "entry")
		b.Entries = append(b.Entries, c.writes[i])
	}
	r := c.pick(t, "receiver")
	r.state.Execute(r.disk.Update, b)
}

// scrub hands over records as a repair does, which claims nothing but their
// own dots.
func (c *cluster) scrub(t *rapid.T) {
	from, to := c.pick(t, "from"), c.pick(t, "to")
	h := keyspace.NewHasher(keyspace.DigestKey{})
	var keys []keyspace.KeyHash
	for range rapid.IntRange(1, 3).Draw(t, "keys") {
		keys = append(keys, h.Key(fmt.Sprint("k", rapid.IntRange(0, 5).Draw(t, "key"))))
	}
	es := keyspace.ReadRecords(from.disk.Reader(), keys, 100, 1<<20)
	to.state.Execute(to.disk.Update, &keyspace.Batch{Now: c.now, Entries: es, Repair: true})
}

// delta moves a replica's fetch one chunk on, or begins one. Chunks are small,
// so that a fetch takes several, with everything else in between.
func (c *cluster) delta(t *rapid.T) {
	r := c.pick(t, "asker")
	f := &r.fetch
	if !f.running {
		from := rapid.IntRange(0, len(c.replicas)-1).Draw(t, "source")
		*f = fetch{running: true, from: from, base: r.vv(), not: r.vv(), firstOfRun: true}
	}
	c.chunk(r, rapid.IntRange(1, 4).Draw(t, "chunk"))
}

// chunk applies one page of a fetch, and its claim if the pass took one view.
func (c *cluster) chunk(r *replica, entries int) {
	f := &r.fetch
	p := keyspace.ReadDots(c.replicas[f.from].disk.Reader(), f.not, f.after, entries, 1<<20)
	b := &keyspace.Batch{Now: c.now, MaxSkew: 500, Entries: p.Entries}
	if f.firstOfRun {
		f.start = p.VV
	}
	switch {
	case p.Done && f.firstOfRun:
		b.Claim = &keyspace.Claim{Base: f.base, VV: p.VV}
		f.running = false
	case p.Done:
		f.not, f.after, f.firstOfRun = f.start, keyspace.Dot{}, true
	default:
		f.after, f.firstOfRun = p.Last, false
	}
	r.state.Execute(r.disk.Update, b)
}

// breakOff ends a fetch: what it brought stays, and nothing is claimed.
func (c *cluster) breakOff(t *rapid.T) { c.pick(t, "asker").fetch = fetch{} }

// restart cuts the power of a replica. Fetches from it start anew as well: the
// protocol notices by its boot.
func (c *cluster) restart(t *rapid.T) {
	i := rapid.IntRange(0, len(c.replicas)-1).Draw(t, "replica")
	c.replicas[i].disk.Crash(0)
	c.replicas[i].open()
	for _, r := range c.replicas {
		if r.fetch.from == i {
			r.fetch = fetch{}
		}
	}
}

// check holds every claim of every replica against the model (I1), and the
// digest against the records.
func (c *cluster) check(t *rapid.T) {
	for _, r := range c.replicas {
		vv := r.vv()
		for i := range c.writes {
			w := &c.writes[i]
			if vv.Contains(w.Dot) && beats(w.Ver, r.held(w.Key)) {
				t.Fatalf("replica %d claims %v of %s, version %v, and holds %v",
					r.id, w.Dot, w.Key, w.Ver, r.held(w.Key))
			}
		}
		var tree keyspace.Tree
		h := keyspace.NewHasher(r.state.DigestKey())
		for k, b := range r.disk.Reader().Ascend(keyspace.DataKey(""), keyspace.DataEnd()) {
			rec, _ := keyspace.DecodeRecord(b)
			key := keyspace.UserKey(k)
			tree.Add(h.Key(key).Leaf(), h.Record(key, &rec.Header))
			if !slices.ContainsFunc(c.writes, func(w keyspace.Entry) bool {
				return w.Key == key && w.Header == rec.Header && bytes.Equal(w.Value, rec.Value)
			}) {
				t.Fatalf("replica %d holds %v of %s, which nobody wrote", r.id, rec.Dot, key)
			}
		}
		if tree.Root() != r.state.Tree().Root() {
			t.Fatalf("the digest of replica %d is not that of its records", r.id)
		}
	}
}

// converge lets everybody fetch from everybody until nothing is missing.
func (c *cluster) converge(t *rapid.T) {
	for range 2 {
		for _, r := range c.replicas {
			for from := range c.replicas {
				r.fetch = fetch{running: true, from: from, base: r.vv(), not: r.vv(), firstOfRun: true}
				for rounds := 0; r.fetch.running; rounds++ {
					if c.chunk(r, 7); rounds > 1000 {
						t.Fatalf("a fetch never ends")
					}
				}
			}
		}
	}
}

// wantEqual checks the end: equal vectors and roots, and of each key the
// greatest of all versions that were durable anywhere.
func (c *cluster) wantEqual(t *rapid.T) {
	first := c.replicas[0]
	for _, r := range c.replicas {
		if !r.vv().Equal(first.vv()) || r.state.Tree().Root() != first.state.Tree().Root() {
			t.Fatalf("replicas 1 and %d differ: %v and %v", r.id, first.vv(), r.vv())
		}
		for i := range c.writes {
			w := &c.writes[i]
			if !r.vv().Contains(w.Dot) || beats(w.Ver, r.held(w.Key)) {
				t.Fatalf("replica %d lost %v of %s: %v", r.id, w.Dot, w.Key, w.Ver)
			}
		}
	}
}

// TestStoresConverge: three stores that exchange entries in any order, fetch
// deltas in small chunks, repair each other, crash and restart keep every claim
// they make (I1) after each step, and are equal once each has fetched from all.
// A random state machine over the data half alone, without the protocol.
func TestStoresConverge(t *testing.T) {
	rapid.Check(t, storesConverge)
}

// FuzzStoresConverge is the same for a fuzzer's choice of steps.
func FuzzStoresConverge(f *testing.F) {
	f.Add([]byte("a seed that leads to some writes and deltas, and not to much else"))
	f.Fuzz(rapid.MakeFuzz(storesConverge))
}

func storesConverge(t *rapid.T) {
	c := newCluster()
	t.Repeat(map[string]func(*rapid.T){
		"":          c.check,
		"write":     c.write,
		"write too": c.write,
		"gossip":    c.gossip,
		"scrub":     c.scrub,
		"delta":     c.delta,
		"delta too": c.delta,
		"break off": c.breakOff,
		"restart":   c.restart,
	})
	c.converge(t)
	c.check(t)
	c.wantEqual(t)
}
