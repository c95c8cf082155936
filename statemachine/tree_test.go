package statemachine_test

import (
	"slices"
	"testing"

	"kvs/statemachine"
)

// forest starts a node with more peers than it pushes to directly: p to w.
func forest(t *testing.T) *host {
	h := member(t, 'a', func(c *statemachine.Config) { c.DirectFanout = 6 })
	for _, p := range "pqrstuvw" {
		h.meet(byte(p))
	}
	return h
}

// told lists the peers that messages of one kind go to, in order.
func told(effects []statemachine.Effect, kind statemachine.Kind) string {
	var to []byte
	for _, e := range effects {
		if s, ok := e.(statemachine.Send); ok && s.Msg.Kind() == kind {
			to = append(to, s.To[0])
		}
	}
	slices.Sort(to)
	return string(to)
}

// pushed writes once and lists who is told of it.
func (h *host) pushed(key string) string {
	return told(append(h.write(1, key), h.settle()...), statemachine.KindPush)
}

// TestManyPeersArePushedToThroughATree: up to the bound every peer is pushed to;
// with one more a few are chosen and told so, and only these are pushed to; when
// the peers are fewer again, all are.
func TestManyPeersArePushedToThroughATree(t *testing.T) {
	h := member(t, 'a', func(c *statemachine.Config) { c.DirectFanout = 6 })
	for _, p := range "pqrstu" {
		if got := told(h.meet(byte(p)), statemachine.KindGraft); got != "" {
			t.Fatalf("%s were grafted with few peers", got)
		}
	}
	if got := h.pushed("few"); got != "pqrstu" {
		t.Fatalf("pushed to %s", got)
	}
	eager := told(h.meet('v'), statemachine.KindGraft)
	if len(eager) != 4 {
		t.Fatalf("%q were grafted", eager)
	}
	for _, p := range "pqrstu" { // or what they owe would be pushed again
		h.hear(byte(p), statemachine.Ack{Have: h.vv()})
	}
	if got := h.pushed("many"); got != eager {
		t.Fatalf("pushed to %s, grafted were %s", got, eager)
	}
	h.step(statemachine.PeerDown{Peer: id('v')})
	if got := h.pushed("few again"); got != "pqrstu" {
		t.Errorf("pushed to %s after the peers were fewer", got)
	}
}

// TestNewsIsPassedOnOnce: what an eager peer relays is passed on to the other
// eager ones, durable first, and no more than that: not to where it came from,
// and not a second time.
func TestNewsIsPassedOnOnce(t *testing.T) {
	h := forest(t)
	for _, p := range "pqrstuvw" {
		h.hear(byte(p), statemachine.Prune{})
	}
	h.hear('p', statemachine.Graft{})
	h.hear('q', statemachine.Graft{})
	h.hear('r', statemachine.Graft{})
	news := statemachine.Push{Entries: newStore('z').adopt().put("x"), Relayed: true}
	if got := told(h.hear('p', news), statemachine.KindPush); got != "" {
		t.Fatalf("passed on to %s before it was durable", got)
	}
	if got := h.settle(); told(got, statemachine.KindPush) != "qr" || told(got, statemachine.KindAck) != "" {
		t.Fatalf("passed on to %s, acknowledged to %q", told(got, statemachine.KindPush),
			told(got, statemachine.KindAck))
	}
	if h.has("x") == "" {
		t.Fatalf("not stored")
	}
	for range 2 {
		if got := append(h.hear('q', news), h.settle()...); len(got) > 0 {
			t.Fatalf("%s by a copy", brief(got[0]))
		}
	}
	if got := told(h.hear('q', news), statemachine.KindPrune); got != "q" {
		t.Fatalf("%q were pruned after three copies", got)
	}
	if got := h.pushed("own"); got != "pr" {
		t.Errorf("pushed to %s after q was pruned", got)
	}
}

// TestDirectPushIsPassedOnToo: a node passes on what an origin pushes to it, to
// whoever has asked for that, even if it has few peers itself.
func TestDirectPushIsPassedOnToo(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	h.meet('q')
	h.meet('r')
	h.hear('q', statemachine.Graft{})
	h.hear('p', statemachine.Push{Entries: newStore('p').adopt().put("x")})
	got := h.settle()
	if told(got, statemachine.KindPush) != "q" || told(got, statemachine.KindAck) != "p" {
		t.Errorf("passed on to %q, acknowledged to %q", told(got, statemachine.KindPush),
			told(got, statemachine.KindAck))
	}
}

// TestPrunedNodeGrowsABranch: a node that was pruned by all is back in the tree
// by the next digest, and who hears from a digest that news is overdue grafts
// the link on which it heard of it.
func TestPrunedNodeGrowsABranch(t *testing.T) {
	h := forest(t)
	for _, p := range "pqrstuvw" {
		h.hear(byte(p), statemachine.Prune{})
	}
	if got := told(h.answering(1_100, ""), statemachine.KindGraft); len(got) != 1 {
		t.Fatalf("%q were grafted", got)
	}
	z := newStore('z').adopt()
	z.put("x")
	late := statemachine.Digest{VV: z.vv(), Sum: h.node.Status().Sum}
	for _, p := range "pqrstuvw" {
		h.hear(byte(p), statemachine.Prune{})
	}
	h.hear('u', late)
	h.now.Mono += 600
	if got := told(h.hear('w', late), statemachine.KindGraft); got != "w" {
		t.Errorf("%q were grafted by overdue news", got)
	}
}

// TestRelayCannotForgeThisRun: an entry that poses as a write of this very run
// is neither stored nor claimed nor passed on.
func TestRelayCannotForgeThisRun(t *testing.T) {
	h := forest(t)
	h.hear('p', statemachine.Graft{})
	h.hear('q', statemachine.Graft{})
	es := newStore('z').adopt().put("x")
	es[0].Dot.Stream = h.snap.Stream
	h.hear('p', statemachine.Push{Entries: es, Relayed: true})
	if got := told(h.settle(), statemachine.KindPush); got != "" || h.has("x") != "" || h.vv().Contains(es[0].Dot) {
		t.Errorf("passed on to %q, stored %q", got, h.has("x"))
	}
}

// TestOldLoserIsNotPassedOn: an entry from long ago that loses to what is stored
// here stays here, and its dot is known; others may have collected what it lost to.
func TestOldLoserIsNotPassedOn(t *testing.T) {
	h := forest(t)
	h.hear('p', statemachine.Graft{})
	h.hear('q', statemachine.Graft{})
	z := newStore('z').adopt()
	es := z.put("x", "x")
	h.hear('p', statemachine.Push{Entries: es[1:], Relayed: true})
	h.settle()
	h.now.Mono += 6_000
	h.now.Wall += 6_000
	h.hear('p', statemachine.Push{Entries: es[:1], Relayed: true})
	if got := told(h.settle(), statemachine.KindPush); got != "" || !h.vv().Contains(es[0].Dot) {
		t.Errorf("passed on to %q, known %v", got, h.vv().Contains(es[0].Dot))
	}
}

// TestRegraftedPeerStartsAtTheEnd: what was written while a peer was not pushed
// to came to it through the tree, and is not pushed again.
func TestRegraftedPeerStartsAtTheEnd(t *testing.T) {
	h := forest(t)
	h.hear('p', statemachine.Graft{})
	h.hear('p', statemachine.Prune{})
	h.pushed("meanwhile")
	h.now.Mono += 6_000
	if got := told(h.hear('p', statemachine.Graft{}), statemachine.KindPush); got != "" {
		t.Errorf("%s was pushed old news", got)
	}
	for _, m := range sends[statemachine.Push](append(h.write(1, "later"), h.settle()...)) {
		if key := m.Entries[len(m.Entries)-1].Key; key != "later" {
			t.Errorf("pushed %s", key)
		}
	}
}
