package storage

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

func openAsyncRig(t *testing.T, dir string, epoch byte) *rig {
	t.Helper()
	r := &rig{answers: make(chan statemachine.Input, 256), fatal: make(chan error, 1)}
	var err error
	r.Store, err = Open(Options{
		Dir: dir, Async: true, Journal: journalKeys,
		Birth:   keyspace.Birth{Replica: keyspace.ReplicaID{1}, Epoch: keyspace.Epoch{epoch}},
		Deliver: func(in statemachine.Input) { r.answers <- in },
		Fatal:   func(err error) { r.fatal <- err },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// TestBarrier: a batch is answered, and shows, before a barrier makes it durable; then
// Synced names it with its vector, and only then its entries can leave the queue.
func TestBarrier(t *testing.T) {
	r := openAsyncRig(t, t.TempDir(), 1)
	b := batchOf("a", "b")
	b.ID = 1
	applied := r.apply(b)
	if found, err := r.View("a", func(keyspace.Record) {}); !found || err != nil {
		t.Fatalf("an answered write is not there: %v", err)
	}
	synced := (<-r.answers).(statemachine.Synced)
	if synced.Batch != applied.Batch || !synced.VV.Equal(applied.VV) {
		t.Fatalf("synced %v, applied %d with %v", synced, applied.Batch, applied.VV)
	}
	if next := r.Queued(); next != 3 || len(queuedKeys(t, r, 1)) != 2 {
		t.Fatalf("the next entry is %d", next)
	}
}

// TestBarrierDoesNotLead: what no barrier has covered is neither in the sidecar nor in the
// readable part of the queue.
func TestBarrierDoesNotLead(t *testing.T) {
	r := openAsyncRig(t, t.TempDir(), 1)
	r.barrier.pass.Lock() // none can be made
	applied := r.apply(batchOf("a"))
	reached := r.digest.Load().reached.Batch
	if durable := r.barrier.durable.reached.Batch; durable >= reached {
		t.Errorf("batch %d of %d is durable, after %d answered", durable, reached, applied.Batch)
	}
	if next := r.Queued(); next != 1 || len(queuedKeys(t, r, 1)) != 0 {
		t.Errorf("the queue shows entries up to %d", next)
	}
	r.barrier.pass.Unlock()
}

// TestWhoWaitsGetsABarrier: a record that was queued alone is durable long before the next
// second, and a batch with the system's own records is durable when it is answered.
func TestWhoWaitsGetsABarrier(t *testing.T) {
	r := openAsyncRig(t, t.TempDir(), 1)
	<-r.Queue(func(uint64) ([]byte, int) { return []byte("x"), 1 })
	if next := r.Queued(); next != 2 {
		t.Errorf("the next entry is %d", next)
	}
	began := time.Now()
	r.apply(batchOf("_auth/users/u"))
	if at, mark := r.watermark(), r.digest.Load().reached; at.Batch+1 < mark.Batch || time.Since(began) > barrierEvery {
		t.Errorf("durable up to %d, %d is answered", at.Batch, mark.Batch)
	}
}

// TestRestartOfTheMachine: a store that did not sync every batch, and whose machine was
// restarted before it was closed, says that something may be gone: with other members
// until it is mended, alone in the log. One that was closed has lost nothing.
func TestRestartOfTheMachine(t *testing.T) {
	for _, c := range []struct {
		name          string
		members, shut bool
		want          keyspace.LossKind
	}{
		{"with members", true, false, keyspace.LossUnsynced},
		{"alone", false, false, keyspace.LossNone},
		{"closed", true, true, keyspace.LossNone},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			r := openAsyncRig(t, dir, 1)
			b := batchOf("a")
			b.ID = 1
			if c.members {
				b.Members = []keyspace.Member{{Replica: keyspace.ReplicaID{9}, Name: "n9"}}
			}
			r.apply(b)
			<-r.answers // the barrier
			if c.shut {
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
			}
			known, err := readSidecar(dir)
			copied := copyStore(t, dir)
			known.machine = "another"
			if err := errors.Join(err, known.write(copied)); err != nil {
				t.Fatal(err)
			}
			for epoch := range byte(2) { // a second start on the same machine knows it still
				again := openAsyncRig(t, copied, 2+epoch)
				if got := again.Snapshot().Loss.Kind; got != c.want {
					t.Fatalf("start %d finds %v, want %v", epoch, got, c.want)
				}
				if err := again.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestSyncLogs: a log that is gone is no failure, and a directory that is gone is one.
func TestSyncLogs(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "00001.mem"), []byte("x"))
	if err := errors.Join(syncLogs(dir), syncFile(filepath.Join(dir, "00002.mem"))); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if syncLogs(dir) == nil {
		t.Error("a directory that is gone was synced")
	}
}
