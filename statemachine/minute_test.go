package statemachine_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

const minute statemachine.Millis = 60_000

// expiring are two nodes that hold the same records, many of which expire at any
// minute of the next quarter of an hour. The clock of b is ahead by so much.
func expiring(t failer, ahead statemachine.Millis, change func(*statemachine.Config)) *wire {
	rng := rand.New(rand.NewPCG(uint64(ahead), 0))
	sa, sb := newStore('a').adopt(), newStore('b').adopt()
	for i := range 5 {
		b := &keyspace.Batch{Now: epoch}
		for k := range 200 {
			b.Writes = append(b.Writes, keyspace.Write{
				Key: fmt.Sprintf("key %d/%d", i, k), Value: []byte("v"),
				TTL: 1 + statemachine.Millis(rng.Int64N(int64(15*minute))),
			})
		}
		out := sa.execute(b)
		var es []keyspace.Entry
		for k, o := range out.Outcomes {
			es = append(es, keyspace.Entry{Key: b.Writes[k].Key, Header: o.Header, Value: b.Writes[k].Value})
		}
		sb.execute(&keyspace.Batch{Now: epoch, Entries: es, MaxSkew: minute})
	}
	for _, s := range []*store{sa, sb} {
		s.execute(&keyspace.Batch{Now: epoch, Turn: true})
		s.disk.View(func(r keyspace.Reader) { s.snap = s.state.Snapshot(r) })
	}
	sb.pretend(sa)
	a, b := newHost(t, sa, change), newHost(t, sb, change)
	b.now.Wall += ahead
	w := newWire(t, a, b)
	w.pass(1)
	return w
}

// often lets scrubs run every two seconds.
func often(c *statemachine.Config) { c.Sync = 2_000 }

// TestScrubsOfOneMinute: nodes whose clocks differ by up to the minutes that a
// digest can be turned back compare equal at any time: no leaf is listed, no
// record exchanged, and nobody speaks of a divergence.
func TestScrubsOfOneMinute(t *testing.T) {
	for ahead := -3 * minute; ahead <= 3*minute; ahead += minute / 2 {
		w := expiring(t, ahead, often)
		listed := 0
		w.drop = func(p packet) bool {
			switch m := p.msg.(type) {
			case statemachine.LeafList:
				listed += len(m.Items) + 1
			case statemachine.Items:
				listed++
			}
			return false
		}
		w.connect('a', 'b')
		w.pass(12 * minute)
		var scrubs, entries, skewed uint64
		for _, h := range w.hosts {
			s := h.node.Status().Stats
			scrubs += s.Scrubs
			entries += s.ScrubEntries + s.ScrubLeaves + s.ScrubInFlight
			skewed += s.ScrubsSkewed
		}
		if scrubs < 300 || entries != 0 || listed != 0 || len(events[statemachine.Diverged](notices(w))) != 0 {
			t.Errorf("%d ms ahead: %d scrubs, %d leaves or records, %d listed", ahead, scrubs, entries, listed)
		}
		if skewed != 0 {
			t.Errorf("%d ms ahead: %d scrubs gave up", ahead, skewed)
		}
	}
}

// notices are the events of a wire as effects.
func notices(w *wire) (out []statemachine.Effect) {
	for _, e := range w.events {
		out = append(out, statemachine.Notify{Event: e})
	}
	return out
}

// TestScrubsOfClocksTooFarApart: they end before anything is compared, are
// counted, and a person who asks is told.
func TestScrubsOfClocksTooFarApart(t *testing.T) {
	for _, ahead := range []statemachine.Millis{-7 * minute, 7 * minute} {
		w := expiring(t, ahead, often)
		w.connect('a', 'b')
		w.drop = func(p packet) bool {
			if m, ok := p.msg.(statemachine.Compare); ok && m.Answer && len(m.Nodes) > 0 {
				t.Errorf("%d ms ahead: sums of level %d", ahead, m.Level)
			}
			return false
		}
		w.pass(minute)
		for _, h := range w.hosts {
			if s := h.node.Status().Stats; s.ScrubsSkewed == 0 || s.ScrubsSkewed != s.Scrubs {
				t.Errorf("%d ms ahead: %c gave up %d scrubs of %d", ahead, h.name, s.ScrubsSkewed, s.Scrubs)
			}
		}
		a := w.host('a')
		w.take(a, a.step(statemachine.Diff{Request: 3, Peer: id('b')}))
		w.pass(5_000)
		if len(w.done) != 1 || w.done[0].Result.Refused != statemachine.RefusedSkew {
			t.Errorf("%d ms ahead: %v", ahead, w.done)
		}
	}
}

// TestScrubRepairsAcrossMinutes: records that differ are found and repaired
// although the clocks do too and others expire meanwhile, also by a scrub that
// takes longer than a digest can be turned back.
func TestScrubRepairsAcrossMinutes(t *testing.T) {
	for _, ahead := range []statemachine.Millis{-3 * minute, 0, 3 * minute} {
		w := expiring(t, ahead, func(c *statemachine.Config) { c.Throttle, c.FetchDelay = 30_000, 30_000 })
		a, b := w.host('a'), w.host('b')
		var keys []string
		for i := range 900 {
			keys = append(keys, fmt.Sprintf("only a has %d", i))
		}
		a.put(keys...)
		for _, s := range w.hosts {
			s.execute(&keyspace.Batch{Now: epoch, Claim: &keyspace.Claim{VV: a.vv()}})
			s.disk.View(func(r keyspace.Reader) { s.snap = s.state.Snapshot(r) })
			s.node = statemachine.New(s.cfg, s.snap)
		}
		w.connect('a', 'b')
		w.pass(60 * minute)
		for _, key := range keys {
			if b.has(key) == "" {
				t.Fatalf("%d ms ahead: %q was never repaired", ahead, key)
			}
		}
	}
}
