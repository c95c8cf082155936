package bench

import (
	"context"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// ClientsMax bounds the requests that are on their way at once.
	ClientsMax = 4096
	// RateMin is the least rate but none, in requests a second.
	RateMin = 0.001
	// RateMax bounds a rate, in requests a second.
	RateMax = 10_000_000
	// grace is how late a request with a time may start at the end of a run.
	grace = time.Second
	// pause is how long a client waits after an error that is no answer, so that a
	// server that is gone is not asked a million times a second.
	pause = 10 * time.Millisecond
)

// Load says how requests are sent. It ends with Duration or Count, whichever is first.
type Load struct {
	Clients  int           // at once, each on a connection of its own: 1 to ClientsMax
	Rate     float64       // requests a second of all clients; 0: each sends the next after an answer
	Warmup   time.Duration // before anything counts
	Duration time.Duration // of what counts; 0: until Count
	Count    int64         // of requests that count; 0: until Duration
}

// Request sends one request and says of which kind it was. One client calls it again
// and again, and never at the same time.
type Request func() (kind string, err error)

// Progress is where a run is.
type Progress struct {
	Elapsed time.Duration // since its begin, the warm-up included
	Done    int64         // requests answered well so far, the warm-up included
	Failed  int64         // requests that were not
	Warm    bool          // whether requests count by now
}

// Check says what is wrong with a load, naming the field.
func (l Load) Check() error {
	switch {
	case l.Clients < 1 || l.Clients > ClientsMax:
		return fmt.Errorf("clients must be from 1 to %d, not %d", ClientsMax, l.Clients)
	case l.Rate != 0 && !(l.Rate >= RateMin && l.Rate <= RateMax):
		return fmt.Errorf("rate must be from %v to %d requests a second, or 0, not %v", RateMin, RateMax, l.Rate)
	case l.Warmup < 0 || l.Duration < 0 || l.Count < 0:
		return fmt.Errorf("warmup, duration and count must not be negative")
	case l.Duration == 0 && l.Count == 0:
		return fmt.Errorf("duration or count must say when the load ends")
	}
	return nil
}

// Run puts the load on whatever open's requests ask, and returns when all are answered
// or ctx has ended. watch, if it is not nil, is told each second. The load must have
// passed Check.
func (l Load) Run(ctx context.Context, open func(client int) Request, watch func(Progress)) *Result {
	r := &run{Load: l, began: time.Now()}
	r.from = r.began.Add(l.Warmup)
	r.until = r.from.Add(l.Duration)
	r.recorders = make([]recorder, min(l.Clients, recordersMax))
	var clients sync.WaitGroup
	for i := range l.Clients {
		clients.Go(func() { r.client(ctx, &r.recorders[i%len(r.recorders)], open(i)) })
	}
	stopped := make(chan struct{})
	var watcher sync.WaitGroup
	if watch != nil {
		watcher.Go(func() { r.report(watch, stopped) })
	}
	clients.Wait()
	close(stopped)
	watcher.Wait()
	return r.result(ctx.Err() != nil)
}

// run is a load under way.
type run struct {
	Load
	began, from, until time.Time
	recorders          []recorder
	tickets            atomic.Int64 // requests of an open loop that were begun or left out
	counted            atomic.Int64 // requests that count
	late               atomic.Int64 // requests of an open loop that the end overtook
	done, failed       atomic.Int64
}

// client sends one request after the other.
func (r *run) client(ctx context.Context, to *recorder, send Request) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		start, ok := r.next(ctx, timer)
		if !ok {
			return
		}
		counts := !start.Before(r.from)
		if counts && r.Count > 0 && r.counted.Add(1) > r.Count {
			return
		}
		kind, err := send()
		took := time.Since(start)
		if err != nil {
			r.failed.Add(1)
		} else {
			r.done.Add(1)
		}
		if counts {
			to.add(kind, took, err)
		}
		if err != nil && !isAnswer(err) {
			timer.Reset(pause)
			select {
			case <-timer.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

// next waits for the start of the next request. It is false at the end of the run.
func (r *run) next(ctx context.Context, timer *time.Timer) (start time.Time, ok bool) {
	now := time.Now()
	if r.Rate == 0 {
		return now, ctx.Err() == nil && !r.over(now)
	}
	start = r.meant(r.tickets.Add(1) - 1)
	if r.over(start) {
		return start, false
	}
	if wait := start.Sub(now); wait > 0 {
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	} else if r.over(now.Add(-grace)) {
		r.late.Add(1)
		return start, false
	}
	return start, ctx.Err() == nil
}

// meant is when the i-th request of an open loop should start.
func (r *run) meant(i int64) time.Time {
	return r.began.Add(time.Duration(float64(i) / r.Rate * float64(time.Second)))
}

func (r *run) over(t time.Time) bool { return r.Duration > 0 && !t.Before(r.until) }

// unsent counts the requests of an open loop that should have started, and never did
// because all clients were waiting for answers.
func (r *run) unsent() int64 {
	if r.Rate == 0 || r.Duration == 0 {
		return 0
	}
	end := r.until
	if now := time.Now(); now.Before(end) { // it was interrupted
		end = now
	}
	due := int64(math.Ceil(end.Sub(r.began).Seconds() * r.Rate))
	return r.late.Load() + max(0, due-r.tickets.Load())
}

// report tells each second how far the run is.
func (r *run) report(watch func(Progress), stopped chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			watch(Progress{now.Sub(r.began), r.done.Load(), r.failed.Load(), !now.Before(r.from)})
		case <-stopped:
			return
		}
	}
}
