package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dgraph-io/badger/v4"

	"kvs/statemachine"
)

// refuses checks that Open fails in a way that a program and a person
// understand, and that it changes nothing.
func refuses(t *testing.T, dir string, want error, words ...string) {
	t.Helper()
	before := listing(dir)
	s, err := Open(Options{Dir: dir, Deliver: func(statemachine.Input) {}})
	if err == nil {
		s.Close()
		t.Fatal("opened")
	}
	if want != nil && !errors.Is(err, want) {
		t.Errorf("error is not %q: %v", want, err)
	}
	for _, w := range append(words, "data_dir", dir) {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in: %v", w, err)
		}
	}
	if after := listing(dir); after != before {
		t.Errorf("the directory changed from %s to %s", before, after)
	}
}

func listing(dir string) string {
	entries, err := os.ReadDir(dir)
	return fmt.Sprint(entries, err)
}

// born returns a directory with a closed store in it.
func born(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	r := openRig(t, dir, 1)
	r.apply(batchOf("a"))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestRefusesDirInUse: the message names the directory and the process.
func TestRefusesDirInUse(t *testing.T) {
	dir := t.TempDir()
	openRig(t, dir, 1)
	refuses(t, dir, ErrInUse, fmt.Sprintf("process %d", os.Getpid()))
}

// TestRefusesOtherFormats: a newer format, another program's Badger, and a
// damaged MANIFEST.
func TestRefusesOtherFormats(t *testing.T) {
	dir := born(t)
	manifest := filepath.Join(dir, "MANIFEST")
	b, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint16(b[4:], magic<<8|format+1)
	write(t, manifest, b)
	refuses(t, dir, ErrNewer, "format 2")
	for _, n := range []int{0, 3, 5} {
		write(t, manifest, b[:n])
		refuses(t, dir, ErrCorrupt, "MANIFEST", "damaged")
	}
	if err := os.Remove(manifest); err != nil {
		t.Fatal(err)
	}
	refuses(t, dir, ErrCorrupt, "MANIFEST", "missing")

	other := t.TempDir()
	db, err := badger.Open(badger.DefaultOptions(other).WithLogger(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	refuses(t, other, ErrForeign, "another program")
}

// TestRefusesForeignDirectory: a directory with other files, and a file.
func TestRefusesForeignDirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "thesis.tex"), []byte("x"))
	refuses(t, dir, ErrForeign, "thesis.tex")
	refuses(t, filepath.Join(dir, "thesis.tex"), nil, "cannot be read")
}

// TestOpensHalfBorn: a directory that a first start left before its MANIFEST.
func TestOpensHalfBorn(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "LOCK"), []byte("1\n"))
	write(t, filepath.Join(dir, "MANIFEST-REWRITE"), nil)
	openRig(t, dir, 1)
}
