package statemachine_test

import (
	"strings"
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// reach is what a node thinks of its ways to another.
func (h *host) reach(name byte) statemachine.Reach {
	h.t.Helper()
	for _, m := range h.node.Status().Members {
		if m.Replica == id(name) {
			return m.Reach
		}
	}
	h.t.Fatalf("%c is not in the view of %c", name, h.name)
	return 0
}

// answering lets time pass while the peers that exist only in a test answer
// probes, except those named in silent. It returns what the node did.
func (h *host) answering(d statemachine.Millis, silent string) (out []statemachine.Effect) {
	for end := h.now.Mono + d; h.now.Mono < end; {
		got := append(h.tick(max(1, min(end, h.node.Deadline())-h.now.Mono)), h.settle()...)
		for i := 0; i < len(got); i++ {
			s, ok := got[i].(statemachine.Send)
			if !ok || strings.IndexByte(silent, s.To[0]) >= 0 {
				continue
			}
			if m, ok := s.Msg.(statemachine.Ping); ok {
				got = append(got, h.hear(s.To[0], statemachine.PingAck{Seq: m.Seq, Wall: h.now.Wall})...)
			}
		}
		out = append(out, got...)
	}
	return out
}

// TestEverybodyIsProbedInTurn: in each round of n intervals each of n peers is
// asked once, connected or not; the latter through others.
func TestEverybodyIsProbedInTurn(t *testing.T) {
	h := member(t, 'a', nil)
	for _, p := range "pqrs" {
		h.meet(byte(p))
	}
	h.step(statemachine.PeerDown{Peer: id('s')})
	asked := map[byte]int{}
	for _, e := range h.answering(40_000, "s") {
		if m, ok := e.(statemachine.Send); ok {
			switch m := m.Msg.(type) {
			case statemachine.PingReq:
				asked[m.Target[0]]++
			case statemachine.Ping:
				asked[e.(statemachine.Send).To[0]]++
			}
		}
	}
	for _, p := range "pqr" {
		if got := asked[byte(p)]; got < 8 || got > 12 {
			t.Errorf("%c was asked %d times in 40 s", p, got)
		}
	}
	if asked['s'] < 3*8 {
		t.Errorf("others were asked %d times for s", asked['s'])
	}
}

// TestSilentPeerIsSuspectedThenUnreachable: half an interval after an unanswered
// probe others are asked to ask, after the whole interval the peer is suspected
// and told so, along with others; and when nobody refutes it, it is unreachable
// after the time that fits the number of accusers.
func TestSilentPeerIsSuspectedThenUnreachable(t *testing.T) {
	for _, c := range []struct {
		others string
		lasts  statemachine.Millis
	}{{"", 12_000}, {"q", 6_952}, {"qr", 4_000}, {"qrs", 4_000}} {
		h := member(t, 'a', nil)
		for _, p := range "pqrs" {
			h.meet(byte(p))
		}
		asked, others, suspected := statemachine.Millis(-1), statemachine.Millis(-1), statemachine.Millis(-1)
		for h.reach('p') == statemachine.Reachable {
			for _, e := range h.answering(1, "p") {
				m, _ := e.(statemachine.Send)
				switch msg := m.Msg.(type) {
				case statemachine.Ping:
					if m.To == id('p') && suspected < 0 {
						asked = h.now.Mono
					}
				case statemachine.PingReq:
					if msg.Target == id('p') {
						others = h.now.Mono
					}
				case statemachine.Suspicion:
					if m.To == id('p') {
						suspected = h.now.Mono
					}
				}
			}
		}
		if others != asked+500 || suspected != asked+1_000 {
			t.Fatalf("asked at %d, through others at %d, suspected at %d", asked, others, suspected)
		}
		for _, by := range c.others {
			h.hear(byte(by), statemachine.Suspicion{
				Replica: id('p'), Boot: statemachine.Boot{Count: 1}, By: id(byte(by)),
			})
		}
		h.answering(c.lasts-1, "p")
		if got := h.reach('p'); got != statemachine.Suspect {
			t.Fatalf("accused by a and %q: %v before its time", c.others, got)
		}
		h.answering(1, "p")
		if got := h.reach('p'); got != statemachine.Unreachable {
			t.Fatalf("accused by a and %q: %v after its time", c.others, got)
		}
		if h.view('p') != int(statemachine.MemberAlive) {
			t.Fatalf("the members view follows the detector")
		}
	}
}

// TestLostConnectionIsSuspicion: at once, and the peer's return ends it.
func TestLostConnectionIsSuspicion(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	h.meet('q')
	got := h.step(statemachine.PeerDown{Peer: id('p')})
	if h.reach('p') != statemachine.Suspect || len(sends[statemachine.Suspicion](got)) != 1 {
		t.Fatalf("%v, %d told", h.reach('p'), len(sends[statemachine.Suspicion](got)))
	}
	if h.meet('p'); h.reach('p') != statemachine.Reachable {
		t.Fatalf("%v after its return", h.reach('p'))
	}
}

// TestSuspicionIsRefuted: who hears of its own suspicion raises its incarnation
// and tells all; whoever suspected it lets go of it, and old news is answered.
func TestSuspicionIsRefuted(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	h.meet('q')
	before := h.node.Hello().Member.Incarnation
	self := statemachine.Suspicion{
		Replica: id('a'), Boot: h.snap.Identity.Boot, Incarnation: before, By: id('q'),
	}
	if got := sends[statemachine.Table](h.hear('p', self)); len(got) != 2 ||
		got[0].Members[0].Incarnation != before+1 {
		t.Fatalf("told %v", got)
	}
	if got := sends[statemachine.Table](h.hear('p', self)); len(got) != 1 ||
		h.node.Hello().Member.Incarnation != before+1 {
		t.Fatalf("to old news it told %v", got)
	}
	self.Incarnation = before + 99
	if h.hear('p', self); h.node.Hello().Member.Incarnation != before+1 {
		t.Fatalf("it followed an incarnation that it never had")
	}
	about := statemachine.Suspicion{Replica: id('p'), Boot: statemachine.Boot{Count: 1}, By: id('r')}
	if got := sends[statemachine.Suspicion](h.hear('q', about)); h.reach('p') != statemachine.Suspect ||
		len(got) == 0 {
		t.Fatalf("%v, passed on %d times", h.reach('p'), len(got))
	}
	m := hello('p', nil).Member
	m.Replica, m.Boot, m.Incarnation = id('p'), statemachine.Boot{Count: 1}, 1
	if h.hear('q', statemachine.Table{Members: []statemachine.Member{m}}); h.reach('p') != statemachine.Reachable {
		t.Fatalf("%v after it was refuted", h.reach('p'))
	}
	if h.hear('q', about); h.reach('p') != statemachine.Reachable {
		t.Fatalf("%v by old news", h.reach('p'))
	}
}

// TestProbeOfASuspectTellsIt: a peer that is asked by somebody who suspects it
// refutes that at once.
func TestProbeOfASuspectTellsIt(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	before := h.node.Hello().Member.Incarnation
	h.hear('p', statemachine.Ping{Seq: 1, Suspect: true, Incarnation: before})
	if got := h.node.Hello().Member.Incarnation; got != before+1 {
		t.Errorf("incarnation %d after %d", got, before)
	}
}

// TestNodeThatStoodStillJudgesNobody: after a pause in which no answer could
// arrive nobody is suspected for it, and suspicions get the time back; the node
// judges more slowly until probes succeed again.
func TestNodeThatStoodStillJudgesNobody(t *testing.T) {
	h := member(t, 'a', nil)
	for _, p := range "pqr" {
		h.meet(byte(p))
	}
	h.answering(5_000, "")
	h.step(statemachine.PeerDown{Peer: id('r')})
	h.answering(1_000, "r")
	h.tick(60_000)
	if h.reach('p') != statemachine.Reachable || h.reach('q') != statemachine.Reachable ||
		h.reach('r') != statemachine.Suspect {
		t.Fatalf("%v, %v, %v after the pause", h.reach('p'), h.reach('q'), h.reach('r'))
	}
	if h.node.Status().Health == 0 {
		t.Fatalf("the node thinks that it is well")
	}
	if h.answering(10_000, "r"); h.node.Status().Health != 0 || h.reach('r') != statemachine.Suspect {
		t.Errorf("health %d, %v", h.node.Status().Health, h.reach('r'))
	}
}

// TestUnansweredNodeDoubtsItself: the more of its probes fail, the more slowly a
// node judges.
func TestUnansweredNodeDoubtsItself(t *testing.T) {
	h := member(t, 'a', nil)
	for _, p := range "pqrst" {
		h.meet(byte(p))
	}
	h.answering(30_000, "pqrst")
	if got := h.node.Status().Health; got < 2 {
		t.Errorf("health %d after half a minute without any answer", got)
	}
}

// TestUnwellNodeStillFindsOutThatItErred: however slow a node's judgement has
// become, it asks those that it holds for unreachable every interval, and one
// answer is enough.
func TestUnwellNodeStillFindsOutThatItErred(t *testing.T) {
	h := member(t, 'a', nil)
	for _, p := range "pqrst" {
		h.meet(byte(p))
	}
	h.answering(120_000, "pqrst")
	if h.node.Status().Health < 2 || h.reach('p') != statemachine.Unreachable {
		t.Fatalf("health %d, p is %v", h.node.Status().Health, h.reach('p'))
	}
	if h.answering(2_200, ""); h.reach('p') != statemachine.Reachable || h.reach('t') != statemachine.Reachable {
		t.Errorf("%v and %v two intervals after they answer", h.reach('p'), h.reach('t'))
	}
}

// TestReachablePeersComeFirst: digests go to peers that are reachable as long as
// there is one, and to the others if there is none.
func TestReachablePeersComeFirst(t *testing.T) {
	h := member(t, 'a', nil)
	for _, p := range "pqr" {
		h.meet(byte(p))
	}
	digests := func(effects []statemachine.Effect) map[byte]int {
		to := map[byte]int{}
		for _, e := range effects {
			if s, ok := e.(statemachine.Send); ok && s.Msg.Kind() == statemachine.KindDigest {
				to[s.To[0]]++
			}
		}
		return to
	}
	h.answering(20_000, "pqr")
	if got := digests(h.answering(10_000, "pqr")); len(got) != 3 {
		t.Errorf("with nobody reachable digests went to %v", got)
	}
	h.answering(20_000, "p")
	if got := digests(h.answering(10_000, "p")); got['p'] >= got['q'] || got['p'] >= got['r'] {
		t.Errorf("digests went to %v, p is unreachable", got)
	}
}

// TestThirdNodeVouches: two nodes that cannot talk to each other hold each other
// for reachable and alive, because a third hears both; when one of them falls
// silent, the other finds out.
func TestThirdNodeVouches(t *testing.T) {
	a, b, c := member(t, 'a', nil), member(t, 'b', nil), member(t, 'c', nil)
	w := newWire(t, a, b, c)
	w.connect('a', 'b')
	w.connect('b', 'c')
	w.pass(1_000)
	for range 20 {
		w.pass(60_000)
		if a.reach('c') != statemachine.Reachable || c.reach('a') != statemachine.Reachable ||
			a.view('c') != 0 || c.view('a') != 0 {
			t.Fatalf("%v, %v after %d ms", a.reach('c'), c.reach('a'), a.now.Mono)
		}
	}
	w.drop = func(p packet) bool { return p.from == 'c' || p.to == 'c' }
	w.disconnect('b', 'c')
	w.pass(30_000)
	if a.reach('c') != statemachine.Unreachable || b.reach('c') != statemachine.Unreachable {
		t.Errorf("%v and %v half a minute later", a.reach('c'), b.reach('c'))
	}
}

// TestOneWayLinkIsNoDeath: what c sends reaches a, what a sends does not reach
// c; for hours neither holds the other for failed or unreachable.
func TestOneWayLinkIsNoDeath(t *testing.T) {
	a, b, c := member(t, 'a', nil), member(t, 'b', nil), member(t, 'c', nil)
	w := newWire(t, a, b, c)
	w.connect('a', 'b')
	w.connect('b', 'c')
	w.connect('a', 'c')
	w.drop = func(p packet) bool { return p.from == 'a' && p.to == 'c' }
	for range 60 {
		w.pass(60_000)
		if a.reach('c') == statemachine.Unreachable || c.reach('a') == statemachine.Unreachable ||
			a.view('c') != 0 || c.view('a') != 0 {
			t.Fatalf("%v, %v after %d ms", a.reach('c'), c.reach('a'), a.now.Mono)
		}
	}
}

// TestNodeThatCopiesAnswersProbes: whoever takes over a copy is there like anybody else,
// for however long that lasts: it answers, and hears whom others suspect.
func TestNodeThatCopiesAnswersProbes(t *testing.T) {
	s := newStore('a')
	a := cluster
	a.Copy = true
	s.execute(&keyspace.Batch{Now: epoch, Join: epoch, Adopt: &a})
	s.open()
	h := newHost(t, s, nil)
	h.tick(0)
	h.settle()
	h.meet('p')
	h.meet('q')
	if !h.node.Status().Transfer.Active() {
		t.Fatal("it makes no copy")
	}
	if got := sends[statemachine.PingAck](h.hear('p', statemachine.Ping{Seq: 7})); len(got) != 1 || got[0].Seq != 7 {
		t.Errorf("it answers a probe with %v", got)
	}
	h.hear('q', statemachine.Suspicion{Replica: id('p'), Boot: statemachine.Boot{Count: 1}, By: id('r')})
	if got := h.reach('p'); got != statemachine.Suspect {
		t.Errorf("whom others suspect is %v", got)
	}
}
