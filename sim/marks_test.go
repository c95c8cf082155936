package sim

import (
	"runtime"
	"slices"
	"testing"
)

// Goal: marks have names of their own, and the count of names is that of marks.
func TestMarksHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, m := range AllMarks() {
		if m.String() == "" || seen[m.String()] {
			t.Errorf("mark %d is called %q", m, m)
		}
		seen[m.String()] = true
	}
	if len(seen) < 40 {
		t.Errorf("only %d marks", len(seen))
	}
}

// Goal: a campaign says what did not happen in it. Method: calm worlds, in which
// nothing rare may happen, beside the swarm's, in which nearly all does.
func TestColdMarksAreTheOnesThatDidNotHappen(t *testing.T) {
	calm := Campaign{Seeds: 2, Options: func(seed uint64) Options { return Calm(seed, 3) }}.Run()
	cold := calm.Cold()
	for _, m := range []Mark{MarkUnsyncedLost, MarkWiped, MarkOneWay, MarkRejoin, MarkQueueFull} {
		if !slices.Contains(cold, m) || calm.Worlds(m) != 0 {
			t.Errorf("%q is not cold in calm worlds", m)
		}
	}
	if slices.Contains(cold, MarkDeleteWins) || calm.Worlds(MarkDeleteWins) != 2 {
		t.Errorf("%q is cold in calm worlds", MarkDeleteWins)
	}
	if slices.Contains(cold, MarkRightsDenied) {
		t.Errorf("%q is held for cold where nobody has rights", MarkRightsDenied)
	}
	swarm := Campaign{Seeds: 40, Parallel: runtime.GOMAXPROCS(0), Options: Swarm}.Run()
	if warm := int(markCount) - len(swarm.Cold()); warm < 50 {
		t.Errorf("only %d marks in 40 worlds; cold are %v", warm, swarm.Cold())
	}
}
