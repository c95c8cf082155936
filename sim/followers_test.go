package sim

import "testing"

// TestFollowersAreJudged: in worlds like those of the swarm, followers read changes,
// some have to begin again, and most are compared in the end.
func TestFollowersAreJudged(t *testing.T) {
	seeds := uint64(120)
	if testing.Short() {
		seeds = 25
	}
	judged, resets, events := 0, 0, 0
	for seed := range seeds {
		w := newWorld(Swarm(seed))
		w.begin()
		w.until(w.opt.Duration)
		w.settle()
		if w.failure != nil {
			t.Fatalf("seed %d: %v", seed, w.failure)
		}
		judged += w.followers.judged
		resets += w.followers.resets
		events += w.followers.events
	}
	t.Logf("%d seeds: %d changes read, %d followers began again, %d compared at the end", seeds, events, resets, judged)
	if judged < int(seeds)/3 || resets == 0 {
		t.Errorf("%d followers compared in %d worlds, %d began again", judged, seeds, resets)
	}
}
