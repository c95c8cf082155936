package statemachine_test

import (
	"reflect"
	"testing"

	"kvs/statemachine"
)

// TestModeSwitchesWhileRunning: client writes are refused from the command on
// and accepted again after the next; those under way are still carried out, and
// peers are told nothing.
func TestModeSwitchesWhileRunning(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	want(t, h.write(1, "x"), "apply 1 writes")
	before := h.node.Hello()
	want(t, h.step(statemachine.SetMode{Request: 7, ReadOnly: true}), "Done")
	want(t, h.write(2, "y"), "respond 2: read-only")
	if s := h.node.Status(); s.Mode != statemachine.ModeReadOnly || !s.ReadOnly {
		t.Errorf("in mode %v, read-only %v", s.Mode, s.ReadOnly)
	}
	want(t, h.finish(), "respond 1: accepted", "Push 1 to p")
	want(t, h.step(statemachine.SetMode{Request: 8}), "Done")
	want(t, h.write(3, "y"), "apply 1 writes")
	if s := h.node.Status(); s.Mode != statemachine.ModeNormal || s.ReadOnly || !reflect.DeepEqual(h.node.Hello(), before) {
		t.Errorf("in mode %v, read-only %v, greets with %v", s.Mode, s.ReadOnly, h.node.Hello())
	}
}

// row is what the members view says of another member.
func (h *host) row(name byte) statemachine.MemberView {
	for _, m := range h.node.Status().Members {
		if m.Replica == id(name) {
			return m
		}
	}
	h.t.Fatalf("no member %c", name)
	return statemachine.MemberView{}
}

// TestStatusShowsHowFarPeersAreApart: by the peer's last digest, what either side
// lacks, since when, and whether the data are equal; and what was pushed and not
// acknowledged.
func TestStatusShowsHowFarPeersAreApart(t *testing.T) {
	h, p := member(t, 'a', nil), newStore('p').adopt()
	h.meet('p')
	if r := h.row('p'); r.Digested != 0 || r.EqualRoot || r.Missing != 0 {
		t.Errorf("before the first digest: %+v", r)
	}
	h.tick(1_000)
	h.hear('p', digestOf(p))
	since := h.now.Wall
	if r := h.row('p'); r.Digested != since || !r.EqualRoot || r.Lacks != 0 || r.BehindSince != 0 {
		t.Errorf("both empty: %+v", r)
	}
	es := p.put("x", "y", "z")
	h.hear('p', digestOf(p))
	h.write(1, "own")
	h.settle()
	h.tick(500)
	h.hear('p', digestOf(p))
	r := h.row('p')
	if r.Missing != 3 || r.Lacks != 1 || r.BehindSince != since || r.EqualRoot || r.UnackedBytes == 0 {
		t.Errorf("three writes there, one here: %+v", r)
	}
	h.hear('p', statemachine.Push{Entries: es})
	h.settle()
	h.hear('p', h.ack(1))
	if r := h.row('p'); r.Missing != 0 || r.BehindSince != 0 || r.UnackedBytes != 0 {
		t.Errorf("after the push: %+v", r)
	}
	p.put("v")
	h.tick(500)
	h.hear('p', digestOf(p))
	if r := h.row('p'); r.Missing != 1 || r.BehindSince != h.now.Wall {
		t.Errorf("behind anew: %+v", r)
	}
}
