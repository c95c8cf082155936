package storage

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// journalKeys is a Journal of the keys that a batch writes.
func journalKeys(
	_ uint64, _ keyspace.Millis, writes []keyspace.Write, outcomes []keyspace.Outcome,
) (record []byte, entries int) {
	var keys []string
	for i, w := range writes {
		if outcomes[i].Kind == keyspace.Won && w.Note == nil {
			keys = append(keys, w.Key)
		}
	}
	return []byte(strings.Join(keys, " ")), len(keys)
}

// queuedKeys are the keys in the queue, whose numbers must have no gap.
func queuedKeys(t *testing.T, r *rig, from uint64) (keys []string) {
	t.Helper()
	next := uint64(0)
	err := r.ReadQueue(from, func(first uint64, record []byte) bool {
		if next != 0 && first != next {
			t.Fatalf("entry %d follows %d", first, next-1)
		}
		more := strings.Split(string(record), " ")
		keys, next = append(keys, more...), first+uint64(len(more))
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func openJournalRig(t *testing.T, dir string, epoch byte) *rig {
	t.Helper()
	r := &rig{answers: make(chan statemachine.Input, 256), fatal: make(chan error, 1)}
	var err error
	r.Store, err = Open(Options{
		Dir: dir, Birth: keyspace.Birth{Replica: keyspace.ReplicaID{1}, Epoch: keyspace.Epoch{epoch}},
		Deliver: func(in statemachine.Input) { r.answers <- in },
		Fatal:   func(err error) { r.fatal <- err }, Journal: journalKeys,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// TestQueue: a batch is queued with its writes, and what comes without a batch
// beside them; what was moved goes with a later record; the newest stays, so that
// numbers go on over a restart.
func TestQueue(t *testing.T) {
	dir := t.TempDir()
	r := openJournalRig(t, dir, 1)
	r.apply(batchOf("a", "b"))
	if n := r.Queued(); n != 3 {
		t.Errorf("when a batch of two is answered, the next entry is %d", n)
	}
	r.apply(&keyspace.Batch{Now: 1000, Writes: []keyspace.Write{{Key: "no", Value: []byte("1"), Note: []byte("x")}}})
	<-r.Queue(func(first uint64) ([]byte, int) { return fmt.Append(nil, "order", first), 1 })
	r.apply(batchOf("c"))
	if got := queuedKeys(t, r, 1); !slices.Equal(got, []string{"a", "b", "order3", "c"}) {
		t.Errorf("queued: %q", got)
	}
	if got := queuedKeys(t, r, 3); !slices.Equal(got, []string{"order3", "c"}) {
		t.Errorf("queued from 3 on: %q", got)
	}
	r.Moved(3)
	r.apply(batchOf("d"))
	if got := queuedKeys(t, r, 1); !slices.Equal(got, []string{"c", "d"}) {
		t.Errorf("after 3 were moved: %q", got)
	}
	r.Moved(5)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = openJournalRig(t, dir, 2)
	if moved, next := r.MovedAtStart(), r.Queued(); moved != 3 || next != 6 {
		t.Errorf("after a restart, moved up to %d, next %d; want 3 and 6", moved, next)
	}
	r.Moved(5)
	r.apply(batchOf("e"))
	if got := queuedKeys(t, r, 1); !slices.Equal(got, []string{"e"}) {
		t.Errorf("after a restart: %q", got)
	}
}

// TestDamagedQueue: a queued record that does not match its checksum stops nobody,
// and is not skipped silently.
func TestDamagedQueue(t *testing.T) {
	dir := t.TempDir()
	r := openJournalRig(t, dir, 1)
	r.apply(batchOf("a"))
	err := r.engine.db.Update(func(txn *badger.Txn) error {
		return txn.Set(keyspace.QueueKey(1), []byte("damaged"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := queuedKeys(t, r, 1); len(got) > 0 {
		t.Errorf("a damaged record is read: %q", got)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = openJournalRig(t, dir, 2)
	r.apply(batchOf("b"))
	if n := r.Queued(); n <= 2 {
		t.Errorf("number %d may have been given before", n-1)
	}
	if got := queuedKeys(t, r, 1); !slices.Equal(got, []string{"b"}) {
		t.Errorf("behind a damaged record: %q", got)
	}
}
