package sim

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"kvs/statemachine/keyspace"
)

// shrunk shrinks what the worlds of a broken rule find, and checks that it is small.
func shrunk(t *testing.T, rule string) Script {
	t.Helper()
	i := slices.IndexFunc(Variants(), func(v Variant) bool { return v.Name == rule })
	if i < 0 {
		t.Fatalf("no rule is called %q", rule)
	}
	v := Variants()[i]
	rep := v.Hunt(Campaign{Seeds: 500, Parallel: runtime.GOMAXPROCS(0)})
	if len(rep.Failures) == 0 {
		t.Fatalf("%s: nobody notices", rule)
	}
	began := time.Now()
	script, r := Record(v.Options(rep.Failures[0].Seed))
	s := Shrinker{Stop: func() bool { return time.Since(began) > time.Minute }}
	small, is := s.Shrink(script, r)
	operations, faults := small.Count()
	t.Logf("%s: %d nodes, %d operations, %d faults of %d acts, in %d runs and %v", rule, small.Options.Nodes,
		operations, faults, len(script.Acts), s.Tried, time.Since(began).Round(time.Millisecond))
	if operations+faults > 30 || is.Failure.Oracle != r.Failure.Oracle {
		t.Errorf("%s: %d operations and %d faults are left; it failed %v, and fails %v", rule, operations, faults,
			r.Failure, is.Failure)
	}
	again, err := Replay(small.String())
	if err != nil || again.Failure == nil || again.Failure.Oracle != r.Failure.Oracle {
		t.Errorf("%s: as text it fails %v, %v; it failed %v", rule, again.Failure, err, r.Failure)
	}
	return small
}

// Goal: a run that fails shrinks to at most 30 operations and faults within a minute,
// and the small one fails for the same rule, and not without it.
func TestMutantsShrink(t *testing.T) {
	if !keyspace.MutantsCompiledIn {
		t.Skip("needs the build tag mutants: make mutants")
	}
	rules := []string{
		"a restart reuses its epoch (I3)",
		"a purge does not wait for the frontier (I10)",
		"gaps are void before all have reported",
		"a miss is answered without the older records",
		"a change of rights loses to an older write",
		"the digest leaves out the version",
		"a claim from below the floor (I5)",
		"a delta claims too early",
		"reports count before they are included (I10)",
		"a copy claims what it did not fetch",
		"the evicted are talked to",
	}
	if testing.Short() {
		rules = rules[:6]
	}
	for _, rule := range rules {
		small := shrunk(t, rule)
		if r := small.soundly(); r.Failure != nil && r.Failure.Oracle == small.Failed {
			t.Errorf("%s: fails with the rule in force too: %v", rule, r.Failure)
		}
	}
}

// Goal: the test that is printed fails as the run did. Method: a disk that tears
// batches needs no mutant; its run is shrunk, and the printed test is added to this
// package by an overlay, and run.
func TestPrintedTestFailsAsTheRunDid(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the package once more")
	}
	small := shrunk(t, "the vector has a transaction of its own (I2)")
	dir := t.TempDir()
	source, overlay := filepath.Join(dir, "printed.go"), filepath.Join(dir, "overlay.json")
	here, err := filepath.Abs("printed_test.go")
	if err != nil {
		t.Fatal(err)
	}
	replace, err := json.Marshal(map[string]any{"Replace": map[string]string{here: source}})
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{source: small.GoTest("Printed"), overlay: string(replace)} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("go", "test", "-overlay", overlay, "-run", "^TestPrinted$", ".").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "--- FAIL: TestPrinted") ||
		!strings.Contains(string(out), small.Failed+" at ") {
		t.Errorf("the printed test: %v\n%s\n%s", err, out, small.GoTest("Printed"))
	}
}

// Goal: a diagram has a lane for each node and what was done, and ends with what failed.
func TestDiagramEndsWithTheFailure(t *testing.T) {
	opt := Calm(1, 2)
	opt.SplitVector = true
	s := Script{Options: opt, Acts: []Act{
		{At: 500, Kind: ActWrite, Hosts: []int{1}, Args: []int64{7, 0, 1, 0}},
		{At: 700, Kind: ActCut, Hosts: []int{0, 1}, Args: []int64{0, 20_000}},
		{At: 900, Kind: ActCrash, Hosts: []int{1}, Args: []int64{300, 1}},
		{At: 901, Kind: ActWrite, Hosts: []int{1}, Args: []int64{8, 0, 1, 0}},
	}, Fates: []Fate{
		{FateKey: FateKey{FateKept, 1, 1, 0}, Nth: 0, Values: []int64{1}},
		{FateKey: FateKey{FateKept, 1, 1, 0}, Nth: 1, Values: []int64{0}},
	}}
	film, r := s.Film()
	if r.Failure == nil {
		t.Fatal("a torn batch is not noticed")
	}
	lines := strings.Split(strings.TrimSpace(film.Diagram()), "\n")
	for _, want := range []string{"n0                    n1", "put k7", "Push", "cut n1 for=20000", "crash for=300 midway=1"} {
		if !strings.Contains(film.Diagram(), want) {
			t.Errorf("no %q in\n%s", want, film.Diagram())
		}
	}
	if last := lines[len(lines)-1]; !strings.Contains(last, "FAIL "+r.Failure.Oracle) {
		t.Errorf("the last line is %q", last)
	}
}
