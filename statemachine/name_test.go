package statemachine_test

import (
	"testing"

	"kvs/statemachine"
)

// refused says how a write of a client ends.
func (h *host) refused(t *testing.T) statemachine.Refusal {
	t.Helper()
	for _, e := range append(h.write(1, "k"), h.settle()...) {
		if r, ok := e.(statemachine.Respond); ok {
			return r.Result.Refused
		}
	}
	t.Fatalf("no answer")
	return 0
}

// namesake is a peer with the name of node a.
func namesake(name byte, joined statemachine.Millis) statemachine.Hello {
	return hello(name, func(h *statemachine.Hello) { h.Member.Name, h.Member.Joined = "a", joined })
}

// TestLaterOfTwoNamesakesServesNoWrites: while an older member with its name is
// there, a node refuses client writes and says who it is; the older one goes on.
// Of two that joined at one time, the greater identity yields.
func TestLaterOfTwoNamesakesServesNoWrites(t *testing.T) {
	for _, c := range []struct {
		name   byte
		joined statemachine.Millis
		want   statemachine.Refusal
	}{
		{'p', epoch - 1, statemachine.RefusedName},
		{'p', epoch, statemachine.RefusedNot},
		{'A', epoch, statemachine.RefusedName},
		{'p', epoch + 1, statemachine.RefusedNot},
	} {
		h := member(t, 'a', nil)
		h.step(statemachine.PeerUp{Hello: namesake(c.name, c.joined)})
		if got := h.refused(t); got != c.want {
			t.Errorf("%c joined at %d: %v", c.name, c.joined-epoch, got)
		}
		conflict := h.node.Status().NameConflict
		if (len(conflict) == 1 && conflict[0].Replica == id(c.name)) != (c.want == statemachine.RefusedName) {
			t.Errorf("%c joined at %d: the status names %v", c.name, c.joined-epoch, conflict)
		}
	}
}

// TestNamesakeThatIsGoneIsReplaced: the later one serves writes again when the
// older is unreachable, and stops when that returns.
func TestNamesakeThatIsGoneIsReplaced(t *testing.T) {
	h := member(t, 'a', nil)
	older := namesake('p', epoch-1)
	for range 2 {
		h.step(statemachine.PeerUp{Hello: older})
		h.answering(2_000, "")
		if got := h.refused(t); got != statemachine.RefusedName {
			t.Fatalf("beside it: %v", got)
		}
		h.step(statemachine.PeerDown{Peer: id('p')})
		if got := h.refused(t); got != statemachine.RefusedName {
			t.Fatalf("just after it was seen: %v", got)
		}
		h.answering(15_000, "p")
		if got := h.refused(t); got != statemachine.RefusedNot || len(h.node.Status().NameConflict) > 0 {
			t.Fatalf("long after: %v", got)
		}
	}
}

// TestHearsayTakesNoName: only who is connected or has answered can be in the
// way; what a table says of a member that nobody reaches is not enough.
func TestHearsayTakesNoName(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('q')
	ghost := namesake('p', epoch-1).Member
	ghost.Replica, ghost.Boot = id('p'), statemachine.Boot{Count: 1}
	h.hear('q', statemachine.Table{Members: []statemachine.Member{ghost}})
	if got := h.refused(t); got != statemachine.RefusedNot {
		t.Fatalf("by hearsay: %v", got)
	}
	for range 20 {
		for _, m := range sends[statemachine.PingReq](h.answering(1_000, "")) {
			h.hear('q', statemachine.PingAck{Seq: m.Seq, Target: id('p')})
		}
	}
	if got := h.refused(t); got != statemachine.RefusedName {
		t.Fatalf("after it has answered through another: %v", got)
	}
}
