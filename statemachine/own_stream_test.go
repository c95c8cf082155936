package statemachine_test

import (
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// TestClaimOfOwnStreamDoesNotStopTheNode: a peer that claims writes of this
// node's running stream which it never made, by malice or because this process
// runs on from a copied memory image, must not make it panic at its next
// writes. The claim comes in a digest, and in a delta that another stream was
// the reason for.
func TestClaimOfOwnStreamDoesNotStopTheNode(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	h.write(1, "x")
	h.settle()
	var lie, reason keyspace.VV
	for seq := range keyspace.Seq(4) {
		lie.Add(keyspace.Dot{Stream: h.snap.Stream, Seq: seq + 1})
	}
	reason.Add(keyspace.Dot{Stream: keyspace.Stream{Replica: id('p')}, Seq: 1})
	if out := h.hear('p', statemachine.Digest{VV: lie}); len(sends[statemachine.Need](out)) > 0 {
		t.Error("it asks for writes that it never made")
	}
	asked := h.hear('p', statemachine.Digest{VV: reason})
	h.hear('p', statemachine.Delta{Session: need(t, asked).Session, Done: true, VV: lie})
	h.settle()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("panic: %v", p)
		}
	}()
	wantWorking(t, h)
}
