package statemachine_test

import (
	"testing"

	"kvs/statemachine"
)

// attempts lets time pass and returns when an address was dialed.
func (h *host) attempts(addr string, until statemachine.Millis) (at []statemachine.Millis) {
	for h.now.Mono < until {
		next := min(until, max(h.node.Deadline(), h.now.Mono+1))
		for _, e := range h.tick(next - h.now.Mono) {
			if d, ok := e.(statemachine.Dial); ok && d.Addr == addr {
				at = append(at, h.now.Mono)
			}
		}
	}
	return at
}

// TestDialBacksOff: the pauses between attempts double from a quarter of a
// second to five seconds, within a tenth, and attempts never end.
func TestDialBacksOff(t *testing.T) {
	h := newHost(t, newStore('a'), seeded("x:1"))
	want(t, h.tick(0), "dial x:1")
	at := h.attempts("x:1", 3_600_000)
	last, pause := statemachine.Millis(0), statemachine.Millis(250)
	for i, now := range at {
		if gap := now - last; gap < pause*9/10 || gap > pause*11/10 {
			t.Fatalf("attempt %d after %d ms, want about %d", i, gap, pause)
		}
		last, pause = now, min(2*pause, 5_000)
	}
	if len(at) < 3_600_000/5_500 {
		t.Fatalf("%d attempts in an hour", len(at))
	}
}

// TestConnectedAddressIsNotDialed: neither the address that a peer advertises
// nor a seed's behind which it was found; both again once it is down.
func TestConnectedAddressIsNotDialed(t *testing.T) {
	h := newHost(t, newStore('a').adopt(), seeded("alias:1"))
	want(t, h.tick(0), "dial alias:1")
	h.step(statemachine.Reached{Addr: "alias:1", Peer: id('p')})
	h.meet('p')
	for _, addr := range []string{"alias:1", "p:1"} {
		if got := h.attempts(addr, h.now.Mono+20_000); len(got) > 0 {
			t.Errorf("%s was dialed %d times", addr, len(got))
		}
	}
	h.step(statemachine.PeerDown{Peer: id('p')})
	down := h.now.Mono
	if got := h.attempts("p:1", down+1_000); len(got) == 0 || got[0] > down+250 {
		t.Errorf("dialed at %v after the loss at %d", got, down)
	}
	h.step(statemachine.PeerUp{Hello: hello('p', nil)})
	h.step(statemachine.PeerDown{Peer: id('p')})
	down = h.now.Mono
	if got := h.attempts("alias:1", down+1_000); len(got) == 0 || got[0] > down+250 {
		t.Errorf("the seed was dialed at %v after the loss at %d", got, down)
	}
}

// TestNodeDoesNotDialItself: not by its own address, and hardly by a seed's
// behind which it finds itself: now and then, as a copy of it may be there.
func TestNodeDoesNotDialItself(t *testing.T) {
	h := newHost(t, newStore('a').adopt(), seeded("a:1", "me:1"))
	want(t, h.tick(0), "dial me:1")
	h.step(statemachine.Reached{Addr: "me:1", Peer: id('a')})
	for _, addr := range []string{"a:1", "me:1"} {
		most := map[string]int{"a:1": 0, "me:1": 8}[addr]
		if got := h.attempts(addr, h.now.Mono+60_000); len(got) > most {
			t.Errorf("%s was dialed %d times", addr, len(got))
		}
	}
}

// TestMovedMemberIsDialedAtItsNewAddress: the address of the newest entry
// counts, and the old one is given up.
func TestMovedMemberIsDialedAtItsNewAddress(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	h.step(statemachine.PeerDown{Peer: id('p')})
	h.meet('q')
	moved := statemachine.Member{Replica: id('p'), Addr: "p:2", Boot: statemachine.Boot{Count: 2}}
	h.hear('q', statemachine.Table{Members: []statemachine.Member{moved}})
	if got := h.attempts("p:1", h.now.Mono+10_000); len(got) > 0 {
		t.Errorf("the old address was dialed %d times", len(got))
	}
	if got := h.attempts("p:2", h.now.Mono+10_000); len(got) == 0 {
		t.Error("the new address was never dialed")
	}
}
