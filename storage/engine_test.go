package storage

import (
	"bytes"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"kvs/sim/storetest"
	"kvs/statemachine/keyspace"
)

// discard is a log that nobody reads, and fails the test on a tripwire.
func discard(t testing.TB) badgerLog {
	return badgerLog{slog.New(slog.DiscardHandler), func(err error) { t.Error(err) }}
}

// newEngine opens an engine on a new directory and closes it after the test.
func newEngine(t testing.TB) *engine {
	t.Helper()
	return engineOn(t, t.TempDir())
}

func engineOn(t testing.TB, dir string) *engine { return engineAt(t, dir, 0) }

// engineAt is one that compresses at a level.
func engineAt(t testing.TB, dir string, level int) *engine {
	t.Helper()
	e, err := openEngineWith(badgerOptions(dir, discard(t)), newCompressor(level), func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// suiteStore is an engine as the suite sees it.
type suiteStore struct {
	*engine
	dir   string
	level int // of compression
}

func (s suiteStore) Update(fn func(keyspace.Tx))   { s.update(fn) }
func (s suiteStore) View(fn func(keyspace.Reader)) { s.view(fn) }
func (s suiteStore) Snapshots()                    {}

func (s suiteStore) Reopen(t *testing.T) storetest.Store {
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	return suiteStore{engineAt(t, s.dir, s.level), s.dir, s.level}
}

// TestSuite runs the behaviour that every store shares.
func TestSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store {
		return newSuiteStore(t, 0)
	})
}

func newSuiteStore(t *testing.T, level int) storetest.Store {
	dir := t.TempDir()
	return suiteStore{engineAt(t, dir, level), dir, level}
}

// TestSuiteCompressed is the same with a store that compresses.
func TestSuiteCompressed(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Store { return newSuiteStore(t, 3) })
}

// TestFailedTransactionLeavesNothing: a transaction that ends in a panic stores
// none of its writes, and the next one works.
func TestFailedTransactionLeavesNothing(t *testing.T) {
	e := newEngine(t)
	func() {
		defer func() { recover() }()
		e.update(func(tx keyspace.Tx) {
			tx.Set([]byte("da"), []byte("1"))
			panic("out")
		})
	}()
	e.update(func(tx keyspace.Tx) { tx.Set([]byte("db"), []byte("1")) })
	e.view(func(r keyspace.Reader) {
		if r.Get([]byte("da")) != nil || r.Get([]byte("db")) == nil {
			t.Fatal("the failed transaction left something, or the next nothing")
		}
	})
}

// TestNoValueInValueLog: whatever the size of a value, all that Badger stores
// for it lies in the tree: no item is a pointer, and no value log file has more
// than its header. The values that are cut in two leave no second part behind.
func TestNoValueInValueLog(t *testing.T) {
	dir := t.TempDir()
	e := engineOn(t, dir)
	value := bytes.Repeat([]byte("v"), partBytesMax+200)
	for n := partBytesMax - 8; n <= partBytesMax+200; n += 4 {
		e.update(func(tx keyspace.Tx) { tx.Set([]byte("da"), bytes.Clone(value[:n])) })
	}
	if seconds := countSeconds(t, e); seconds != 1 {
		t.Fatalf("%d second parts, want 1", seconds)
	}
	e.update(func(tx keyspace.Tx) { tx.Set([]byte("da"), []byte("short")) })
	if seconds := countSeconds(t, e); seconds != 0 {
		t.Fatalf("%d second parts, want 0", seconds)
	}
	logs, err := filepath.Glob(filepath.Join(dir, "*.vlog"))
	if err != nil || len(logs) != 1 {
		t.Fatalf("value logs: %v %v", logs, err)
	}
	b, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	const headerBytes = 20
	if len(bytes.TrimRight(b, "\x00")) > headerBytes {
		t.Fatal("there is something in the value log")
	}
}

// countSeconds counts the second parts, and fails on anything that is not whole
// in the tree.
func countSeconds(t *testing.T, e *engine) (n int) {
	t.Helper()
	txn := e.db.NewTransaction(false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		b, err := item.ValueCopy(nil)
		// For a pointer, EstimatedSize is that of the entry in the value log.
		if err != nil || item.EstimatedSize() != int64(len(item.Key())+len(b)) {
			t.Fatalf("key %q: value of %d bytes is elsewhere (%v)", item.Key(), len(b), err)
		}
		if item.Key()[0] == classOwn {
			n++
		}
	}
	return n
}

// TestDamageIsNoticed: any flipped bit of any stored value, a value under a
// foreign key and a missing second part are noticed by Get and Ascend, and reported.
func TestDamageIsNoticed(t *testing.T) {
	e := newEngine(t)
	rng := rand.New(rand.NewPCG(1, 1))
	key := []byte("da")
	big := bytes.Repeat([]byte("v"), partBytesMax+100)
	for i := range 200 {
		value := big[:1+rng.IntN(300)]
		if i%50 == 0 {
			value = big
		}
		e.update(func(tx keyspace.Tx) { tx.Set(bytes.Clone(key), bytes.Clone(value)) })
		corrupt(t, e, key, func(stored []byte) []byte {
			stored[rng.IntN(len(stored))] ^= 1 << rng.IntN(8)
			return stored
		})
		wantDamaged(t, e, key)
	}
	e.update(func(tx keyspace.Tx) {
		tx.Set(bytes.Clone(key), []byte("value"))
		tx.Set([]byte("db"), []byte("other"))
	})
	corrupt(t, e, key, func([]byte) []byte { return rawGet(t, e, []byte("db")) })
	wantDamaged(t, e, key)
	e.update(func(tx keyspace.Tx) { tx.Set(bytes.Clone(key), bytes.Clone(big)) })
	txn := e.db.NewTransaction(true)
	defer txn.Discard()
	if err := errors.Join(txn.Delete(secondKey(key)), txn.Commit()); err != nil {
		t.Fatal(err)
	}
	wantDamaged(t, e, key)
	corrupt(t, e, key, func([]byte) []byte { return []byte{} })
	wantDamaged(t, e, key)
}

func rawGet(t *testing.T, e *engine, key []byte) []byte {
	t.Helper()
	txn := e.db.NewTransaction(false)
	defer txn.Discard()
	item, err := txn.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	b, err := item.ValueCopy(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// corrupt replaces what is stored under key behind the engine's back.
func corrupt(t *testing.T, e *engine, key []byte, fn func([]byte) []byte) {
	t.Helper()
	b := fn(rawGet(t, e, key))
	txn := e.db.NewTransaction(true)
	defer txn.Discard()
	if err := errors.Join(txn.Set(bytes.Clone(key), b), txn.Commit()); err != nil {
		t.Fatal(err)
	}
}

func wantDamaged(t *testing.T, e *engine, key []byte) {
	t.Helper()
	reports := 0
	e.report = func(k []byte) {
		if reports++; !bytes.Equal(k, key) {
			t.Errorf("%q is reported, want %q", k, key)
		}
	}
	e.view(func(r keyspace.Reader) {
		if got := r.Get(key); !keyspace.IsDamaged(got) {
			t.Fatalf("get of a damaged record: %q", got)
		}
		damaged := 0
		for k, v := range r.Ascend([]byte("d"), []byte("e")) {
			if keyspace.IsDamaged(v) {
				damaged++
			} else if bytes.Equal(k, key) {
				t.Fatalf("scan over a damaged record: %q", v)
			}
		}
		if damaged != 1 {
			t.Fatalf("the scan shows %d damaged records", damaged)
		}
	})
	if reports != 2 {
		t.Fatalf("%d reports, want 2", reports)
	}
}

// TestFullBatchFits: the bounds of Badger's transactions leave room for a batch
// of 1,024 writes with every index on both sides.
func TestFullBatchFits(t *testing.T) {
	e := newEngine(t)
	const recordsPerWrite = 8
	if got := e.db.MaxBatchCount(); got < recordsPerWrite*keyspace.BatchWritesMax {
		t.Fatalf("a transaction holds %d records", got)
	}
	if got := e.db.MaxBatchSize(); got < 2*keyspace.ValueBytesMax {
		t.Fatalf("a transaction holds %d bytes", got)
	}
}
