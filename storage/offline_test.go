package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"kvs/statemachine/keyspace"
)

// closedStore makes a directory with records, and closes it.
func closedStore(t *testing.T, records int) (dir string) {
	t.Helper()
	dir = t.TempDir()
	r := openRig(t, dir, 1)
	for i := 0; i < records; i += 50 {
		var keys []string
		for k := range min(50, records-i) {
			keys = append(keys, fmt.Sprintf("k%04d", i+k))
		}
		r.apply(batchOf(keys...))
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// verdict opens a directory and verifies it; err is what an open says that fails.
func verdict(t *testing.T, dir string) (v Verdict, err error) {
	t.Helper()
	o, err := OpenOffline(dir)
	if err != nil {
		return v, err
	}
	v = o.Verify(func(int, int) {})
	if err := o.Close(); err != nil && v.Sound() {
		t.Error(err)
	}
	return v, nil
}

// freshCopy copies the files of a directory.
func freshCopy(t *testing.T, from string) (to string) {
	t.Helper()
	to = t.TempDir()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// Goal: a sound store is found sound, and nothing in it is changed by looking.
func TestVerifyOffline(t *testing.T) {
	dir := closedStore(t, 300)
	before := stamps(t, dir)
	v, err := verdict(t, dir)
	if err != nil || !v.Sound() || v.Records < 300*3 {
		t.Fatalf("%+v, %v", v, err)
	}
	o, err := OpenOffline(dir)
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	if err := o.Walk(func(e keyspace.Entry) error {
		count++
		return nil
	}); err != nil || count != 300 || o.Identity().Replica != (keyspace.ReplicaID{1}) {
		t.Errorf("%d records, %v", count, err)
	}
	if err := o.Close(); err != nil {
		t.Error(err)
	}
	if after := stamps(t, dir); after != before {
		t.Errorf("files before\n%s\nafter\n%s", before, after)
	}
}

// stamps are the names, sizes and times of the files that hold data.
func stamps(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			t.Fatal(err)
		}
		if f.Name() != "LOCK" {
			fmt.Fprintln(&out, f.Name(), info.Size(), info.ModTime())
		}
	}
	return out.String()
}

// Goal: one flipped bit anywhere in a table is noticed. Method: many places, a fresh copy
// for each; in a process of its own, because Badger panics of some when it opens a store,
// and leaves goroutines behind.
func TestVerifyNoticesFlippedBits(t *testing.T) {
	if runApart(t) {
		return
	}
	dir := closedStore(t, 300)
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("%v, %v", tables, err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	flips := 60
	if testing.Short() {
		flips = 15
	}
	for range flips {
		bad := freshCopy(t, dir)
		path := filepath.Join(bad, filepath.Base(tables[rng.IntN(len(tables))]))
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		at, bit := rng.IntN(len(text)), rng.IntN(8)
		text[at] ^= 1 << bit
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		o, err := OpenOffline(bad)
		if err != nil {
			continue // noticed
		}
		var v Verdict
		o.verifyFiles(&v) // the tree takes longer, and would only find more
		_ = o.Close()     // of files that are damaged
		if v.Sound() && len(o.damaged) == 0 {
			t.Errorf("bit %d of byte %d of %d was not noticed", bit, at, len(text))
		}
	}
}

// Goal: a record that was changed with a good checksum, or that is gone, is noticed by the
// tree, and named.
func TestVerifyNoticesChangedRecords(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, dir, 1)
	r.apply(batchOf("a", "b", "c"))
	corrupt(t, r.engine, keyspace.DataKey("b"), func(b []byte) []byte { // sealed anew
		payload := append([]byte{}, b[envelopeBytes:]...)
		payload[len(payload)-1]++
		seal(b, formatWhole, keyspace.DataKey("b"), payload)
		return b
	})
	txn := r.engine.db.NewTransaction(true)
	defer txn.Discard()
	if err := errors.Join(txn.Delete(keyspace.DataKey("c")), txn.Commit(), r.Close()); err != nil {
		t.Fatal(err)
	}
	v, err := verdict(t, dir)
	if err != nil || v.Sound() || strings.Join(v.Keys, " ") != "b c" && strings.Join(v.Keys, " ") != "c b" {
		t.Errorf("%+v, %v", v, err)
	}
}

// runApart runs a test in a process of its own, in which it returns false.
func runApart(t *testing.T) bool {
	t.Helper()
	if os.Getenv(leaksAllowed) != "" {
		return false
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.short="+strconv.FormatBool(testing.Short()))
	cmd.Env = append(os.Environ(), leaksAllowed+"=1")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "PASS") {
		t.Errorf("%v\n%s", err, out)
	}
	return true
}

// Goal: what is no closed store of this program is refused, in words. It runs apart, for
// what Badger leaves of an open that fails.
func TestOpenOfflineRefuses(t *testing.T) {
	if runApart(t) {
		return
	}
	if _, err := OpenOffline(t.TempDir()); !errors.Is(err, ErrForeign) {
		t.Errorf("an empty directory: %v", err)
	}
	if _, err := OpenOffline(filepath.Join(t.TempDir(), "no")); !errors.Is(err, ErrForeign) {
		t.Errorf("no directory: %v", err)
	}
	dir := t.TempDir()
	r := openRig(t, dir, 1)
	r.apply(batchOf("a"))
	if _, err := OpenOffline(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("one in use: %v", err)
	}
	if err := Compact(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("compact one in use: %v", err)
	}
	killed := freshCopy(t, dir) // as after kill -9
	_ = os.Remove(filepath.Join(killed, "LOCK"))
	if _, err := OpenOffline(killed); !errors.Is(err, ErrUnclean) {
		t.Errorf("one that was not closed: %v", err)
	}
}

// Goal: a compacted store holds the same, in fewer bytes.
func TestCompact(t *testing.T) {
	dir := t.TempDir()
	r := openRig(t, dir, 1)
	value := []byte(`"` + strings.Repeat("x", 100_000) + `"`)
	for range 60 {
		r.apply(&keyspace.Batch{Now: 1000, Writes: []keyspace.Write{{Key: "k", Value: value}}})
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := Size(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := Compact(dir); err != nil {
		t.Fatal(err)
	}
	after, err := Size(dir)
	if err != nil || after >= before {
		t.Errorf("%d bytes before, %d after, %v", before, after, err)
	}
	if v, err := verdict(t, dir); err != nil || !v.Sound() {
		t.Errorf("%+v, %v", v, err)
	}
	if _, err := Size(filepath.Join(dir, "no")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
