package sim

import (
	"testing"

	"kvs/statemachine/keyspace"
)

// restarting plays three hosts that restart again and again, each start with
// writes, for a number of rounds. The third stays away while away says so.
func restarting(t *testing.T, rounds int, away func(round int) bool) (streams, retired []int) {
	opt := Calm(1, 3)
	opt.Duration = never
	opt.Core.Collect, opt.Core.Retention = 500, 3_600_000
	w := newWorld(opt)
	w.begin()
	w.until(5_000)
	for round := range rounds {
		h := w.hosts[round%3]
		if h.index == 2 && away(round) {
			if h.up {
				h.crash()
			}
		} else {
			if h.up {
				h.crash()
			}
			h.start()
		}
		w.until(w.now + 7_000)
		if w.failure != nil {
			t.Fatal(w.failure)
		}
		vv := w.hosts[0].claimed()
		streams = append(streams, len(vv.Sets()))
		retired = append(retired, len(vv.Retired().List()))
	}
	w.calm = true
	opt.Duration = w.now
	return streams, retired
}

// Goal: a vector does not grow with the number of restarts. Method: hundreds of
// them, each with writes. Those of the last few are not retired yet, because
// reports take their time.
func TestVectorStaysSmallOverManyRestarts(t *testing.T) {
	rounds := 300
	if testing.Short() {
		rounds = 60
	}
	streams, retired := restarting(t, rounds, func(int) bool { return false })
	most := 0
	for _, n := range streams {
		most = max(most, n)
	}
	t.Logf("%d restarts: at most %d streams in the vector, %d in the list", rounds, most, retired[rounds-1])
	if most > 9 || retired[rounds-1] < rounds-9 {
		t.Errorf("at most %d streams in the vector, %d retired", most, retired[rounds-1])
	}
}

// Goal: while a replica of the roster is away, nothing can be retired, and the
// vector grows by a stream a restart; when it is back, the vector shrinks again.
func TestVectorShrinksWhenTheAbsentReturns(t *testing.T) {
	const rounds = 60
	streams, _ := restarting(t, rounds, func(round int) bool { return round < rounds-6 })
	peak := streams[rounds-7]
	t.Logf("%d streams after %d rounds with one away, %d at the end", peak, rounds-6, streams[rounds-1])
	if peak < rounds/2 || streams[rounds-1] > 12 {
		t.Errorf("%d streams while one was away, %d when it was back", peak, streams[rounds-1])
	}
}

// Goal: the tests above can fail: without retirement a vector has a stream a start.
func TestMutantHoardGrows(t *testing.T) {
	if !keyspace.MutantsCompiledIn {
		t.Skip("needs the build tag mutants")
	}
	opt := Calm(1, 2)
	opt.Mutant, opt.MutantEverywhere, opt.Core.Collect = keyspace.MutantHoard, true, 500
	opt.Duration = never
	w := newWorld(opt)
	w.begin()
	w.until(5_000)
	for range 20 {
		w.hosts[1].crash()
		w.hosts[1].start()
		w.until(w.now + 5_000)
	}
	if n := len(w.hosts[0].claimed().Sets()); n < 20 {
		t.Errorf("%d streams without retirement", n)
	}
}
