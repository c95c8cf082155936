package sim

import (
	"slices"
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
	"kvs/transport"
)

// spreading is what a cluster did to spread writes.
type spreading struct {
	writes           int
	messages, pushed int // of all kinds, and entries in pushes
	direct           uint64
	deltas           uint64 // entries sent in deltas
	bytes            int    // of pushes and their acknowledgements
	healed           Millis
	lags             []Millis // until all had a write, sorted
}

// spread lets the hosts write for a minute, after a minute in which the cluster
// forms and the tree takes shape, and counts what that takes.
func spread(t *testing.T, opt Options) (s spreading) {
	t.Helper()
	opt.Duration, opt.Settle = 120_000, 60_000
	w := newWorld(opt)
	counting := false
	w.net.sent = func(e statemachine.Send) {
		if counting {
			s.count(t, e.Msg)
		}
	}
	w.begin()
	w.until(60_000)
	counting = true
	before, lags := w.totals(), newLags(w)
	s.writes = -len(w.model.writes)
	w.until(opt.Duration)
	s.writes += len(w.model.writes)
	after := w.totals()
	s.direct, s.deltas = after.PushedEntries-before.PushedEntries, after.DeltaEntries-before.DeltaEntries
	counting = false
	s.healed = w.settle()
	if w.failure != nil {
		t.Fatal(w.failure)
	}
	s.lags = lags.complete()
	return s
}

func (s *spreading) count(t *testing.T, m statemachine.Message) {
	t.Helper()
	s.messages++
	switch m := m.(type) {
	case statemachine.Push:
		s.pushed += len(m.Entries)
	case statemachine.Ack:
	default:
		return
	}
	frame, err := transport.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	s.bytes += len(frame)
}

// lags measures how long writes take until all hosts have them.
type lags struct {
	w    *World
	born map[keyspace.Dot]Millis
	have map[keyspace.Dot]int
	took []Millis
}

func newLags(w *World) *lags {
	l := &lags{w: w, born: map[keyspace.Dot]Millis{}, have: map[keyspace.Dot]int{}}
	w.durable = func(h *host, b *keyspace.Batch, a *keyspace.Applied) {
		for i := range a.Outcomes {
			dot := a.Outcomes[i].Header.Dot
			if i < len(b.Writes) {
				l.born[dot] = w.now
			}
			if born, known := l.born[dot]; known && a.Outcomes[i].Kind != keyspace.Dup {
				if l.have[dot]++; l.have[dot] == len(w.hosts) {
					l.took = append(l.took, w.now-born)
				}
			}
		}
	}
	return l
}

// complete returns the lags in order. A write that was replaced before it came
// everywhere is not among them.
func (l *lags) complete() []Millis {
	slices.Sort(l.took)
	return l.took
}

// totals adds up what all hosts have counted.
func (w *World) totals() (sum statemachine.Stats) {
	for _, h := range w.hosts {
		s := h.node.Status().Stats
		sum.PushedEntries += s.PushedEntries
		sum.DeltaEntries += s.DeltaEntries
		sum.RelayedEntries += s.RelayedEntries
		sum.Grafts += s.Grafts
		sum.Prunes += s.Prunes
	}
	return sum
}

// Goal: with many nodes the origin of a write pushes it to a few, everybody gets
// it once or a little more often, hardly ever by delta, and soon. Method: 30 and
// 100 hosts on a good network, from the counts of a minute of writes; direct
// push and loss are there to compare with.
func TestWritesSpreadAlongATree(t *testing.T) {
	for _, c := range []struct {
		nodes, fanout, loss int
	}{{30, 16, 0}, {30, 16, 20}, {30, 100, 0}, {100, 16, 0}, {100, 100, 0}} {
		if c.nodes == 100 && testing.Short() {
			continue
		}
		opt := Calm(1, c.nodes)
		opt.WriteEvery, opt.Keys = 200, 10_000
		opt.Core.DirectFanout, opt.LossPermille = c.fanout, c.loss
		s := spread(t, opt)
		n := float64(c.nodes - 1)
		per := func(x int) float64 { return float64(x) / float64(s.writes) }
		at := func(percent int) Millis { return s.lags[len(s.lags)*percent/100] }
		t.Logf("%d nodes, fanout %d, loss %d: a write is pushed %.1f times, %.1f of them by its origin, and goes "+
			"%.2f times by delta: %.0f bytes; %.1f messages of all kinds; with all after p50 %d ms, p99 %d ms",
			c.nodes, c.fanout, c.loss, per(s.pushed), per(int(s.direct)), per(int(s.deltas)), per(s.bytes),
			per(s.messages), at(50), at(99))
		switch {
		case c.loss > 0 || c.fanout >= c.nodes:
		case per(s.pushed) > 1.3*n:
			t.Errorf("%d nodes: a write was pushed %.1f times", c.nodes, per(s.pushed))
		case per(int(s.direct)) > 8:
			t.Errorf("%d nodes: %.1f of the pushes were by the origin", c.nodes, per(int(s.direct)))
		case per(int(s.deltas)) > 0.05*n:
			t.Errorf("%d nodes: %.1f came by delta", c.nodes, per(int(s.deltas)))
		case at(50) > 200 || at(99) > 3_000:
			t.Errorf("%d nodes: with all after p50 %d ms, p99 %d ms", c.nodes, at(50), at(99))
		}
	}
}

// Goal: the figures above come from the tree. Method: when nobody passes on what
// others pushed, nodes graft more links and a good part goes by delta, many times
// what does with relays, and all still have everything.
func TestWithoutRelaysDeltasDoTheWork(t *testing.T) {
	if !keyspace.MutantsCompiledIn {
		t.Skip("needs the build tag mutants: make mutants")
	}
	opt := Calm(1, 30)
	opt.WriteEvery = 200
	opt.Mutant, opt.MutantEverywhere = keyspace.MutantNoRelay, true
	s := spread(t, opt)
	if pushed := s.pushed / s.writes; pushed > 25 || int(s.deltas) < 5*s.writes {
		t.Errorf("a write is pushed %d times, %d entries went by delta", pushed, s.deltas)
	}
}
