package statemachine_test

import (
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// TestClaimOfOwnStreamDoesNotStopTheNode: a peer that claims writes of this
// node's running stream which it never made, by malice or because this process
// runs on from a copied memory image, must not make it panic at its next
// writes. A delta that claims three dots too many.
func TestClaimOfOwnStreamDoesNotStopTheNode(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	h.write(1, "x")
	h.settle()
	var claim keyspace.VV
	for seq := range keyspace.Seq(4) {
		claim.Add(keyspace.Dot{Stream: h.snap.Stream, Seq: seq + 1})
	}
	asked := h.hear('p', statemachine.Digest{VV: claim})
	h.hear('p', statemachine.Delta{Session: need(t, asked).Session, Done: true, VV: claim})
	h.settle()
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("panic: %v", p)
		}
	}()
	wantWorking(t, h)
}
