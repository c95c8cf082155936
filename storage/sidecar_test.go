package storage

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// TestSidecarRoundTrip: what is written is read, and no other text is: any
// change of one byte is refused.
func TestSidecarRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := sidecar{machine: rapid.StringMatching(`[0-9a-f-]{1,36}`).Draw(t, "machine")}
		want.Replica = keyspace.ReplicaID{rapid.Byte().Draw(t, "replica")}
		want.Boot = rapid.Uint64Max(1<<63-1).Draw(t, "boot")
		want.Batch = rapid.Uint64Max(1<<63-1).Draw(t, "batch")
		want.HLC = keyspace.Millis(rapid.Uint64Max(1<<40).Draw(t, "hlc"))
		text := want.String()
		if got, ok := parseSidecar(text); !ok || got != want {
			t.Fatalf("%v became %v", want, got)
		}
		b := []byte(text)
		b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if got, ok := parseSidecar(string(b)); ok {
			t.Fatalf("%q was read as %v", b, got)
		}
	})
}

// copyStore copies Badger's files of a store, as they are, to a new directory.
func copyStore(t *testing.T, from string) (to string) {
	t.Helper()
	to = t.TempDir()
	files, err := os.ReadDir(from)
	for _, f := range files {
		if strings.HasPrefix(f.Name(), sidecarName) {
			continue
		}
		b, readErr := os.ReadFile(filepath.Join(from, f.Name()))
		err = errors.Join(err, readErr)
		write(t, filepath.Join(to, f.Name()), b)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// wantLoss checks that Open refuses a directory, tells how to accept the loss,
// refuses it again, opens it once the loss is accepted, and forgets it then.
func wantLoss(t *testing.T, dir string) {
	t.Helper()
	for i := range 2 {
		s, err := Open(Options{
			Dir: dir, Deliver: func(statemachine.Input) {},
			Birth: keyspace.Birth{Replica: keyspace.ReplicaID{2}, Epoch: keyspace.Epoch{140 + byte(i)}},
		})
		if err == nil {
			s.Close()
			t.Fatal("opened")
		}
		accept := filepath.Join(dir, acceptName)
		if !errors.Is(err, ErrLoss) || !strings.Contains(err.Error(), accept) {
			t.Fatalf("refused with %v", err)
		}
	}
	write(t, filepath.Join(dir, acceptName), nil)
	for i := range 2 {
		r := openRig(t, dir, byte(150+i))
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if accepts(dir) {
		t.Fatal("the acceptance is still there")
	}
}

// TestRefusesOlderStore: Badger's files of an earlier moment beside the sidecar
// of a later one, and a sidecar without any files.
func TestRefusesOlderStore(t *testing.T) {
	dir := born(t)
	older := copyStore(t, dir)
	r := openRig(t, dir, 2)
	r.apply(batchOf("b"))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	newer, err := os.ReadFile(filepath.Join(dir, sidecarName))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(older, sidecarName), newer)
	wantLoss(t, older)
	empty := t.TempDir()
	write(t, filepath.Join(empty, sidecarName), newer)
	wantLoss(t, empty)
}

// TestRefusesDamagedLog: a flipped bit in the log of a store that was not closed
// makes Badger drop all that follows in it, without a word.
func TestRefusesDamagedLog(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, dir, 1)
	for i := range 50 {
		r.apply(batchOf(fmt.Sprint(i)))
	}
	killed := copyStore(t, dir)
	other := copyStore(t, dir)
	reached := sidecar{r.digest.Load().reached, machineStart(), false}
	if err := errors.Join(reached.write(killed), reached.write(other)); err != nil {
		t.Fatal(err)
	}
	whole := openRig(t, other, 2)
	if got := whole.Snapshot().Loss; got.Kind != keyspace.LossNone {
		t.Fatalf("a kill lost %v", got)
	}
	logs, err := filepath.Glob(filepath.Join(killed, "*.mem"))
	if err != nil || len(logs) != 1 {
		t.Fatal(logs, err)
	}
	b, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	b[10_000] ^= 4 // among the batches
	write(t, logs[0], b)
	wantLoss(t, killed)
}

// TestLossAmongMembers: with other members a store opens, and says what it lost:
// the marker of a batch is missing.
func TestLossAmongMembers(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, dir, 1)
	batch := batchOf("a")
	batch.Members = []keyspace.Member{{Replica: keyspace.ReplicaID{9}, Name: "n9"}}
	r.apply(batch)
	r.apply(batchOf("b"))
	r.apply(batchOf("c"))
	lost := r.digest.Load().reached.Batch - 1
	txn := r.engine.db.NewTransaction(true)
	defer txn.Discard()
	if err := errors.Join(txn.Delete([]byte{'b', 0, 0, byte(lost)}), txn.Commit(), r.Close()); err != nil {
		t.Fatal(err)
	}
	for epoch := range byte(2) {
		r = openRig(t, dir, 2+epoch)
		want := keyspace.Loss{Kind: keyspace.LossGap, From: lost, To: lost}
		if got := r.Snapshot().Loss; got != want {
			t.Fatalf("found %v, want %v", got, want)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestBootCountOutlivesTheStore: the boot count goes on from the sidecar's when
// that is ahead of the store's.
func TestBootCountOutlivesTheStore(t *testing.T) {
	dir := born(t)
	older := copyStore(t, dir)
	for i := range 3 {
		if err := openRig(t, dir, byte(2+i)).Close(); err != nil {
			t.Fatal(err)
		}
	}
	newer, err := readSidecar(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(newer.write(older), os.WriteFile(filepath.Join(older, acceptName), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	r := openRig(t, older, 9)
	if got := r.Snapshot().Identity.Boot.Count; got != newer.Boot+1 {
		t.Fatalf("start %d follows %d", got, newer.Boot)
	}
}
