package statemachine_test

import (
	"slices"
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// reopenKnowing starts the store again, with the watermark of the run before.
func (s *store) reopenKnowing(known keyspace.Watermark) {
	s.run++
	s.state, s.snap = keyspace.Open(s.disk.Update, keyspace.Birth{
		Replica: id(s.name), Epoch: keyspace.Epoch{s.run, s.name}, Boot: [8]byte{s.run}, Known: known,
	}, keyspace.MutantNone)
}

// TestLostTailIsMendedByAPeer: a node whose store lost its newest batches says
// so, takes them back from a peer that has them, and then forgets the loss, also
// in its store. Without a peer the loss stays.
func TestLostTailIsMendedByAPeer(t *testing.T) {
	sa, sb := newStore('a').adopt(), newStore('b').adopt()
	sa.disk.Remember(16)
	for _, key := range []string{"x", "y", "z"} {
		sb.execute(&keyspace.Batch{
			Now: epoch, Entries: sa.put(key), Claim: &keyspace.Claim{VV: sa.vv()},
		})
	}
	sb.disk.View(func(r keyspace.Reader) { sb.snap = sb.state.Snapshot(r) })
	known := sa.state.Watermark()
	sa.disk.LoseTail(2)
	sa.reopenKnowing(known)
	w := newWire(t, newHost(t, sa, nil), newHost(t, sb, nil))
	w.pass(60_000)
	a := w.host('a')
	loss := keyspace.Loss{Kind: keyspace.LossTail, From: known.Batch - 1, To: known.Batch}
	if got := a.node.Status().Loss; got != loss || a.has("z") != "" {
		t.Fatalf("alone, a knows of %v and holds %q; want %v", got, a.has("z"), loss)
	}
	w.connect('a', 'b')
	w.pass(5_000)
	w.wantEqual()
	if got := a.node.Status().Loss; got.Kind != keyspace.LossNone || a.has("z") != "of z" {
		t.Fatalf("connected, a still knows of %v and holds %q", got, a.has("z"))
	}
	for _, e := range []statemachine.Event{
		statemachine.DataLost{Loss: loss}, statemachine.LossMended{Peer: id('b'), Loss: loss},
	} {
		if !slices.Contains(w.events, e) {
			t.Errorf("nobody was told: %s", statemachine.Print(e))
		}
	}
	sa.reopenKnowing(sa.state.Watermark())
	if sa.snap.Loss.Kind != keyspace.LossNone {
		t.Errorf("the next start finds %v", sa.snap.Loss)
	}
}
