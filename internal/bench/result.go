package bench

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// recordersMax bounds the histograms of a kind, and how many clients share one.
	recordersMax = 32
	// namesMax bounds the names of errors; further ones count under otherName.
	namesMax  = 20
	otherName = "other errors"
	// latencyMax bounds what a histogram tells apart, in nanoseconds.
	latencyMax = int64(time.Hour)
)

// recorder holds what some of the clients have seen.
type recorder struct {
	mu     sync.Mutex
	took   map[string]*hdrhistogram.Histogram // by kind, in nanoseconds
	errors map[string]*Failure                // by name
	other  Failure                            // beyond namesMax
}

// add counts one request.
func (r *recorder) add(kind string, took time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.fail(Failure{nameOf(err), isRefusal(err), err.Error(), 1})
		return
	}
	h := r.took[kind]
	if h == nil {
		if r.took == nil {
			r.took = map[string]*hdrhistogram.Histogram{}
		}
		h = newHistogram()
		r.took[kind] = h
	}
	_ = h.RecordValue(min(max(int64(took), 1), latencyMax)) // never out of range
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(time.Microsecond), latencyMax, 3)
}

// fail counts errors of one name, or of all that there is no room for.
func (r *recorder) fail(f Failure) {
	known := r.errors[f.Name]
	switch {
	case known != nil:
		known.Count += f.Count
	case f.Name == otherName || len(r.errors) == namesMax:
		r.other = Failure{Name: otherName, Example: cmp.Or(r.other.Example, f.Example), Count: r.other.Count + f.Count}
	default:
		if r.errors == nil {
			r.errors = map[string]*Failure{}
		}
		r.errors[f.Name] = &f
	}
}

// failures are all that were counted.
func (r *recorder) failures() (out []Failure) {
	for _, f := range r.errors {
		out = append(out, *f)
	}
	if r.other.Count > 0 {
		out = append(out, r.other)
	}
	return out
}

// Result is what a run has measured.
type Result struct {
	Elapsed     time.Duration // of what counts
	Kinds       []Kind        // sorted by their names
	Failures    []Failure     // the most frequent first
	Unsent      int64         // requests of an open loop that no client was free for
	Interrupted bool          // whether it was ended early
}

// Kind is the requests of one kind that were answered well.
type Kind struct {
	Name                      string
	Count                     int64
	Rate                      float64 // a second
	Mean, P50, P90, P99, P999 time.Duration
	Max                       time.Duration
}

// Failure is the requests that failed in one way.
type Failure struct {
	Name    string // of bounded number: no key and no address
	Refusal bool   // whether a server refused on purpose, to protect itself: 429 or 503
	Example string // the first of them, in words
	Count   int64
}

// Done is the number of requests that were answered well.
func (r *Result) Done() (n int64) {
	for _, k := range r.Kinds {
		n += k.Count
	}
	return n
}

// Failed is the number of requests that went wrong: refused, or unexpectedly.
func (r *Result) Failed() (refused, unexpected int64) {
	for _, f := range r.Failures {
		if f.Refusal {
			refused += f.Count
		} else {
			unexpected += f.Count
		}
	}
	return refused, unexpected
}

// Of is what was measured of one kind, zero if there was none.
func (r *Result) Of(kind string) Kind {
	for _, k := range r.Kinds {
		if k.Name == kind {
			return k
		}
	}
	return Kind{Name: kind}
}

// result merges what all recorders hold.
func (r *run) result(interrupted bool) *Result {
	out := &Result{Elapsed: max(time.Since(r.from), 0), Interrupted: interrupted}
	var sum recorder
	took := map[string]*hdrhistogram.Histogram{}
	for i := range r.recorders {
		for kind, h := range r.recorders[i].took {
			if took[kind] == nil {
				took[kind] = newHistogram()
			}
			took[kind].Merge(h)
		}
		for _, f := range r.recorders[i].failures() {
			sum.fail(f)
		}
	}
	for name, h := range took {
		at := func(percent float64) time.Duration { return time.Duration(h.ValueAtQuantile(percent)) }
		out.Kinds = append(out.Kinds, Kind{
			Name: name, Count: h.TotalCount(), Rate: float64(h.TotalCount()) / out.Elapsed.Seconds(),
			Mean: time.Duration(h.Mean()), P50: at(50), P90: at(90), P99: at(99), P999: at(99.9), Max: time.Duration(h.Max()),
		})
	}
	out.Failures = sum.failures()
	slices.SortFunc(out.Kinds, func(a, b Kind) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(out.Failures, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Name, b.Name))
	})
	if !interrupted {
		out.Unsent = r.unsent()
	}
	return out
}
