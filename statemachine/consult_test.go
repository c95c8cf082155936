package statemachine_test

import (
	"testing"

	"kvs/statemachine"
)

// doneOf lists the commands that some effects end, with the reasons of their refusal.
func doneOf(effects []statemachine.Effect) (out []statemachine.Done) {
	for _, e := range effects {
		if d, ok := e.(statemachine.Done); ok {
			out = append(out, d)
		}
	}
	return out
}

// TestPeerReadWaitsForEach: a read of three replicas ends when both others have
// answered, each once, and what one of them has is stored by then.
func TestPeerReadWaitsForEach(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	h.meet('q')
	e := newStore('p').adopt().put("k")
	asked := h.step(statemachine.PeerRead{Request: 7, Key: "k", N: 3, Wait: 1_000})
	session := uint64(0)
	for _, e := range asked {
		if s, ok := e.(statemachine.Send); ok {
			session = s.Msg.(statemachine.Get).Session
		}
	}
	if session == 0 {
		t.Fatalf("nobody is asked: %v", asked)
	}
	answer := func(name byte, es ...statemachine.Entry) []statemachine.Done {
		return doneOf(append(h.hear(name, statemachine.Got{Session: session, Entries: es}), h.settle()...))
	}
	if done := answer('p', e...); len(done) > 0 {
		t.Fatalf("ended after one answer: %v", done)
	}
	if done := answer('p'); len(done) > 0 {
		t.Fatalf("ended after two answers of one peer: %v", done)
	}
	done := answer('q')
	if len(done) != 1 || done[0].Request != 7 || done[0].Result.Refused != statemachine.RefusedNot || h.has("k") != "of k" {
		t.Fatalf("%v, k is %q", done, h.has("k"))
	}
	if done := answer('q'); len(done) > 0 {
		t.Errorf("ended twice: %v", done)
	}
}

// TestPeerReadGivesUp: without enough peers a read is refused at once, and without their
// answers in its time.
func TestPeerReadGivesUp(t *testing.T) {
	h := member(t, 'a', nil)
	read := func(n int) []statemachine.Done {
		return doneOf(h.step(statemachine.PeerRead{Request: 7, Key: "k", N: n, Wait: 500}))
	}
	if done := read(1); len(done) != 1 || done[0].Result.Refused != statemachine.RefusedNot {
		t.Errorf("of this replica alone: %v", done)
	}
	if done := read(2); len(done) != 1 || done[0].Result.Refused != statemachine.RefusedTimeout {
		t.Errorf("without a peer: %v", done)
	}
	h.meet('p')
	if done := read(2); len(done) > 0 {
		t.Fatalf("ended without an answer: %v", done)
	}
	if done := doneOf(h.tick(499)); len(done) > 0 {
		t.Errorf("gives up too early: %v", done)
	}
	if done := doneOf(h.tick(1)); len(done) != 1 || done[0].Result.Refused != statemachine.RefusedTimeout {
		t.Errorf("after its time: %v", done)
	}
}

// TestAwaitEnds: a read waits until its session is shown, and no longer than it wants.
func TestAwaitEnds(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	es := newStore('p').adopt().put("x", "y")
	await := func(seq statemachine.Seq) []statemachine.Done {
		in := statemachine.Await{Request: 9, Wait: 300}
		in.Session.Saw(statemachine.Dot{Stream: es[0].Dot.Stream, Seq: seq}, epoch, statemachine.Stream.Hash)
		return doneOf(h.step(in))
	}
	if done := await(2); len(done) > 0 {
		t.Fatalf("ended before anything came: %v", done)
	}
	if done := doneOf(append(h.hear('p', statemachine.Push{Entries: es[1:]}), h.settle()...)); len(done) > 0 {
		t.Fatalf("ended over a gap: %v", done)
	}
	done := doneOf(append(h.hear('p', statemachine.Push{Entries: es[:1]}), h.settle()...))
	if len(done) != 1 || done[0].Result.Refused != statemachine.RefusedNot {
		t.Fatalf("all has come: %v", done)
	}
	if done := await(1); len(done) != 1 || done[0].Result.Refused != statemachine.RefusedNot {
		t.Errorf("what is shown: %v", done)
	}
	if done := await(3); len(done) > 0 {
		t.Fatalf("what nobody has: %v", done)
	}
	if done := doneOf(h.tick(300)); len(done) != 1 || done[0].Result.Refused != statemachine.RefusedTimeout {
		t.Errorf("after its time: %v", done)
	}
}
