package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const testKid = "node-1"

// rig is a log with its key, its clock, and a peer that keeps its checkpoints.
type rig struct {
	*Log
	o    Options
	disk *testDisk
	now  Millis
	peer []Checkpoint
}

// tester is what testing.T and rapid.T have in common.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

func testKey() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(make([]byte, 32)) }

func testKeys() map[string]ed25519.PublicKey {
	return map[string]ed25519.PublicKey{testKid: testKey().Public().(ed25519.PublicKey)}
}

// newRig opens a log in a directory, without syncs.
func newRig(t tester, dir string, change func(*Options)) *rig {
	t.Helper()
	r := &rig{disk: &testDisk{failAt: -1}, now: 1_700_000_000_000}
	r.o = Options{
		Dir: dir, Replica: ReplicaID{7}, Kid: testKid,
		Sign:    func(message []byte) []byte { return ed25519.Sign(testKey(), message) },
		Now:     func() Millis { return r.now },
		Deliver: func(k Checkpoint) { r.peer = append(r.peer, k) },
	}
	if change != nil {
		change(&r.o)
	}
	r.open(t)
	return r
}

func (r *rig) open(t tester) {
	t.Helper()
	l, err := open(r.o, r.disk)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	r.Log = l
}

func (r *rig) reopen(t tester) {
	t.Helper()
	noError(t, r.Close())
	r.open(t)
}

// entries makes count entries that a log expects next.
func entries(first uint64, count int) (out []Entry) {
	for i := range count {
		n := first + uint64(i)
		e := Entry{
			Number: n, Time: Millis(1_700_000_000_000 + n), Actor: "anonymous", Action: "kv.put",
			Key: fmt.Sprintf("users/%d/\"name\"\n", n), Value: sha256.Sum256([]byte{byte(n)}),
			Result: "ok", Request: "r", Version: "01890a5d-ac96-774b-bcce-b302099a8057",
		}
		if n%3 == 0 {
			e.Action, e.Key, e.Version, e.Value, e.Request = "admin.mode", "", "", Hash{}, ""
		}
		out = append(out, e)
	}
	return out
}

// more appends the next count entries.
func (r *rig) more(t tester, count int) {
	t.Helper()
	noError(t, r.Append(entries(r.Next(), count)))
}

func noError(t tester, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v", err)
	}
}

// wantVerified verifies a log and everything that Read returns of it.
func wantVerified(t tester, dir string, peer []Checkpoint, first, last uint64) Report {
	t.Helper()
	report, err := Verify(dir, VerifyOptions{Keys: testKeys(), Checkpoints: peer})
	noError(t, err)
	if report.First != first || report.Last != last {
		t.Fatalf("verified %d to %d, want %d to %d", report.First, report.Last, first, last)
	}
	var got []Entry
	noError(t, Read(dir, 0, 1<<30, func(r Record) bool {
		got = append(got, r.Entry)
		return true
	}))
	if want := entries(first, int(last-first+1)); !slices.Equal(want, got) {
		t.Fatalf("read something else: %s", cmp.Diff(want, got))
	}
	return report
}

// files are the contents of a directory by path.
func files(t tester, dir string) map[string][]byte {
	t.Helper()
	out := make(map[string][]byte)
	list, err := segments(dir)
	noError(t, err)
	for _, s := range list {
		b, err := os.ReadFile(s.path)
		noError(t, err)
		out[s.path] = b
	}
	return out
}

// copyLog copies a log to a new directory.
func copyLog(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	for path, b := range files(t, dir) {
		noError(t, os.WriteFile(filepath.Join(to, filepath.Base(path)), b, 0o600))
	}
	return to
}

var errDisk = errors.New("the disk is broken")

// testDisk is a disk that does not sync, and fails at one of its operations.
type testDisk struct {
	osDisk
	failAt int    // counts down; negative for never
	failed string // the operation that failed
}

type testFile struct {
	file
	disk *testDisk
}

func (d *testDisk) step(operation string) error {
	d.failAt--
	if d.failAt == -1 {
		d.failed = operation
		return errDisk
	}
	return nil
}

func (d *testDisk) wrap(f file, err error) (file, error) {
	if err != nil {
		return nil, err
	}
	return testFile{f, d}, nil
}

func (d *testDisk) create(path string) (file, error) {
	if err := d.step("create"); err != nil {
		return nil, err
	}
	return d.wrap(d.osDisk.create(path))
}

func (d *testDisk) reopen(path string) (file, error) {
	if err := d.step("reopen"); err != nil {
		return nil, err
	}
	return d.wrap(d.osDisk.reopen(path))
}

func (d *testDisk) remove(path string) error {
	if err := d.step("remove"); err != nil {
		return err
	}
	return d.osDisk.remove(path)
}

func (d *testDisk) syncDir(string) error { return d.step("sync the directory") }

// Write writes half of it when it fails.
func (f testFile) Write(b []byte) (int, error) {
	if err := f.disk.step("write"); err != nil {
		n, _ := f.file.Write(b[:len(b)/2])
		return n, err
	}
	return f.file.Write(b)
}

func (f testFile) Sync() error { return f.disk.step("sync") }
