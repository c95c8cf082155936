package statemachine_test

import (
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// newcomer connects a, which has old records of these keys and a deletion of
// "gone", with b, which copies from it, up to where b has what is recent and the
// old records do not come.
func newcomer(t failer, keys ...string) *wire {
	sa, sb := newStore('a').adopt(), newStore('b')
	sa.put(keys...)
	sa.execute(&keyspace.Batch{Now: epoch, Writes: []keyspace.Write{{Key: "gone", Delete: true}}})
	sa.disk.View(func(r keyspace.Reader) { sa.snap = sa.state.Snapshot(r) })
	join := cluster
	join.Copy = true
	sb.execute(&keyspace.Batch{Now: epoch, Join: epoch + 1, Adopt: &join})
	sb.disk.View(func(r keyspace.Reader) { sb.snap = sb.state.Snapshot(r) })
	a := newHost(t, sa, nil)
	b := newHost(t, sb, func(c *statemachine.Config) { c.Horizon = minute })
	w := newWire(t, a, b)
	for _, h := range w.hosts {
		h.now.Wall += 10 * minute
	}
	w.drop = func(p packet) bool {
		m, ok := p.msg.(statemachine.Fetch)
		return ok && m.Phase == keyspace.PhaseRest
	}
	w.connect('a', 'b')
	w.pass(1_500)
	if got := b.node.Status(); got.Transfer.Phase != keyspace.PhaseRest || got.Mode != statemachine.ModeNormal {
		t.Fatalf("phase %v, mode %v", got.Transfer.Phase, got.Mode)
	}
	return w
}

// look asks b for a key, and returns its answer once everything has happened.
func look(w *wire, request statemachine.RequestID, key string) []statemachine.Done {
	w.done = nil
	b := w.host('b')
	w.take(b, b.step(statemachine.Lookup{Request: request, Key: key}))
	w.run()
	return w.done
}

// TestPartialNodeReadsThrough: what a node without the older records lacks, it
// has from its source: records, deletions, and absence. It stores none of it.
func TestPartialNodeReadsThrough(t *testing.T) {
	w := newcomer(t, "x", "y")
	for i, key := range []string{"x", "y", "gone", "absent"} {
		request := statemachine.RequestID(i + 1)
		done := look(w, request, key)
		if len(done) != 1 || done[0].Request != request || done[0].Result.Refused != statemachine.RefusedNot ||
			done[0].Result.Complete {
			t.Fatalf("%s: %v", key, done)
		}
		switch e := done[0].Result.Found; {
		case key == "absent":
			if e != nil {
				t.Errorf("found %v", e)
			}
		case e == nil || e.Key != key || e.Tombstone() != (key == "gone"):
			t.Errorf("%s: %v", key, e)
		case key == "x" && string(e.Value) != "of x":
			t.Errorf("x is %q", e.Value)
		}
		if w.host('b').has(key) != "" {
			t.Errorf("%s was stored", key)
		}
	}
	w.drop = nil
	w.pass(10_000)
	w.wantEqual()
	if done := look(w, 9, "absent"); len(done) != 1 || !done[0].Result.Complete {
		t.Errorf("a complete node: %v", done)
	}
}

// TestLookupIsNeverLeftOpen: without a source, and without an answer in time, a
// question is refused; more of them than the bound are refused at once.
func TestLookupIsNeverLeftOpen(t *testing.T) {
	w := newcomer(t, "x")
	hold := w.drop
	w.drop = func(p packet) bool {
		_, get := p.msg.(statemachine.Get)
		return get || hold(p)
	}
	for i := range statemachine.RequestID(33) {
		done := look(w, i, "x")
		if full := i == 32; full != (len(done) == 1) ||
			full && done[0].Result.Refused != statemachine.RefusedOverloaded {
			t.Fatalf("question %d: %v", i, done)
		}
	}
	w.done = nil
	if w.pass(1_990); len(w.done) != 0 {
		t.Errorf("%d answers too early", len(w.done))
	}
	w.pass(20)
	for i, d := range w.done {
		if d.Request != statemachine.RequestID(i) || d.Result.Refused != statemachine.RefusedSyncing {
			t.Errorf("answer %d: %v", i, d)
		}
	}
	if len(w.done) != 32 {
		t.Errorf("%d answers", len(w.done))
	}
	w.disconnect('a', 'b')
	if done := look(w, 50, "x"); len(done) != 1 || done[0].Result.Refused != statemachine.RefusedSyncing {
		t.Errorf("without a source: %v", done)
	}
}

// TestAnswerOfALookupMustFit: an answer of another session, key or peer, or with
// two records, answers nobody.
func TestAnswerOfALookupMustFit(t *testing.T) {
	w := newcomer(t, "x", "y")
	b := w.host('b')
	var kept statemachine.Got
	other := w.host('a').put("z")
	w.drop = func(p packet) bool {
		m, ok := p.msg.(statemachine.Got)
		if ok {
			kept = m
		}
		return ok
	}
	if done := look(w, 1, "x"); len(done) != 0 || len(kept.Entries) != 1 {
		t.Fatalf("%v %v", done, kept)
	}
	b.step(statemachine.PeerUp{Hello: hello('p', nil)})
	boot := w.host('a').snap.Identity.Boot
	bad := []statemachine.Received{
		{From: id('a'), Boot: boot, Msg: statemachine.Got{Session: kept.Session + 1, Entries: kept.Entries}},
		{From: id('a'), Boot: boot, Msg: statemachine.Got{Session: kept.Session, Entries: other}},
		{From: id('a'), Boot: boot, Msg: statemachine.Got{
			Session: kept.Session, Entries: append(other, kept.Entries...),
		}},
		{From: id('p'), Boot: statemachine.Boot{Count: 1}, Msg: kept},
	}
	for i, in := range bad {
		if out := b.step(in); len(out) != 0 {
			t.Errorf("answer %d: %v", i, out)
		}
	}
	out := b.step(statemachine.Received{From: id('a'), Boot: boot, Msg: kept})
	if d, ok := out[0].(statemachine.Done); len(out) != 1 || !ok || d.Result.Found == nil {
		t.Errorf("the real answer: %v", out)
	}
	a := w.host('a')
	for _, key := range []string{"", string(make([]byte, keyspace.KeyBytesMax+1))} {
		in := statemachine.Received{From: id('b'), Boot: b.snap.Identity.Boot, Msg: statemachine.Get{Key: key}}
		if out := a.step(in); len(out) != 0 {
			t.Errorf("a key of %d bytes: %v", len(key), out)
		}
	}
}
