package durable_test

import (
	"os"
	"path/filepath"
	"testing"

	"kvs/internal/durable"
)

// Goal: a file is replaced whole, for its owner alone, and a failure leaves the old one
// and nothing else behind.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "secret")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	info, statErr := os.Stat(path)
	if err != nil || statErr != nil || string(text) != "new" || info.Mode().Perm() != 0o600 {
		t.Errorf("%q, %v, %v, %v", text, info, err, statErr)
	}
	taken := filepath.Join(dir, "directory")
	if err := os.Mkdir(taken, 0o700); err != nil {
		t.Fatal(err)
	}
	if durable.WriteFile(taken, []byte("x")) == nil || durable.WriteFile(filepath.Join(dir, "no", "x"), nil) == nil {
		t.Error("a directory was replaced, or one that is not there written to")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 2 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
