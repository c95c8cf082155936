package statemachine_test

import (
	"bytes"
	"fmt"
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// ack is what a peer says that has everything of a node's stream up to head.
func (h *host) ack(head keyspace.Seq) statemachine.Ack {
	var vv keyspace.VV
	for seq := range head {
		vv.Add(keyspace.Dot{Stream: h.snap.Stream, Seq: seq + 1})
	}
	return statemachine.Ack{Have: vv}
}

// writeGreat lets clients write n values of so many bytes, a batch each, and
// returns the pushes that left.
func (h *host) writeGreat(n, bytesEach int) (out []statemachine.Push) {
	for i := range n {
		h.step(statemachine.ClientWrites{Writes: []statemachine.ClientWrite{{
			Write: keyspace.Write{Key: fmt.Sprint("great", i), Value: bytes.Repeat([]byte("x"), bytesEach)},
		}}})
		out = append(out, sends[statemachine.Push](h.settle())...)
	}
	return out
}

// TestPushLeavesOnceDurable: a write is answered and pushed when its batch is
// applied, not before, and not again when it was acknowledged.
func TestPushLeavesOnceDurable(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	want(t, h.write(1, "x", "y"), "apply 2 writes")
	want(t, h.finish(), "respond 1: accepted", "respond 2: accepted", "Push 2 to p")
	want(t, h.hear('p', h.ack(2)))
	want(t, h.write(3, "z"), "apply 1 writes")
	pushes := sends[statemachine.Push](h.finish())
	if len(pushes) != 1 || len(pushes[0].Entries) != 1 || pushes[0].Entries[0].Key != "z" {
		t.Fatalf("pushed %v, want z alone", pushes)
	}
}

// TestReceiverAcknowledgesWhatIsDurable: a push is answered after its batch, by
// what this node then has of that stream.
func TestReceiverAcknowledgesWhatIsDurable(t *testing.T) {
	h, p := member(t, 'a', nil), newStore('p').adopt()
	h.meet('p')
	es := p.put("x", "y", "z")
	want(t, h.hear('p', statemachine.Push{Entries: es[:1]}), "apply 1 entries")
	want(t, h.finish(), "Ack to p")
	want(t, h.hear('p', statemachine.Push{Entries: es[2:]}), "apply 1 entries")
	acks := sends[statemachine.Ack](h.finish())
	if len(acks) != 1 || !acks[0].Have.Contains(es[2].Dot) || acks[0].Have.Contains(es[1].Dot) {
		t.Fatalf("acknowledged %v", acks)
	}
}

// TestForeignOrEmptyPushIsMalformed: nobody pushes the writes of others.
func TestForeignOrEmptyPushIsMalformed(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	want(t, h.hear('p', statemachine.Push{Entries: newStore('q').adopt().put("x")}))
	want(t, h.hear('p', statemachine.Push{}))
	if got := h.node.Status().Stats.DroppedMalformed; got != 2 {
		t.Fatalf("%d counted, want 2", got)
	}
}

// TestUnansweredPushIsRepeated: without an acknowledgement everything since the
// last one leaves again after half a second, then ever more rarely, up to 4 s.
func TestUnansweredPushIsRepeated(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	h.write(1, "x", "y")
	h.settle()
	h.hear('p', h.ack(1))
	last := h.now.Mono
	for _, gap := range []statemachine.Millis{500, 1000, 2000, 4000, 4000} {
		var pushes []statemachine.Push
		for len(pushes) == 0 && h.now.Mono < last+10_000 {
			pushes = sends[statemachine.Push](h.tick(max(h.node.Deadline()-h.now.Mono, 0)))
		}
		if h.now.Mono-last != gap || len(pushes[0].Entries) != 1 || pushes[0].Entries[0].Key != "y" {
			t.Fatalf("after %d ms %v, want y after %d ms", h.now.Mono-last, pushes, gap)
		}
		last = h.now.Mono
	}
	if got := h.node.Status().Stats.PushRetries; got != 5 {
		t.Errorf("%d retries counted", got)
	}
	h.hear('p', h.ack(2))
	for range 30 {
		if len(sends[statemachine.Push](h.tick(1000))) > 0 {
			t.Fatal("pushed again what was acknowledged")
		}
	}
}

// TestClosedWindowHoldsPushesBack: a silent peer is sent no more than its
// window, and an acknowledgement opens it again.
func TestClosedWindowHoldsPushesBack(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	const window, each = 16 << 20, 1 << 20
	sent := len(h.writeGreat(24, each))
	if sent*each < window || sent*each > window+each {
		t.Fatalf("%d values of %d bytes were pushed into a window of %d", sent, each, window)
	}
	opened := sends[statemachine.Push](h.hear('p', h.ack(4)))
	if len(opened) != 4 || opened[0].Entries[0].Dot.Seq != keyspace.Seq(sent+1) {
		t.Fatalf("%d pushes after an acknowledgement of 4", len(opened))
	}
}

// TestPushIsBounded: many writes leave as several pushes.
func TestPushIsBounded(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	var keys []string
	for i := range keyspace.BatchWritesMax {
		keys = append(keys, fmt.Sprint("k", i))
	}
	h.write(1, keys...)
	total := 0
	pushes := sends[statemachine.Push](h.settle())
	for _, p := range pushes {
		total += len(p.Entries)
	}
	if len(pushes) < 2 || total != len(keys) {
		t.Fatalf("%d entries in %d pushes", total, len(pushes))
	}
}

// TestPeerBehindTheRingIsLeftToDeltas: when the ring has forgotten what a silent
// peer lacks, the gap is not pushed any more; newer writes are.
func TestPeerBehindTheRingIsLeftToDeltas(t *testing.T) {
	h := member(t, 'a', func(c *statemachine.Config) { c.RingBytes = 10_000 })
	h.meet('p')
	h.writeGreat(30, 1000)
	if got := h.tick(500); len(sends[statemachine.Push](got)) != 0 {
		t.Fatal("pushed again what the ring has forgotten")
	}
	if got := h.node.Status().Stats.RingOverruns; got != 1 {
		t.Fatalf("%d overruns counted", got)
	}
	h.write(1, "new")
	pushes := sends[statemachine.Push](h.settle())
	if len(pushes) != 1 || pushes[0].Entries[0].Key != "new" {
		t.Fatalf("pushed %v, want the new write alone", pushes)
	}
}

// TestNewPeerStartsAtTheEndOfTheRing: what was written before a peer was first
// met is not pushed; on a second connection push goes on at the last
// acknowledgement.
func TestNewPeerStartsAtTheEndOfTheRing(t *testing.T) {
	h := member(t, 'a', nil)
	h.write(1, "before")
	h.settle()
	if got := sends[statemachine.Push](h.meet('p')); len(got) != 0 {
		t.Fatalf("pushed %v to a newcomer", got)
	}
	h.write(2, "seen")
	h.settle()
	h.hear('p', h.ack(2))
	h.step(statemachine.PeerDown{Peer: id('p')})
	h.write(3, "missed")
	h.settle()
	got := sends[statemachine.Push](h.meet('p'))
	if len(got) != 1 || len(got[0].Entries) != 1 || got[0].Entries[0].Key != "missed" {
		t.Fatalf("pushed %v, want what was missed", got)
	}
}

// TestNonsensicalAckIsIgnored: acknowledging what was never sent, or less than
// before, moves nothing.
func TestNonsensicalAckIsIgnored(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	h.write(1, "x", "y")
	h.settle()
	want(t, h.hear('p', h.ack(2)))
	want(t, h.hear('p', h.ack(9)))
	want(t, h.hear('p', h.ack(1)))
	h.write(3, "z")
	pushes := sends[statemachine.Push](h.settle())
	if len(pushes) != 1 || len(pushes[0].Entries) != 1 || pushes[0].Entries[0].Key != "z" {
		t.Fatalf("pushed %v, want z alone", pushes)
	}
}

// TestMissedWritesComeOnce: on a fresh link the digest says what is on its way by
// push, so that the peer does not ask for it as well, although the pushes are slow:
// nothing is sent twice.
func TestMissedWritesComeOnce(t *testing.T) {
	const n = 3_000
	a, b := member(t, 'a', nil), newHost(t, newStore('b'), seeded("a:1"))
	w := newWire(t, a, b)
	w.pass(1)
	w.connect('a', 'b')
	w.pass(5_000)
	w.disconnect('a', 'b')
	for i := range n {
		w.take(a, a.write(statemachine.RequestID(i+1), fmt.Sprintf("key %d", i)))
	}
	w.pass(1_000)
	pushed, asked, slow := 0, 0, true
	w.drop = func(p packet) bool {
		switch m := p.msg.(type) {
		case statemachine.Push:
			if slow {
				return true
			}
			pushed += len(m.Entries)
		case statemachine.Delta:
			asked += len(m.Entries)
		}
		return false
	}
	w.connect('a', 'b')
	w.pass(100)
	slow = false
	w.pass(10_000)
	w.wantEqual()
	if pushed != n || asked != 0 {
		t.Errorf("%d entries pushed and %d asked for, of %d", pushed, asked, n)
	}
}
