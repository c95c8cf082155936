package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// called runs a command and returns what it prints and its exit code.
func called(cmd *cobra.Command, args ...string) (string, int) {
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err := cmd.Execute()
	var e exit
	switch {
	case err == nil:
		return out.String(), 0
	case errors.As(err, &e):
		return out.String() + err.Error(), e.code
	}
	return out.String() + err.Error(), exitUsage
}

// Goal: a run that fails becomes a file, a test and a diagram, and the file fails as
// the run did; what passes is not shrunk, and what is no script is refused. Method: a
// disk that tears batches, which needs no mutant of the core.
func TestShrinkThenReplay(t *testing.T) {
	dir := t.TempDir()
	file, page := filepath.Join(dir, "torn.sim"), filepath.Join(dir, "torn.html")
	var out, seed string
	code := exitNotReproducible
	for n := 0; code == exitNotReproducible && n < 100; n++ { // one in five notices
		seed = strconv.Itoa(n)
		out, code = called(shrinkCommand(), "--seed", seed, "--mutant", "transaction of its own", "--out", file,
			"--report", page, "--for", "20s")
	}
	if code != exitOracle {
		t.Fatalf("exit %d: %s", code, out)
	}
	for _, want := range []string{"func TestSeed" + seed + "(t *testing.T)", "  FAIL ", "replay: sim replay " + file,
		"result=FAIL("} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if text, err := os.ReadFile(page); err != nil || !strings.Contains(string(text), "sim replay ") {
		t.Errorf("the report: %v, %d bytes", err, len(text))
	}
	again, code := called(replayCommand(), "--diagram", file)
	if code != exitOracle || !strings.Contains(again, "result=FAIL(") || !strings.Contains(again, "  FAIL ") {
		t.Errorf("replay: exit %d\n%s", code, again)
	}
	if out, code := called(shrinkCommand(), "--seed", "1", "--out", file); code != exitNotReproducible {
		t.Errorf("a run that passes: exit %d, %s", code, out)
	}
	if err := os.WriteFile(file, []byte("no script"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := called(replayCommand(), file); code != exitUsage || !strings.Contains(out, file+": line 1: want") {
		t.Errorf("no script: exit %d, %s", code, out)
	}
	if out, code := called(shrinkCommand(), "--mutant", "a"); code != exitUsage || !strings.Contains(out, "see sim mutants") {
		t.Errorf("a name of many rules: exit %d, %s", code, out)
	}
}
