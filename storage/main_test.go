package storage

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets a copy of the test binary be the process that is killed, and
// checks that a closed store leaves no goroutine behind.
func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDirEnv); dir != "" {
		writeUntilKilled(dir)
		return
	}
	// Nearly every step of the suite's model is a sync here; the flag overrides.
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
	if os.Getenv(leaksAllowed) != "" {
		os.Exit(m.Run())
	}
	goleak.VerifyTestMain(m)
}

// leaksAllowed is the variable of a test process that opens damaged stores.
const leaksAllowed = "KVS_TEST_LEAKS_ALLOWED"
