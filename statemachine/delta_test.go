package statemachine_test

import (
	"fmt"
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// digestOf is what a peer with such a store claims.
func digestOf(s *store) statemachine.Digest {
	return statemachine.Digest{VV: s.vv(), Sum: s.state.Tree().Node(keyspace.LevelRoot, 0)}
}

// need is the one question among effects.
func need(t failer, effects []statemachine.Effect) statemachine.Need {
	t.Helper()
	asked := sends[statemachine.Need](effects)
	if len(asked) != 1 {
		t.Fatalf("asked %d times", len(asked))
	}
	return asked[0]
}

// chunk is a page of a store as the answer to a question.
func (s *store) chunk(q statemachine.Need, entriesMax int) statemachine.Delta {
	p := keyspace.ReadDots(s.disk.Reader(), q.Not, q.After, entriesMax, 1<<20)
	return statemachine.Delta{
		Session: q.Session, After: q.After, Entries: p.Entries, Last: p.Last, Done: p.Done, VV: p.VV,
	}
}

// TestDeltaInOneView: what fits one view is fetched with one question and ends
// with the claim.
func TestDeltaInOneView(t *testing.T) {
	h, p := member(t, 'a', nil), newStore('p').adopt()
	h.meet('p')
	p.put("x", "y", "x")
	asked := h.hear('p', digestOf(p))
	want(t, asked, "Need to p")
	want(t, h.hear('p', p.chunk(need(t, asked), 10)), "apply 2 entries claim")
	want(t, h.finish(), "CaughtUp")
	if !h.vv().Equal(p.vv()) {
		t.Fatalf("claims %v, the source %v", h.vv(), p.vv())
	}
	want(t, h.hear('p', digestOf(p)))
}

// TestDeltaClaimsOnlyAtAPassOfOneView: chunks of a pass count for their own dots
// alone. The next pass leaves out what the source claimed when the first began,
// brings what was written meanwhile, and being one view makes the claim.
func TestDeltaClaimsOnlyAtAPassOfOneView(t *testing.T) {
	h, p := member(t, 'a', nil), newStore('p').adopt()
	h.meet('p')
	p.put("x", "y", "z", "x") // the first dot has no entry any more
	first := need(t, h.hear('p', digestOf(p)))
	atStart := p.vv()
	want(t, h.hear('p', p.chunk(first, 2)), "apply 2 entries")
	p.put("y") // while the pass is under way
	next := h.finish()
	want(t, next, "Need to p")
	if h.vv().Contains(keyspace.Dot{Stream: p.snap.Stream, Seq: 1}) {
		t.Fatal("claims a dot of which it got no entry")
	}
	want(t, h.hear('p', p.chunk(need(t, next), 2)), "apply 2 entries")
	second := need(t, h.finish())
	if !second.Not.Equal(atStart) || second.After != (keyspace.Dot{}) {
		t.Fatalf("pass 2 leaves out %v, want %v", second.Not, atStart)
	}
	want(t, h.hear('p', p.chunk(second, 2)), "apply 1 entries claim")
	want(t, h.finish(), "CaughtUp")
	if !h.vv().Equal(p.vv()) {
		t.Fatalf("claims %v, the source %v", h.vv(), p.vv())
	}
}

// TestLostChunkEndsTheDeltaWithoutClaim: the delta of which a chunk is lost ends
// after 2 s, and a straggler is not taken for an answer. Its entries stay, and
// the next digest fetches the rest.
func TestLostChunkEndsTheDeltaWithoutClaim(t *testing.T) {
	h, p := member(t, 'a', nil), newStore('p').adopt()
	h.meet('p')
	p.put("x", "y", "z", "x")
	first := need(t, h.hear('p', digestOf(p)))
	h.hear('p', p.chunk(first, 2))
	lost := need(t, h.settle())
	want(t, h.hear('p', digestOf(p)))
	for range 20 {
		if got := append(h.tick(100), h.settle()...); len(sends[statemachine.Need](got)) > 0 {
			t.Fatal("asked again without a reason")
		}
	}
	want(t, h.hear('p', p.chunk(lost, 2)))
	if got := h.vv().CountBeyond(keyspace.VV{}); got != 2 {
		t.Fatalf("claims %d dots, got 2 entries", got)
	}
	again := need(t, h.hear('p', digestOf(p)))
	if again.Session == first.Session || again.After != (keyspace.Dot{}) {
		t.Fatalf("goes on with %v", again)
	}
	want(t, h.hear('p', p.chunk(again, 9)), "apply 1 entries claim")
	want(t, h.finish(), "CaughtUp")
	if !h.vv().Equal(p.vv()) {
		t.Fatalf("claims %v, the source %v", h.vv(), p.vv())
	}
}

// TestDeltaEndsWithItsSource: a source that goes away, or comes back as another
// start, is not asked for the rest, and an answer of before is not taken.
func TestDeltaEndsWithItsSource(t *testing.T) {
	h, p := member(t, 'a', nil), newStore('p').adopt()
	h.meet('p')
	p.put("x", "y", "z")
	first := need(t, h.hear('p', digestOf(p)))
	h.hear('p', p.chunk(first, 2))
	h.step(statemachine.PeerDown{Peer: id('p')})
	want(t, h.settle())
	h.meet('p')
	want(t, h.hear('p', p.chunk(first, 9)))
	h.settle()
	if got := h.vv().CountBeyond(keyspace.VV{}); got != 2 {
		t.Fatalf("claims %d dots, got 2 entries", got)
	}
}

// TestOriginIsGivenTimeToPush: what a pushing origin still owes is asked for
// only if it has not come half a second later.
func TestOriginIsGivenTimeToPush(t *testing.T) {
	h, p := member(t, 'a', nil), newStore('p').adopt()
	h.meet('p')
	h.hear('p', statemachine.Push{Entries: p.put("x")})
	h.settle()
	p.put("y")
	want(t, h.hear('p', digestOf(p)))
	h.tick(499)
	want(t, h.hear('p', digestOf(p)))
	h.tick(1)
	want(t, h.hear('p', digestOf(p)), "Need to p")
}

// TestSourceAnswersFromOneView: a question is one read, its answer one message,
// and an answer for a peer that has gone meanwhile is dropped.
func TestSourceAnswersFromOneView(t *testing.T) {
	h := member(t, 'a', nil)
	h.write(1, "x", "y")
	h.settle()
	h.meet('p')
	q := statemachine.Need{Session: 7}
	want(t, h.hear('p', q), "ReadDots")
	deltas := sends[statemachine.Delta](h.finish())
	if len(deltas) != 1 || deltas[0].Session != 7 || !deltas[0].Done || !deltas[0].VV.Equal(h.vv()) {
		t.Fatalf("answered %v", deltas)
	}
	h.hear('p', q)
	h.step(statemachine.PeerDown{Peer: id('p')})
	want(t, h.finish())
}

// TestReadsOfPeersAreBounded: at the bound a question is dropped and counted.
func TestReadsOfPeersAreBounded(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	for i := 0; ; i++ {
		if len(h.hear('p', statemachine.Need{Session: 1})) == 0 {
			break
		}
		if i > 1000 {
			t.Fatal("1000 reads are under way")
		}
	}
	if got := h.node.Status().Stats.DroppedOverload; got != 1 {
		t.Fatalf("%d counted", got)
	}
	h.settle()
	want(t, h.hear('p', statemachine.Need{Session: 1}), "ReadDots")
}

// TestManyEntriesArriveByDelta: a node that was away fetches more than fits one
// chunk while the source goes on writing; both end equal, with one claim.
func TestManyEntriesArriveByDelta(t *testing.T) {
	const chunk = 512
	a, b := member(t, 'a', nil), member(t, 'b', nil)
	for round := range 5 {
		var keys []string
		for i := range 700 {
			keys = append(keys, fmt.Sprintf("k%d", i+round*500))
		}
		a.write(1, keys...)
		a.settle()
	}
	w := newWire(t, a, b)
	claims := 0
	w.applied = func(h *host, e statemachine.Apply) {
		if e.Batch.Claim != nil && len(e.Batch.Entries) < chunk {
			claims++
		} else if e.Batch.Claim != nil {
			t.Errorf("a claim with %d entries", len(e.Batch.Entries))
		} else if h == b && len(e.Batch.Entries) == chunk {
			w.take(a, a.write(1, "fresh"))
		}
	}
	w.connect('a', 'b')
	w.pass(5_000)
	w.wantEqual()
	if claims != 1 || len(b.snap.VV.Sets()) > 0 || b.has("fresh") == "" {
		t.Errorf("%d claims", claims)
	}
}
