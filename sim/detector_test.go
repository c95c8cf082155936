package sim

import (
	"testing"

	"kvs/statemachine"
	"kvs/transport"
)

// opinions counts what the other hosts that are up hold a host for.
func (w *World) opinions(of *host) (out [3]int) {
	for _, h := range w.hosts {
		for _, m := range h.node.Status().Members {
			if h != of && h.up && m.Replica == of.id {
				out[m.Reach]++
			}
		}
	}
	return out
}

// quiet returns the options of a run in which nobody writes.
func quiet(seed uint64, nodes int) Options {
	opt := Calm(seed, nodes)
	opt.WriteEvery = 1 << 40
	return opt
}

// Goal: a host that is down is suspected by all others within five seconds, and
// unreachable when their suspicion has run out: within 17 seconds for all, and
// within 12 for all who have heard others agree, which chance may deny to one; back
// again, it is reachable for all within three. Method: ten hosts, no loss, one power
// cut.
func TestDeadHostIsSuspectedByAll(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(quiet(seed, 10))
		w.begin()
		w.until(20_000)
		h := w.hosts[seed%10]
		if got := w.opinions(h); got[statemachine.Reachable] != 9 {
			t.Fatalf("seed %d: alive and well, %v", seed, got)
		}
		h.crash()
		w.until(25_000)
		if got := w.opinions(h); got[statemachine.Reachable] != 0 {
			t.Errorf("seed %d: five seconds after its death, %v", seed, got)
		}
		w.until(32_000)
		if got := w.opinions(h); got[statemachine.Unreachable] < 8 {
			t.Errorf("seed %d: twelve seconds after its death, %v", seed, got)
		}
		w.until(37_000)
		if got := w.opinions(h); got[statemachine.Unreachable] != 9 {
			t.Errorf("seed %d: 17 seconds after its death, %v", seed, got)
		}
		h.start()
		w.until(40_000)
		if got := w.opinions(h); got[statemachine.Reachable] != 9 {
			t.Errorf("seed %d: three seconds after its return, %v", seed, got)
		}
		if w.failure != nil || w.count.failed > 0 {
			t.Errorf("seed %d: %v, %d failed", seed, w.failure, w.count.failed)
		}
	}
}

// Goal: under loss nobody that lives is ever failed or gone in any members view,
// and false suspicions are refuted before they count. Method: ten hosts, every
// tenth message lost, a write every ten minutes, a virtual day; an hour when
// time is short.
func TestLossBuriesNobody(t *testing.T) {
	opt := Calm(1, 10)
	opt.LossPermille, opt.WriteEvery, opt.Duration = 100, 600_000, 24*3_600_000
	if testing.Short() {
		opt.Duration = 3_600_000
	}
	opt.Keys = 20
	w := newWorld(opt)
	w.begin()
	w.until(opt.Duration)
	if w.failure != nil || w.count.failed > 0 {
		t.Fatalf("%v, %d failed", w.failure, w.count.failed)
	}
	c := &w.count
	t.Logf("%d messages; %d suspicions, of which %d were not refuted in time", c.messages, c.suspicions,
		c.gaveUp)
	if c.suspicions == 0 || c.gaveUp*100 > c.suspicions {
		t.Errorf("%d suspicions, %d not refuted in time", c.suspicions, c.gaveUp)
	}
}

// Goal: a cluster in which nothing happens is quiet. Method: the bytes of every
// frame that ten hosts send in ten virtual minutes, after each has written, so
// that their vectors have ten streams.
func TestIdleTraffic(t *testing.T) {
	opt := Calm(1, 10)
	opt.Duration = 30_000 // of writes
	w := newWorld(opt)
	bytes, counted := map[statemachine.Kind]int{}, 0
	w.net.sent = func(e statemachine.Send) {
		frame, err := transport.Encode(e.Msg)
		if err != nil {
			t.Fatal(err)
		}
		if w.now >= 60_000 {
			bytes[e.Msg.Kind()] += len(frame)
			counted += len(frame)
		}
	}
	w.begin()
	w.until(660_000)
	perSecond := counted / 10 / 600
	t.Logf("%d bytes a second a node, by kind in ten minutes: %v", perSecond, bytes)
	if perSecond > 1_000 {
		t.Errorf("%d bytes a second a node", perSecond)
	}
}

// Goal: whoever was away for so long that it is gone from all views comes back
// by itself, at another address too, without any seed; and so does a cluster of
// which all but the first were moved.
func TestReturnFromBeyondTheView(t *testing.T) {
	for seed := range uint64(10) {
		opt := quiet(seed, 4)
		w := newWorld(opt)
		w.begin()
		w.until(10_000)
		for _, h := range w.hosts {
			h.tweak = func(c *statemachine.Config) { c.Seeds = nil }
		}
		away := w.hosts[seed%4]
		away.crash()
		w.until(700_000)
		for _, h := range w.hosts {
			if h != away && len(h.node.Status().Members) != 3 {
				t.Fatalf("seed %d: host %d lists %d members", seed, h.index, len(h.node.Status().Members))
			}
		}
		away.addr = "10.9.0.1:8080"
		away.start()
		w.until(710_000)
		if why := w.differing(); why != "" {
			t.Fatalf("seed %d: ten seconds after the return: %s", seed, why)
		}
		for _, h := range w.hosts[1:] {
			h.crash()
			h.addr = "10.8.0." + h.addr[len("10.0.0."):]
		}
		w.hosts[0].crash()
		w.until(720_000)
		for _, h := range w.hosts {
			h.start()
		}
		w.until(740_000)
		if why := w.differing(); why != "" {
			t.Fatalf("seed %d: after a restart of all: %s", seed, why)
		}
	}
}

// Goal: two hosts that cannot talk to each other while others talk to both hold
// each other for reachable and alive, for as long as that lasts. Method: one link
// is cut, in one direction or in both, for half an hour with the shipped timers;
// the time in which the loss of the connection is a suspicion is left out.
func TestBrokenLinkBuriesNobody(t *testing.T) {
	for seed := range uint64(10) {
		w := newWorld(quiet(seed, 5))
		w.begin()
		w.until(20_000)
		a, b := w.hosts[0], w.hosts[1+seed%4]
		w.net.sever(a, b)
		if seed%2 == 0 {
			w.net.sever(b, a)
		}
		for w.until(40_000); w.now < 1_800_000; w.until(w.now + 10_000) {
			for _, h := range []*host{a, b} {
				if got := w.opinions(h); got[statemachine.Reachable] != 4 {
					t.Fatalf("seed %d: %v of host %d at %d", seed, got, h.index, w.now)
				}
			}
		}
		if w.failure != nil || w.count.failed > 0 || w.count.gaveUp > 0 {
			t.Errorf("seed %d: %v, %d failed, %d given up", seed, w.failure, w.count.failed, w.count.gaveUp)
		}
	}
}
