package main

import (
	"os"
	"testing"
)

// TestMain forgets what somebody has set for their own nodes.
func TestMain(m *testing.M) {
	for _, name := range []string{"KVS_ADDR", "KVS_TOKEN_FILE", "KVS_CA_FILE", "KVS_CONTEXT"} {
		_ = os.Unsetenv(name) // fails for names with '=' alone
	}
	os.Exit(m.Run())
}
