package statemachine_test

import (
	"slices"
	"strings"
	"testing"

	"kvs/statemachine"
)

// tuned gives the node other settings.
func (h *host) tuned(change func(*statemachine.Tuning)) []statemachine.Effect {
	t := statemachine.DefaultConfig().Tuning
	change(&t)
	return h.step(statemachine.SetConfig{Request: 9, Tuning: t})
}

// TestTuningTakesEffectAtOnce: a shorter interval does not wait for the longer one that
// runs, and a longer one begins anew.
func TestTuningTakesEffectAtOnce(t *testing.T) {
	h, p := member(t, 'a', nil), newStore('p').adopt()
	h.meet('p')
	h.hear('p', digestOf(p))
	h.settle()
	begun := func(ms statemachine.Millis) bool {
		for range ms / 100 {
			if slices.ContainsFunc(h.tick(100), func(e statemachine.Effect) bool {
				return strings.Contains(statemachine.Print(e), "Table")
			}) {
				return true
			}
		}
		return false
	}
	begun(5_000) // what it tells a new peer
	if begun(20_000) {
		t.Fatal("the table went out long before its time")
	}
	want(t, h.tuned(func(c *statemachine.Tuning) { c.GossipMin, c.GossipMax = 1_000, 2_000 }), "Done")
	if !begun(2_100) {
		t.Error("the new interval did not count")
	}
}

// TestTuningMovesMembersOn: the silences of the members view count from when a member was
// last heard, whatever was set then.
func TestTuningMovesMembersOn(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	h.step(statemachine.PeerDown{Peer: id('p')})
	h.tick(60_000)
	if s := h.row('p').State; s != statemachine.MemberAlive {
		t.Fatalf("after a minute: %v", s)
	}
	h.tuned(func(c *statemachine.Tuning) { c.FailedAfter, c.RemovedAfter = 30_000, 90_000 })
	h.tick(10)
	if s := h.row('p').State; s != statemachine.MemberFailed {
		t.Errorf("after the change: %v", s)
	}
	h.tick(60_000)
	for _, m := range h.node.Status().Members {
		if m.Replica == id('p') {
			t.Errorf("a minute later it is listed as %v", m.State)
		}
	}
}

// TestTuningAndMode: the mode that an operator has switched stands until another one is
// configured.
func TestTuningAndMode(t *testing.T) {
	h := member(t, 'a', nil)
	same := func(*statemachine.Tuning) {}
	h.step(statemachine.SetMode{Request: 1, ReadOnly: true})
	h.tuned(same)
	if !h.node.Status().ReadOnly {
		t.Error("a change of other settings ended read-only mode")
	}
	h.step(statemachine.SetMode{Request: 2})
	h.tuned(func(c *statemachine.Tuning) { c.ReadOnly = true })
	if !h.node.Status().ReadOnly {
		t.Error("the configured mode did not count")
	}
	h.tuned(same)
	if h.node.Status().ReadOnly {
		t.Error("the configured mode did not count again")
	}
}
