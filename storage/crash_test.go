package storage

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// The environment of the child: its directory and its first batch.
const (
	crashDirEnv   = "KVS_STORAGE_TEST_DIR"
	crashFirstEnv = "KVS_STORAGE_TEST_FIRST"
)

// TestKillLosesNothingAcknowledged: a process that is killed at a random moment
// leaves every batch that it had reported, each as a whole, and a store whose
// tree equals its records. This proves recovery, not durability: a power cut
// would be needed for that.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	dir := t.TempDir()
	acked := 0
	for run := range 4 {
		last := killOne(t, dir, acked, 20+rand.IntN(150))
		r := openRig(t, dir, byte(100+run))
		for i := range last {
			for _, part := range []string{"a", "b"} {
				found, err := r.View(crashKey(i, part), func(keyspace.Record) {})
				if !found || err != nil {
					t.Fatalf("run %d: batch %d of %d is lost: %v", run, i, last, err)
				}
			}
		}
		acked = whole(t, r)
		queuedOnce(t, r, acked)
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// queuedOnce checks that each batch that is stored is in the queue once, in order.
func queuedOnce(t *testing.T, r *rig, batches int) {
	t.Helper()
	var want []string
	for i := range batches {
		want = append(want, crashKey(i, "a"), crashKey(i, "b"))
	}
	if got := queuedKeys(t, r, 1); !slices.Equal(got, want) {
		t.Fatalf("%d batches are stored, and %d keys are queued: %.200q", batches, len(got), got)
	}
	if next := r.Queued(); next != uint64(len(want))+1 {
		t.Fatalf("the next entry is %d, want %d", next, len(want)+1)
	}
}

// whole checks that the store holds whole batches and no others, and that its
// digest equals that of its records; it returns how many.
func whole(t *testing.T, r *rig) int {
	t.Helper()
	var tree keyspace.Tree
	h := keyspace.NewHasher(r.Snapshot().Identity.Digest)
	n := 0
	err := r.Range("", "", func(key string, rec keyspace.Record) bool {
		tree.Add(h.Key(key).Leaf(), h.Record(key, &rec.Header))
		n++
		return true
	})
	root, live, digestErr := r.Digest()
	if err != nil || digestErr != nil || live != uint64(n) || root != tree.Root() || n%2 != 0 {
		t.Fatalf("%d records, %d counted, roots equal: %v; errors: %v, %v", n, live,
			root == tree.Root(), err, digestErr)
	}
	return n / 2
}

// killOne lets a child write from batch first on, kills it once it has reported
// count batches, and returns the number of the last reported one, and one.
func killOne(t *testing.T, dir string, first, count int) int {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashDirEnv+"="+dir, crashFirstEnv+"="+strconv.Itoa(first))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	last := first
	for lines := bufio.NewScanner(out); lines.Scan(); {
		// The line that the kill cut off was not reported.
		n, err := strconv.Atoi(strings.TrimSuffix(lines.Text(), "."))
		if err != nil || !strings.HasSuffix(lines.Text(), ".") {
			continue
		}
		if last = n + 1; last == first+count {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || last < first+count {
		t.Fatalf("the child ended by itself after %d batches: %v", last-first, err)
	}
	return last
}

func crashKey(batch int, part string) string { return fmt.Sprintf("%08d%s", batch, part) }

// writeUntilKilled is the child: it writes batches and reports each one that
// was answered.
func writeUntilKilled(dir string) {
	first, err := strconv.Atoi(os.Getenv(crashFirstEnv))
	if err != nil {
		panic(err)
	}
	epoch := keyspace.Epoch{1, byte(first), byte(first >> 8)}
	answers := make(chan statemachine.Input, 8)
	s, err := Open(Options{
		Dir:     dir,
		Birth:   keyspace.Birth{Replica: keyspace.ReplicaID{1}, Epoch: epoch},
		Deliver: func(in statemachine.Input) { answers <- in },
		Fatal:   func(err error) { panic(err) },
		Journal: journalKeys,
	})
	if err != nil {
		panic(err)
	}
	for i := first; ; i++ {
		s.Perform(statemachine.Apply{Batch: batchOf(crashKey(i, "a"), crashKey(i, "b"))})
		<-answers
		fmt.Printf("%d.\n", i)
	}
}
