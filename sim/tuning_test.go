package sim

import (
	"runtime"
	"testing"
)

// Goal: settings may change at any time, on some hosts and not on others, with all
// faults: everything still converges, and every change is answered.
func TestHostsAreTuned(t *testing.T) {
	seeds := uint64(150)
	if testing.Short() {
		seeds = 40
	}
	rep := Campaign{Seeds: seeds, Parallel: runtime.GOMAXPROCS(0), Options: Tuned}.Run()
	for _, f := range rep.Failures {
		t.Errorf("seed %d: %v", f.Seed, f.Failure)
	}
	w := newWorld(Tuned(3))
	w.begin()
	w.until(w.opt.Duration)
	w.settle()
	if w.failure != nil || w.askers.count < 20 {
		t.Errorf("%v; %d answers", w.failure, w.askers.count)
	}
}
