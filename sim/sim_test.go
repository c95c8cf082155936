package sim

import (
	"bufio"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"kvs/statemachine/keyspace"
)

// Goal: the real core passes every oracle in a sample of worlds.
func TestSwarmPasses(t *testing.T) {
	seeds := uint64(200)
	if testing.Short() {
		seeds = 60
	}
	rep := Campaign{Seeds: seeds, Parallel: runtime.GOMAXPROCS(0), Options: Swarm}.Run()
	for _, f := range rep.Failures {
		t.Errorf("seed %d: %v", f.Seed, f.Failure)
	}
	if rep.Crashes == 0 || rep.Cuts == 0 || rep.Lost == 0 {
		t.Errorf("too little happened: %d crashes, %d partitions, %d batches lost", rep.Crashes,
			rep.Cuts, rep.Lost)
	}
}

// Goal: seeds that once failed never fail again.
func TestKeptSeedsPass(t *testing.T) {
	f, err := os.Open("testdata/seeds.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		first, _, _ := strings.Cut(lines.Text(), " ")
		if first == "" || first == "#" {
			continue
		}
		seed, err := strconv.ParseUint(first, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if r := Run(Swarm(seed)); r.Failure != nil {
			t.Errorf("seed %d: %v", seed, r.Failure)
		}
	}
}

// Goal: a run depends on its seed alone. Method: the same seed by itself, and
// beside others on several processors, gives one trace; another seed another.
func TestTraceFollowsFromSeed(t *testing.T) {
	opt := Swarm(7)
	opt.HashTrace = true
	want := Run(opt).Trace
	if again := Run(opt).Trace; again != want {
		t.Errorf("the second run took another course: %s, %s", want, again)
	}
	side := Campaign{Start: 0, Seeds: 40, Parallel: 4, Options: func(seed uint64) Options {
		o := Swarm(7)
		o.HashTrace = true
		return o
	}}
	for range 4 {
		if r := side.play(7); r.Failure != nil {
			t.Error(r.Failure)
		}
	}
	opt = Swarm(8)
	opt.HashTrace = true
	if other := Run(opt).Trace; other == want {
		t.Error("two seeds gave one trace")
	}
}

// Goal: the oracles can fail. Method: a disk that reports batches durable which
// are not needs no mutant of the core, so every build can try it.
func TestEarlyAcknowledgementIsNoticed(t *testing.T) {
	early := Variant{AckEarly: true}
	rep := Campaign{Seeds: 500, Parallel: runtime.GOMAXPROCS(0), StopAtFirst: true,
		Options: func(seed uint64) Options { return early.Apply(Swarm(seed)) }}.Run()
	if len(rep.Failures) == 0 {
		t.Error("nobody noticed")
	}
}

// Goal: with the rules broken that can be, each is noticed within 500 seeds.
func TestMutantsAreNoticed(t *testing.T) {
	if !keyspace.MutantsCompiledIn {
		t.Skip("needs the build tag mutants: make mutants")
	}
	for _, v := range Variants() {
		if v.Scenario != nil {
			continue // see TestScenariosPassWithTheirRule
		}
		rep := v.Hunt(Campaign{Seeds: 500, Parallel: runtime.GOMAXPROCS(0)})
		if len(rep.Failures) == 0 {
			t.Errorf("%s: not found in %d seeds", v.Name, rep.Seeds)
		}
	}
}
