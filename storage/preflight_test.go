package storage

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"kvs/statemachine/keyspace"
)

// filled makes a store with a table, and closes it.
func filled(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	r := openRig(t, dir, 1)
	r.apply(batchOf("a", "b", "c"))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if tables, err := filepath.Glob(filepath.Join(dir, "*.sst")); len(tables) == 0 || err != nil {
		t.Fatal("the store has no table", err)
	}
	return dir
}

// TestBeyondOpening: whatever Badger cannot open is an ErrCorrupt, and no panic of a
// goroutine that nobody can recover from; a sound store opens, and one in use is in use.
func TestBeyondOpening(t *testing.T) {
	open := func(dir string) error {
		s, err := Open(Options{Dir: dir, Birth: keyspace.Birth{Replica: keyspace.ReplicaID{1}, Epoch: keyspace.Epoch{2}}})
		if err == nil {
			err = s.Close()
		}
		return err
	}
	if err := open(filled(t)); err != nil {
		t.Error("a sound store:", err)
	}
	for _, c := range []struct {
		what, files string
		damage      func(path string) error
	}{
		{"a table is cut", "*.sst", func(p string) error { return os.Truncate(p, 20) }},
		{"a table is empty", "*.sst", func(p string) error { return os.Truncate(p, 0) }},
		{"a table is gone", "*.sst", os.Remove},
		{"the manifest is cut", "MANIFEST", func(p string) error { return os.Truncate(p, 5) }},
		{"the manifest is gone", "MANIFEST", os.Remove},
		{"the key registry is cut", "KEYREGISTRY", func(p string) error { return os.Truncate(p, 3) }},
		{"a value log has another key", "*.vlog", func(p string) error {
			f, err := os.OpenFile(p, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt([]byte{1}, 2)
			return err
		}},
	} {
		dir := filled(t)
		paths, err := filepath.Glob(filepath.Join(dir, c.files))
		if err != nil || len(paths) == 0 {
			t.Fatal(c.what, paths, err)
		}
		if err := c.damage(paths[0]); err != nil {
			t.Fatal(err)
		}
		if err := open(dir); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	dir := t.TempDir()
	openRig(t, dir, 1)
	if err := open(dir); !errors.Is(err, ErrInUse) {
		t.Error("a store in use:", err)
	}
}
