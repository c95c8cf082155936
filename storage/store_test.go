package storage

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// rig is a store with its answers in channels.
type rig struct {
	*Store
	answers chan statemachine.Input
	fatal   chan error
}

func openRig(t testing.TB, dir string, epoch byte) *rig { return openRigAt(t, dir, epoch, 0) }

// openRigAt opens one that compresses at a level.
func openRigAt(t testing.TB, dir string, epoch byte, level int) *rig {
	t.Helper()
	r := &rig{answers: make(chan statemachine.Input, 256), fatal: make(chan error, 1)}
	s, err := Open(Options{
		Dir:         dir,
		Compression: level,
		Birth:       keyspace.Birth{Replica: keyspace.ReplicaID{1}, Epoch: keyspace.Epoch{epoch}},
		Deliver:     func(in statemachine.Input) { r.answers <- in },
		Fatal:       func(err error) { r.fatal <- err },
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Store = s
	t.Cleanup(func() { s.Close() })
	return r
}

func (r *rig) apply(b *keyspace.Batch) *keyspace.Applied {
	r.Perform(statemachine.Apply{Batch: b})
	return (<-r.answers).(statemachine.Applied).Result
}

func batchOf(keys ...string) *keyspace.Batch {
	b := &keyspace.Batch{Now: 1000}
	for _, k := range keys {
		b.Writes = append(b.Writes, keyspace.Write{Key: k, Value: []byte("value of " + k)})
	}
	return b
}

// TestViewAndRange: what is applied is read, tombstones included, in key order
// and within bounds; a range can be left; a View inside a Range works.
func TestViewAndRange(t *testing.T) {
	r := openRig(t, t.TempDir(), 1)
	r.apply(batchOf("b", "a", "c/d", "c"))
	r.apply(&keyspace.Batch{Now: 1001, Writes: []keyspace.Write{{Key: "b", Delete: true}}})
	ranged := func(start, end string, limit int) (keys string) {
		err := r.Range(start, end, func(key string, rec keyspace.Record) bool {
			found, err := r.View(key, func(same keyspace.Record) {
				if same.Ver != rec.Ver || string(same.Value) != string(rec.Value) {
					t.Errorf("View and Range differ at %q", key)
				}
				if !same.Tombstone() && string(same.Value) != "value of "+key {
					t.Errorf("%q has %q", key, same.Value)
				}
			})
			if !found || err != nil {
				t.Errorf("%q: found %v, %v", key, found, err)
			}
			keys += key + " "
			limit--
			return limit > 0
		})
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
	for _, c := range []struct {
		start, end string
		limit      int
		want       string
	}{
		{"", "", 9, "a b c c/d "}, {"b", "c/", 9, "b c "}, {"", "", 2, "a b "}, {"d", "", 9, ""},
	} {
		if got := ranged(c.start, c.end, c.limit); got != c.want {
			t.Errorf("range %q to %q: %q, want %q", c.start, c.end, got, c.want)
		}
	}
	found, err := r.View("absent", func(keyspace.Record) { t.Error("called") })
	if found || err != nil {
		t.Errorf("absent: %v %v", found, err)
	}
}

// TestRestart: after Close and Open the records, the digest and the vector are
// the same, and the boot count is higher.
func TestRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "dir")
	r := openRig(t, dir, 1)
	out := r.apply(batchOf("a", "b"))
	root, live, err := r.Digest()
	if err != nil || live != 2 {
		t.Fatal(live, err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.View("a", nil); !errors.Is(err, ErrClosed) {
		t.Fatalf("View after Close: %v", err)
	}
	if _, _, err := r.Digest(); !errors.Is(err, ErrClosed) {
		t.Fatalf("Digest after Close: %v", err)
	}
	before := r.Snapshot()
	r = openRig(t, dir, 2)
	snap := r.Snapshot()
	if again, _, _ := r.Digest(); again != root || snap.Sum != out.Sum || !snap.VV.Covers(out.VV) {
		t.Fatal("the digest or the vector changed")
	}
	if snap.Identity.Boot.Count != before.Identity.Boot.Count+1 || snap.Live != 2 {
		t.Fatalf("boot %v after %v", snap.Identity.Boot, before.Identity.Boot)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("mode %v %v", info.Mode(), err)
	}
}

// TestReads: every read of the core is answered once, with its number, and sees
// what was applied before it was asked; also across an adoption, after which
// listings are made with the new digest key.
func TestReads(t *testing.T) {
	r := openRig(t, t.TempDir(), 1)
	r.apply(batchOf("a", "b"))
	for op := range statemachine.OpID(2) {
		if op == 1 {
			r.apply(&keyspace.Batch{Adopt: &keyspace.Adoption{
				Cluster: keyspace.ClusterID{1}, Digest: keyspace.DigestKey{1},
			}})
		}
		h := keyspace.NewHasher(keyspace.DigestKey{byte(op)})
		kh := h.Key("a")
		r.Perform(statemachine.ReadRecords{Op: op, Keys: []keyspace.KeyHash{kh}})
		if got := (<-r.answers).(statemachine.RecordsRead); got.Op != op || len(got.Entries) != 1 {
			t.Fatalf("%v", got)
		}
		r.Perform(statemachine.ReadLeaf{Op: op, Leaves: []keyspace.Leaf{kh.Leaf()}})
		leaf := (<-r.answers).(statemachine.LeafRead)
		r.Perform(statemachine.ReadDigest{
			Op: op, Level: keyspace.LevelLeaf, Index: []uint32{uint32(kh.Leaf())},
		})
		digest := (<-r.answers).(statemachine.DigestRead)
		if leaf.Leaves[0][0].Digest != digest.Sums[0].Hi {
			t.Fatalf("the listing has %v, the tree %v", leaf.Leaves[0], digest.Sums)
		}
		r.Perform(statemachine.ReadDots{Op: op, Entries: 10})
		if got := (<-r.answers).(statemachine.DotsRead); len(got.Page.Entries) != 2 {
			t.Fatalf("%v", got)
		}
	}
}

// TestOrder: batches are answered in their order, however many wait.
func TestOrder(t *testing.T) {
	r := openRig(t, t.TempDir(), 1)
	for i := range 40 {
		b := batchOf(fmt.Sprint(i))
		b.ID = keyspace.BatchID(i)
		r.Perform(statemachine.Apply{Batch: b})
		r.Perform(statemachine.ReadDots{Op: statemachine.OpID(i)})
		r.Perform(statemachine.ReadDigest{Op: statemachine.OpID(i)})
	}
	var next keyspace.BatchID
	for range 3 * 40 {
		if a, ok := (<-r.answers).(statemachine.Applied); ok {
			if a.Result.Batch != next {
				t.Fatalf("batch %d before %d", a.Result.Batch, next)
			}
			next++
		}
	}
}

// TestBoundPanics: more effects than the queues hold are a bug of the core.
func TestBoundPanics(t *testing.T) {
	release := make(chan struct{})
	s, err := Open(Options{Dir: t.TempDir(), Deliver: func(statemachine.Input) { <-release }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	defer close(release)
	defer func() {
		if r := recover(); !strings.Contains(fmt.Sprint(r), "batches wait") {
			t.Fatalf("recovered %v", r)
		}
	}()
	for range writeQueueMax + 4 { // two more are with the two stages
		s.Perform(statemachine.ReadDigest{})
	}
	t.Fatal("no panic")
}

// TestConcurrentReads: readers beside the writer see whole batches. The race
// detector checks the rest.
func TestConcurrentReads(t *testing.T) {
	r := openRig(t, t.TempDir(), 1)
	done := make(chan struct{})
	for range 2 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 200 {
				n := 0
				err := r.Range("", "", func(string, keyspace.Record) bool { n++; return true })
				if err != nil || n%3 != 0 {
					t.Errorf("range saw %d records: %v", n, err)
				}
				if _, err := r.View("0a", func(keyspace.Record) {}); err != nil {
					t.Error(err)
				}
				if _, _, err := r.Digest(); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	for i := range 50 {
		n := strconv.Itoa(i)
		r.apply(batchOf(n+"a", n+"b", n+"c"))
		if i == 25 {
			r.apply(&keyspace.Batch{Adopt: &keyspace.Adoption{Cluster: keyspace.ClusterID{1}}})
		}
	}
	<-done
	<-done
}

// TestDamagedRecord: a damaged record is ErrDamaged for View and Range, each
// time, and is told to the core once. Reads and batches of the core go on without
// it, and the digest does not count it. What replaces it is served, and a second
// damage is told again.
func TestDamagedRecord(t *testing.T) {
	r := openRig(t, t.TempDir(), 1)
	out := r.apply(batchOf("a", "b"))
	lost := keyspace.Entry{
		Key: "b", Header: out.Outcomes[1].Header, Value: []byte("value of b"),
	}
	for range 2 {
		corrupt(t, r.engine, keyspace.DataKey("b"), func(b []byte) []byte { b[len(b)-1]++; return b })
		for range 3 {
			found, err := r.View("b", func(keyspace.Record) { t.Error("served") })
			if found || !errors.Is(err, ErrDamaged) {
				t.Fatalf("View: %v %v", found, err)
			}
		}
		err := r.Range("", "", func(key string, _ keyspace.Record) bool {
			if key == "b" {
				t.Error("served")
			}
			return true
		})
		if !errors.Is(err, ErrDamaged) {
			t.Fatalf("Range: %v", err)
		}
		if got := <-r.answers; got != (statemachine.Damaged{Key: "b"}) {
			t.Fatalf("%v", got)
		}
		if _, live, err := r.Digest(); live != 1 || err != nil {
			t.Fatalf("%d records counted: %v", live, err)
		}
		r.Perform(statemachine.ReadDots{Entries: 10})
		page := (<-r.answers).(statemachine.DotsRead).Page
		if len(page.Entries) != 1 || !page.Holes {
			t.Fatalf("the page holds %d, holes %v", len(page.Entries), page.Holes)
		}
		again := r.apply(&keyspace.Batch{Now: 1001, Repair: true, Entries: []keyspace.Entry{lost}})
		if again.Sum != out.Sum || again.Live != 2 || again.Outcomes[0].Kind != keyspace.Won {
			t.Fatalf("repaired: %+v", again)
		}
		if found, err := r.View("b", func(rec keyspace.Record) {
			if string(rec.Value) != "value of b" {
				t.Errorf("%q", rec.Value)
			}
		}); !found || err != nil {
			t.Fatal(found, err)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestBatchMeetsDamage: a batch is the first that meets a damaged record, writes
// over it, and is answered with the digest of what is there.
func TestBatchMeetsDamage(t *testing.T) {
	r, same := openRig(t, t.TempDir(), 1), openRig(t, t.TempDir(), 1)
	for _, s := range []*rig{r, same} {
		s.apply(batchOf("a", "b", "c"))
	}
	for _, key := range []string{"a", "c"} {
		corrupt(t, r.engine, keyspace.DataKey(key), func(b []byte) []byte { return b[:len(b)-1] })
	}
	lost := same.apply(&keyspace.Batch{Now: 2000, Writes: []keyspace.Write{{Key: "a", Delete: true}}})
	got := r.apply(&keyspace.Batch{Now: 2000, Writes: []keyspace.Write{{Key: "a", Delete: true}}})
	if got.Live != lost.Live || got.Sum != lost.Sum {
		t.Fatalf("counts %d, want %d", got.Live, lost.Live)
	}
	root, _, _ := same.Digest()
	if mine, _, _ := r.Digest(); mine != root {
		t.Fatal("the roots differ")
	}
}

// TestDamagedSystemRecord: without a system record the executor is at its end:
// no answer, one report that names the directory.
func TestDamagedSystemRecord(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, dir, 1)
	r.apply(batchOf("a"))
	corrupt(t, r.engine, []byte("sn"), func(b []byte) []byte { b[len(b)-1]++; return b })
	r.Perform(statemachine.ReadDots{})
	if err := <-r.fatal; !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("fatal: %v", err)
	}
	wantSilence(t, r)
}

// wantSilence checks that a failed store answers nothing and closes cleanly.
func wantSilence(t *testing.T, r *rig) {
	t.Helper()
	r.Perform(statemachine.Apply{Batch: batchOf("late")})
	if _, err := r.View("a", nil); err == nil {
		t.Fatal("View after the failure")
	}
	if err := r.Close(); err == nil {
		t.Fatal("Close hid the failure")
	}
	select {
	case in := <-r.answers:
		t.Fatalf("answered %v", in)
	default:
	}
	if err := r.engine.db.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFailedCommit: a commit that fails is final and its batch is not answered.
func TestFailedCommit(t *testing.T) {
	r := openRig(t, t.TempDir(), 1)
	r.apply(batchOf("a"))
	writes := batchOf("a")
	writes.Members = make([]keyspace.Member, 4) // more than a transaction holds
	for i := range writes.Members {
		writes.Members[i] = keyspace.Member{
			Replica: keyspace.ReplicaID{byte(i)}, Name: strings.Repeat("n", partBytesMax-100),
		}
	}
	r.Perform(statemachine.Apply{Batch: writes})
	if err := <-r.fatal; !errors.Is(err, badger.ErrTxnTooBig) {
		t.Fatal(err)
	}
	wantSilence(t, r)
}

// TestTripwire: the lines in which Badger admits a failed write end the store
// as a failed commit does, once; other lines do not.
func TestTripwire(t *testing.T) {
	r := openRig(t, t.TempDir(), 1)
	log := badgerLog{discard(t).log, r.failure.trip}
	log.Warningf("Block cache might be too small. Metrics: %s\n", "x")
	log.Infof("Error while curlf sync")
	if err := r.failure.err(); err != nil {
		t.Fatal(err)
	}
	log.Errorf("Error while curlf sync: %v\n", errors.New("input/output error"))
	log.Errorf("writeRequests: %v", errors.New("later"))
	if err := <-r.fatal; !strings.Contains(err.Error(), "input/output error") {
		t.Fatal(err)
	}
	wantSilence(t, r)
}

// TestLargeHistory: a batch of small writes over large values is more than Badger
// takes at once, because the old values go to the history. It becomes several
// transactions with one answer.
func TestLargeHistory(t *testing.T) {
	r := openRig(t, t.TempDir(), 1)
	large := bytes.Repeat([]byte("1"), keyspace.ValueBytesMax)
	over := &keyspace.Batch{Now: 1000, Revisions: 4}
	for i := range 6 {
		key := fmt.Sprint("k", i)
		r.apply(&keyspace.Batch{Now: 1000, Revisions: 4, Writes: []keyspace.Write{{Key: key, Value: large}}})
		over.Writes = append(over.Writes, keyspace.Write{Key: key, Value: []byte("2")})
	}
	if out := r.apply(over); len(out.Outcomes) != len(over.Writes) {
		t.Fatalf("%d outcomes, want %d", len(out.Outcomes), len(over.Writes))
	}
	for _, w := range over.Writes {
		cur, revs, err := r.History(w.Key, 0, func(int, *keyspace.Revision) bool { return true })
		if err != nil || string(cur.Value) != "2" || len(revs) != 1 || !bytes.Equal(revs[0].Value, large) {
			t.Errorf("%s: %v, %d revisions, %v", w.Key, cur, len(revs), err)
		}
	}
}
