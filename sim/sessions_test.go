package sim

import "testing"

// TestSessionsAreJudged: in worlds like those of the swarm, sessions read what they
// have seen before from other hosts, some have to wait, and writes get their copies.
func TestSessionsAreJudged(t *testing.T) {
	seeds := uint64(120)
	if testing.Short() {
		seeds = 25
	}
	var sum sessions
	for seed := range seeds {
		w := newWorld(Swarm(seed))
		w.begin()
		w.until(w.opt.Duration)
		w.settle()
		if w.failure != nil {
			t.Fatalf("seed %d: %v", seed, w.failure)
		}
		s := w.sessions
		sum.reads, sum.regarded, sum.waited = sum.reads+s.reads, sum.regarded+s.regarded, sum.waited+s.waited
		sum.copies, sum.short = sum.copies+s.copies, sum.short+s.short
	}
	t.Logf("%d reads, %d of something seen before, %d not in time; %d writes with copies, %d short of them",
		sum.reads, sum.regarded, sum.waited, sum.copies, sum.short)
	if sum.regarded < 100 || sum.waited == 0 || sum.copies < 100 || sum.short == 0 {
		t.Error("too little was tried")
	}
}
