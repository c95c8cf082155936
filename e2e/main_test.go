package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program is the path of the binary under test. TestMain sets it, once.
var program string

// Long measurements run only when they are asked for: make rig.
var (
	rig        = flag.Bool("rig", false, "run the long measurements too")
	rigRecords = flag.Int("rig.records", 1_000_000, "records of the long measurements")
	rigApart   = flag.String("rig.apart", "", "directory on another disk: the node that joins under load lies there, and it and its source have a processor each")
)

// measuring skips a test that takes minutes.
func measuring(t *testing.T) {
	t.Helper()
	if !*rig {
		t.Skip("a long measurement: make rig")
	}
}

// TestMain builds the program into a temporary directory.
func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (code int, err error) {
	// What somebody has set for their own nodes is not for those of the tests.
	for _, name := range []string{"KVS_ADDR", "KVS_TOKEN_FILE", "KVS_CA_FILE", "KVS_CONTEXT"} {
		if err := os.Unsetenv(name); err != nil {
			return 0, err
		}
	}
	dir, err := os.MkdirTemp("", "kvs-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := os.Setenv("KVS_CONTEXT_FILE", filepath.Join(dir, "contexts.json")); err != nil {
		return 0, err
	}
	program = filepath.Join(dir, "kvs")
	out, err := exec.Command("go", "build", "-o", program, "kvs/cmd/kvs").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("build kvs: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// long skips a test that takes more than 5 s under -short.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes more than 5 s")
	}
}
