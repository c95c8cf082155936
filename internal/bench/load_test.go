package bench

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// after is a request that is answered after some virtual time.
func after(kind string, d time.Duration) Request {
	return func() (string, error) {
		<-time.After(d)
		return kind, nil
	}
}

// Goal: with a rate, the pause of a server shows in every request that was meant to
// start during it; without one, in a single request.
func TestPauseShowsInAllRequestsOfItsTime(t *testing.T) {
	measure := func(rate float64) Kind {
		var first atomic.Bool
		open := func(int) Request {
			quick, slow := after("x", time.Microsecond), after("x", 2*time.Second)
			return func() (string, error) {
				if first.CompareAndSwap(false, true) {
					return slow()
				}
				return quick()
			}
		}
		return Load{Clients: 1, Rate: rate, Count: 300}.Run(context.Background(), open, nil).Of("x")
	}
	synctest.Test(t, func(t *testing.T) {
		if k := measure(100); k.Count != 300 || k.P50 < 400*time.Millisecond || k.P50 > 600*time.Millisecond {
			t.Errorf("open loop: %+v, want a median of half a second: 200 of 300 were late, by up to 2 s", k)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if k := measure(0); k.Count != 300 || k.P99 > time.Millisecond || k.Max < 2*time.Second {
			t.Errorf("closed loop: %+v, want one slow request alone", k)
		}
	})
}

// Goal: the rate is that of all clients together, and the warm-up does not count.
func TestRateAndWarmup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int64
		open := func(int) Request {
			request := after("x", time.Millisecond)
			return func() (string, error) { sent.Add(1); return request() }
		}
		load := Load{Clients: 8, Rate: 1000, Warmup: 2 * time.Second, Duration: 3 * time.Second}
		k := load.Run(t.Context(), open, nil).Of("x")
		if sent.Load() != 5000 || k.Count != 3000 || k.Rate < 990 || k.Rate > 1010 || k.Max > 1100*time.Microsecond {
			t.Errorf("%d sent, counted %+v", sent.Load(), k)
		}
	})
}

// Goal: what no client was free for is counted, and the run ends in time all the same.
func TestRequestsThatWereNeverSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		load := Load{Clients: 2, Rate: 100, Duration: 10 * time.Second}
		r := load.Run(t.Context(), func(int) Request { return after("x", time.Second) }, nil)
		if took := time.Since(began); took > 13*time.Second || r.Done()+r.Unsent != 1000 || r.Done() < 20 || r.Done() > 24 {
			t.Errorf("%d answered and %d unsent of 1000, after %v", r.Done(), r.Unsent, took)
		}
	})
}

// Goal: a count is kept exactly, and an end of the context ends a run.
func TestEndsOfARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := Load{Clients: 7, Count: 1000}.Run(t.Context(), func(int) Request { return after("x", time.Millisecond) }, nil)
		if r.Done() != 1000 || r.Interrupted {
			t.Errorf("%d of 1000, interrupted %v", r.Done(), r.Interrupted)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r = Load{Clients: 1, Rate: 0.001, Duration: time.Hour}.Run(ctx, func(int) Request { return after("x", 0) }, nil)
		if r.Done() != 1 || !r.Interrupted || r.Unsent != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// Goal: progress is told each second, and says what has been done.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []Progress
		load := Load{Clients: 1, Rate: 10, Warmup: 1500 * time.Millisecond, Duration: 2 * time.Second}
		load.Run(t.Context(), func(int) Request { return after("x", time.Millisecond) }, func(p Progress) { told = append(told, p) })
		if len(told) != 3 || told[0].Warm || !told[1].Warm || told[2].Done < 29 || told[2].Done > 31 {
			t.Errorf("%+v", told)
		}
	})
}

// Goal: errors are counted by bounded names, refusals apart from others, and a server
// that is gone is not asked in a tight loop.
func TestFailuresAreCountedByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited := &Refusal{429, "rate-limited", "too many"}
		var n int
		open := func(int) Request {
			return func() (string, error) {
				n++
				switch {
				case n <= 5:
					return "x", limited
				case n <= 7:
					return "x", &Refusal{Status: 503}
				case n <= 8:
					return "x", context.DeadlineExceeded
				default:
					return "x", fmt.Errorf("strange %d", n)
				}
			}
		}
		r := Load{Clients: 1, Count: 100}.Run(t.Context(), open, nil)
		refused, unexpected := r.Failed()
		if refused != 7 || unexpected != 93 || r.Done() != 0 || len(r.Failures) != namesMax+1 || r.Failures[0].Name != otherName {
			t.Errorf("%d refused, %d unexpected, %d names, first %+v", refused, unexpected, len(r.Failures), r.Failures[0])
		}
		if f := r.Failures[1]; f != (Failure{"429 rate-limited", true, limited.Error(), 5}) {
			t.Errorf("%+v", f)
		}
		if r.Elapsed < 93*pause {
			t.Errorf("93 errors that are no answers took %v, want a pause after each", r.Elapsed)
		}
	})
}

// Goal: a load that cannot be carried out is refused, and says why.
func TestBadLoads(t *testing.T) {
	good := Load{Clients: 1, Count: 1}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []Load{
		{Clients: 0, Count: 1}, {Clients: ClientsMax + 1, Count: 1}, {Clients: 1}, {Clients: 1, Rate: -1, Count: 1},
		{Clients: 1, Count: -1}, {Clients: 1, Duration: -1}, {Clients: 1, Rate: 2 * RateMax, Count: 1},
		{Clients: 1, Rate: RateMin / 2, Count: 1}, {Clients: 1, Rate: math.NaN(), Count: 1},
	} {
		if bad.Check() == nil {
			t.Errorf("%+v passes", bad)
		}
	}
}
