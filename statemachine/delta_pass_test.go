package statemachine_test

import "testing"

// TestAnswerOfAnEarlierPassIsDropped: a late copy of the last chunk of one pass
// does not end the next, although that asks behind the same dot: the entries
// that come after it would be claimed and never fetched.
func TestAnswerOfAnEarlierPassIsDropped(t *testing.T) {
	h, p := member(t, 'a', nil), newStore('p').adopt()
	h.meet('p')
	p.put("x")
	q := need(t, h.hear('p', digestOf(p)))
	c := p.chunk(q, 1)
	c.Done = false // as if more had been there
	h.hear('p', c)
	p.put("y", "z")
	q = need(t, h.finish())
	h.hear('p', p.chunk(q, 1)) // y
	q = need(t, h.finish())
	last := p.chunk(q, 1) // z, behind y, the end of the pass
	h.hear('p', last)
	p.put("w")
	q = need(t, h.finish())
	h.hear('p', p.chunk(q, 1)) // y again, in the next pass
	if q = need(t, h.finish()); q.After != last.After {
		t.Fatalf("asks behind %v, want %v", q.After, last.After)
	}
	want(t, h.hear('p', last))
}

// TestSteadySourceIsClaimedAfterSeveralChunks: a pass whose chunks show one
// count of changes saw one state of its source, and claims it.
func TestSteadySourceIsClaimedAfterSeveralChunks(t *testing.T) {
	h, p := member(t, 'a', nil), newStore('p').adopt()
	h.meet('p')
	p.put("x", "y", "z")
	c := p.chunk(need(t, h.hear('p', digestOf(p))), 2)
	c.Changes = 7
	want(t, h.hear('p', c), "apply 2 entries")
	c = p.chunk(need(t, h.finish()), 2)
	c.Changes = 7
	want(t, h.hear('p', c), "apply 1 entries claim")
}
