package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestMain forgets what somebody has set for their own nodes.
func TestMain(m *testing.M) {
	for _, name := range []string{"KVS_ADDR", "KVS_TOKEN_FILE", "KVS_CA_FILE", "KVS_CONTEXT"} {
		_ = os.Unsetenv(name) // fails for names with '=' alone
	}
	dir, err := os.MkdirTemp("", "kvs-test-")
	if err != nil {
		panic(err)
	}
	_ = os.Setenv("KVS_CONTEXT_FILE", filepath.Join(dir, "contexts.json")) // as above
	code := m.Run()
	_ = os.RemoveAll(dir) // what it leaves, the system clears away
	os.Exit(code)
}
