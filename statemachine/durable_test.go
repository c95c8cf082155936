package statemachine_test

import (
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

func async(c *statemachine.Config) { c.Async, c.Collect = true, 100 }

// barrier tells a node that all is durable which its store has applied, of batches up
// to this one.
func (h *host) barrier(batch keyspace.BatchID) []statemachine.Effect {
	return h.step(statemachine.Synced{Batch: batch, VV: h.vv()})
}

// said is the node's own report as it would give it to a peer that knows none.
func (h *host) said() (vv keyspace.VV) {
	asked := statemachine.Reports{Have: []statemachine.ReportID{{Replica: id('p')}}}
	for _, m := range sends[statemachine.Reports](h.hear('p', asked)) {
		for _, r := range m.Reports {
			if r.Replica == h.snap.Identity.Replica {
				vv = r.VV
			}
		}
	}
	return vv
}

// lastBatch is the newest batch that was handed to the store.
func lastBatch(effects []statemachine.Effect) (last keyspace.BatchID) {
	for _, e := range effects {
		if a, ok := e.(statemachine.Apply); ok {
			last = max(last, a.Batch.ID)
		}
	}
	return last
}

// TestAsyncSaysDurableAfterTheBarrier: with Async a write is answered and pushed once it
// is applied; but no copy is counted, none acknowledged as durable, and none reported,
// before a barrier covers it.
func TestAsyncSaysDurableAfterTheBarrier(t *testing.T) {
	h, p := member(t, 'a', async), newStore('p').adopt()
	h.meet('p')
	want(t, h.write(1, "plain"), "apply 1 writes")
	want(t, h.finish(), "respond 1: accepted", "Push 1 to p")
	wants := statemachine.ClientWrites{Writes: []statemachine.ClientWrite{
		{Request: 2, Write: keyspace.Write{Key: "sure"}, Acks: 1, Wait: 5_000},
	}}
	out := h.step(wants)
	last := lastBatch(out)
	want(t, h.finish(), "Stored", "Push 1 to p")
	own := keyspace.Dot{Stream: h.snap.Stream, Seq: 2}
	theirs := p.put("x")[0]
	out = h.hear('p', statemachine.Push{Entries: []keyspace.Entry{theirs}})
	last = max(last, lastBatch(out))
	if acks := sends[statemachine.Ack](h.finish()); len(acks) != 1 || acks[0].Unsynced != 1 {
		t.Fatalf("acknowledged %v", acks)
	}
	for range 5 {
		out = h.tick(200)
		out = append(out, h.settle()...)
		last = max(last, lastBatch(out))
	}
	if vv := h.said(); vv.Contains(own) || vv.Contains(theirs.Dot) {
		t.Fatalf("reported %v before a barrier", vv)
	}
	if d := h.node.Status().Durable; d.Contains(own) || !h.node.Status().VV.Contains(own) {
		t.Fatalf("durable before a barrier: %v", d)
	}
	out = h.barrier(last)
	acks := sends[statemachine.Ack](out)
	if len(acks) != 1 || acks[0].Unsynced != 0 || !acks[0].Have.Contains(theirs.Dot) {
		t.Fatalf("acknowledged %v", acks)
	}
	r, ok := out[len(out)-1].(statemachine.Respond)
	if !ok || r.Request != 2 || r.Result.Copies != 1 || r.Result.Short {
		t.Fatalf("the barrier answers %v", out[len(out)-1])
	}
	h.tick(200)
	if vv := h.said(); !vv.Contains(own) || !vv.Contains(theirs.Dot) {
		t.Fatalf("reported %v after it", vv)
	}
}

// TestCopiesAreDurableOnes: of what a peer says that it has, the part counts as a copy
// that no crash takes from it.
func TestCopiesAreDurableOnes(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	h.step(statemachine.ClientWrites{Writes: []statemachine.ClientWrite{
		{Request: 1, Write: keyspace.Write{Key: "k"}, Acks: 2, Wait: 5_000},
	}})
	want(t, h.finish(), "Stored", "Push 1 to p")
	ack := h.ack(1)
	ack.Unsynced = 1
	want(t, h.hear('p', ack))
	want(t, h.hear('p', statemachine.Digest{VV: h.vv(), Sum: h.node.Status().Sum, Async: true}))
	full := statemachine.Digest{VV: h.vv(), Sum: h.node.Status().Sum, Async: true, Durable: h.vv()}
	want(t, h.hear('p', full), "respond 1: accepted")
}

// TestMachineCrashUnderAsync: after a restart of the machine a node asks the first peer for
// what it may have lost, and takes no writes until it has that; alone it serves.
func TestMachineCrashUnderAsync(t *testing.T) {
	sa, sb := newStore('a').adopt(), newStore('b').adopt()
	sa.execute(&keyspace.Batch{Now: epoch, Members: []keyspace.Member{{Replica: id('b'), Name: "b", Addr: "b:1", Joined: epoch}}})
	known := sa.state.Watermark()
	sa.disk.Remember(16)
	sb.execute(&keyspace.Batch{Now: epoch, Entries: sa.put("x"), Claim: &keyspace.Claim{VV: sa.vv()}})
	sb.disk.View(func(r keyspace.Reader) { sb.snap = sb.state.Snapshot(r) })
	sa.disk.LoseTail(1)
	sa.run++
	sa.state, sa.snap = keyspace.Open(sa.disk.Update, keyspace.Birth{
		Epoch: keyspace.Epoch{sa.run, 'a'}, Boot: [8]byte{sa.run}, Known: known, Unsynced: true,
	}, keyspace.MutantNone)
	w := newWire(t, newHost(t, sa, async), newHost(t, sb, nil))
	w.pass(1_000)
	a := w.host('a')
	if s := a.node.Status(); s.Loss.Kind != keyspace.LossUnsynced || s.Mode != statemachine.ModeNormal {
		t.Fatalf("alone, a is %v and knows of %v", s.Mode, s.Loss)
	}
	modes := map[statemachine.Mode]bool{}
	w.applied = func(h *host, e statemachine.Apply) { modes[a.node.Status().Mode] = true }
	w.connect('a', 'b')
	w.pass(5_000)
	w.wantEqual()
	s := a.node.Status()
	if s.Loss.Kind != keyspace.LossNone || s.Mode != statemachine.ModeNormal || a.has("x") != "of x" {
		t.Fatalf("connected, a is %v, knows of %v and holds %q", s.Mode, s.Loss, a.has("x"))
	}
	if !modes[statemachine.ModeSyncing] {
		t.Error("it took writes before it had what its peer had")
	}
}
