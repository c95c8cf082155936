package statemachine_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// keysOf names so many keys.
func keysOf(n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprintf("key %d", i))
	}
	return keys
}

// partial are two nodes with equal vectors, of which b holds only the records
// for which keep holds.
func partial(t failer, n int, keep func(i int) bool) *wire {
	sa, sb := newStore('a').adopt(), newStore('b').adopt()
	keys := keysOf(n)
	for i := 0; i < n; i += 1000 {
		var some []keyspace.Entry
		for k, e := range sa.put(keys[i:min(i+1000, n)]...) {
			if keep(i + k) {
				some = append(some, e)
			}
		}
		sb.execute(&keyspace.Batch{Now: epoch, Entries: some})
	}
	sa.disk.View(func(r keyspace.Reader) { sa.snap = sa.state.Snapshot(r) })
	sb.pretend(sa)
	w := newWire(t, newHost(t, sa, nil), newHost(t, sb, nil))
	w.pass(1)
	return w
}

// TestOneScrubHandlesAllLeaves: far more leaves differ than one message lists,
// and one descent is enough for them all.
func TestOneScrubHandlesAllLeaves(t *testing.T) {
	w := partial(t, 3_000, func(i int) bool { return i%2 == 0 })
	w.connect('a', 'b')
	w.pass(60_000)
	w.wantEqual()
	a, b := w.host('a').node.Status().Stats, w.host('b').node.Status().Stats
	if got := repaired(w.events); got != 1_500 || a.Divergences+b.Divergences > 2 {
		t.Errorf("%d records repaired in %d scrubs", got, a.Divergences+b.Divergences)
	}
}

// TestCutOffScrubLosesNothing: the link breaks again and again in the middle of
// a scrub, and each one goes on with what still differs: no record is sent twice
// but those under way when it broke.
func TestCutOffScrubLosesNothing(t *testing.T) {
	const n = 2_000
	w := partial(t, n, func(int) bool { return false })
	sent, breaks := 0, 0
	broken := false
	w.drop = func(p packet) bool {
		if m, ok := p.msg.(statemachine.Items); ok {
			sent += len(m.Entries)
			broken = broken || len(m.Entries) > 0 && sent/400 > breaks
		}
		return false
	}
	w.connect('a', 'b')
	for range 600 {
		w.pass(100)
		if broken {
			broken = false
			breaks++
			w.disconnect('a', 'b')
			w.connect('a', 'b')
		}
	}
	w.wantEqual()
	if breaks < 3 || sent > n+breaks*300 {
		t.Errorf("%d records sent for %d, with %d breaks", sent, n, breaks)
	}
}

// TestHotLeafIsLeftAlone: leaves that change between the first look and the
// second, on either side, are in flight and not listed.
func TestHotLeafIsLeftAlone(t *testing.T) {
	for _, hot := range []byte{'a', 'b'} {
		w := falseTwins(t, "x")
		listed := 0
		w.drop = func(p packet) bool {
			if m, ok := p.msg.(statemachine.LeafList); ok {
				listed += len(m.Leaves)
			}
			_, push := p.msg.(statemachine.Push)
			_, need := p.msg.(statemachine.Need)
			return push || need // writes do not arrive any other way
		}
		w.connect('a', 'b')
		h := w.host(hot)
		for i := range 20 {
			w.take(h, h.write(statemachine.RequestID(i+1), "x"))
			w.pass(1_000)
		}
		if listed > 0 {
			t.Errorf("%c writes: %d leaves were listed", hot, listed)
		}
		w.drop = nil
		w.pass(20_000)
		w.wantEqual()
	}
}

// open is the first question of a scrub by a peer that exists only in a test.
func (h *host) open(name byte, round uint64) []statemachine.Compare {
	m := statemachine.Compare{Round: round, Nodes: []statemachine.TreeNode{{Sum: 12345}}}
	return sends[statemachine.Compare](append(h.hear(name, m), h.settle()...))
}

// TestScrubsInAreBounded: two peers are served, the third is asked to come again
// later, one with equal data is answered all the same, and whoever ends makes
// room.
func TestScrubsInAreBounded(t *testing.T) {
	h := member(t, 'a', nil)
	for _, p := range []byte("pqrs") {
		h.meet(p)
	}
	for _, p := range []byte("pqp") {
		if got := h.open(p, 7); len(got) != 1 || len(got[0].Nodes) != 64 || got[0].Round != 7 {
			t.Fatalf("%c got %v", p, got)
		}
	}
	if got := h.open('r', 1); len(got) != 1 || got[0].Retry <= 0 || len(got[0].Nodes) != 0 {
		t.Fatalf("the third got %v", got)
	}
	same := statemachine.Compare{Round: 3, Nodes: make([]statemachine.TreeNode, 1)}
	got := sends[statemachine.Compare](append(h.hear('s', same), h.settle()...))
	if len(got) != 1 || got[0].Retry != 0 || len(got[0].Nodes) != 0 {
		t.Fatalf("the equal one got %v", got)
	}
	h.hear('p', statemachine.Compare{Round: 9})
	if got := h.open('r', 2); len(got) != 1 || len(got[0].Nodes) != 64 {
		t.Fatalf("after one has gone, the third got %v", got)
	}
	h.tick(30_000) // silent for so long, the others have gone too
	if got := h.open('s', 2); len(got) != 1 || len(got[0].Nodes) != 64 {
		t.Fatalf("after the silence, the fourth got %v", got)
	}
}

// TestBusyPartnerIsAskedAgain: a refused scrub ends, and another is tried soon.
func TestBusyPartnerIsAskedAgain(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	out := append(h.step(statemachine.SyncNow{Request: 1}), h.settle()...)
	q := sends[statemachine.Compare](out)
	if len(q) != 1 {
		t.Fatalf("%d questions", len(q))
	}
	h.hear('p', statemachine.Compare{Round: q[0].Round, Answer: true, Retry: 1_000})
	var again []statemachine.Compare
	for range 30 {
		again = append(again, sends[statemachine.Compare](append(h.tick(100), h.settle()...))...)
	}
	if len(again) == 0 || again[0].Round == q[0].Round {
		t.Errorf("asked again: %v", again)
	}
}

// TestOfTwoScrubsOneGivesWay: when both notice the difference at once, the
// records cross the wire once, not twice.
func TestOfTwoScrubsOneGivesWay(t *testing.T) {
	w := partial(t, 400, func(i int) bool { return i < 200 })
	sent := 0
	w.drop = func(p packet) bool {
		if m, ok := p.msg.(statemachine.Items); ok {
			sent += len(m.Entries)
		}
		return false
	}
	w.connect('a', 'b')
	w.pass(30_000)
	w.wantEqual()
	if sent != 200 {
		t.Errorf("%d records sent for 200", sent)
	}
}

// TestScrubKeepsItsPace: two questions are at least throttle apart, two exchanges
// at least the fetch delay, and no exchange is beyond its bound.
func TestScrubKeepsItsPace(t *testing.T) {
	w := partial(t, 3_000, func(i int) bool { return i%3 > 0 })
	for _, h := range w.hosts {
		h.cfg.Throttle, h.cfg.FetchDelay = 300, 700
		h.restart()
	}
	var asked, fetched []statemachine.Millis
	w.drop = func(p packet) bool {
		now := w.host(p.from).now.Mono
		switch m := p.msg.(type) {
		case statemachine.Compare:
			if !m.Answer && len(m.Nodes) > 0 {
				asked = append(asked, now)
			}
		case statemachine.Items:
			if !m.Answer {
				fetched = append(fetched, now)
			}
			if len(m.Entries) > 256 || len(m.Want) > 256 {
				t.Errorf("%d records, %d wishes in one message", len(m.Entries), len(m.Want))
			}
		case statemachine.Digest:
			return p.from == 'b'
		}
		return false
	}
	w.connect('a', 'b')
	w.pass(120_000)
	w.wantEqual()
	for _, c := range []struct {
		at  []statemachine.Millis
		gap statemachine.Millis
	}{{asked, 300}, {fetched, 700}} {
		for i := 1; i < len(c.at); i++ {
			if d := c.at[i] - c.at[i-1]; d < c.gap {
				t.Errorf("%d ms apart, less than %d", d, c.gap)
			}
		}
		if len(c.at) < 5 {
			t.Errorf("only %d", len(c.at))
		}
	}
}

// TestScrubSlowsDownForABusyNode: while a peer's window is closed, the pauses
// grow, up to a bound; afterwards they shrink back.
func TestScrubSlowsDownForABusyNode(t *testing.T) {
	w := partial(t, 3_000, func(int) bool { return false })
	for _, h := range w.hosts {
		h.cfg.Throttle, h.cfg.FetchDelay = 100, 100
		h.restart()
	}
	last, gap := statemachine.Millis(0), statemachine.Millis(0)
	w.drop = func(p packet) bool {
		if m, ok := p.msg.(statemachine.Compare); ok && !m.Answer && len(m.Nodes) > 0 {
			last, gap = w.host('b').now.Mono, w.host('b').now.Mono-last
		}
		_, digest := p.msg.(statemachine.Digest)
		return digest && p.from == 'b' // only b begins
	}
	b := w.host('b')
	b.meet('z') // who never acknowledges anything
	w.connect('a', 'b')
	for range 20 {
		w.take(b, b.step(statemachine.ClientWrites{Writes: []statemachine.ClientWrite{{
			Write: keyspace.Write{Key: "great", Value: make([]byte, 1<<20)},
		}}}))
		w.run()
	}
	w.pass(20_000)
	if slow := gap; slow < 500 || slow > 33*100 {
		t.Errorf("%d ms between two questions of a busy node", slow)
	}
	w.take(b, b.step(statemachine.PeerDown{Peer: id('z')}))
	w.pass(60_000)
	w.wantEqual()
	if gap > 200 {
		t.Errorf("%d ms between two questions afterwards", gap)
	}
}

// TestHopelessScrubsGrowRare: a difference that no scrub repairs, as the records
// never arrive, is not scrubbed over and over.
func TestHopelessScrubsGrowRare(t *testing.T) {
	w := falseTwins(t, "x")
	w.drop = func(p packet) bool {
		m, ok := p.msg.(statemachine.Items)
		return ok && len(m.Entries) > 0
	}
	w.connect('a', 'b')
	w.pass(1_200_000)
	a, b := w.host('a').node.Status().Stats, w.host('b').node.Status().Stats
	if got := a.Divergences + b.Divergences; got < 4 || got > 40 {
		t.Errorf("%d scrubs within 20 minutes", got)
	}
	w.drop = nil
	w.pass(400_000)
	w.wantEqual()
}

// TestDiffNamesEveryDifference: exactly the records that the two do not have
// alike, and on which side they are; nothing is repaired by it.
func TestDiffNamesEveryDifference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sa, sb := newStore('a').adopt(), newStore('b').adopt()
		hasher := keyspace.NewHasher(cluster.Digest)
		var expect []statemachine.Difference
		for i, key := range keysOf(rapid.IntRange(1, 300).Draw(t, "keys")) {
			where := rapid.IntRange(0, 3).Draw(t, "where")
			d := statemachine.Difference{Hash: hasher.Key(key), Here: where != 2, There: where != 1}
			var es []keyspace.Entry
			switch where {
			case 0, 1, 3:
				es = sa.put(key)
			}
			switch where {
			case 0:
				sb.execute(&keyspace.Batch{Now: epoch, Entries: es})
				continue
			case 2, 3:
				sb.put(key)
			}
			_ = i
			expect = append(expect, d)
		}
		all := sa.vv()
		all.Union(sb.vv())
		for _, s := range []*store{sa, sb} {
			s.execute(&keyspace.Batch{Now: epoch, Claim: &keyspace.Claim{VV: all}})
			s.disk.View(func(r keyspace.Reader) { s.snap = s.state.Snapshot(r) })
		}
		w := newWire(t, newHost(t, sa, nil), newHost(t, sb, nil))
		w.pass(1)
		w.drop = func(p packet) bool { _, items := p.msg.(statemachine.Items); return items }
		w.connect('a', 'b')
		a := w.host('a')
		w.take(a, a.step(statemachine.Diff{Request: 5, Peer: id('b')}))
		w.pass(15_000)
		if len(w.done) != 1 || w.done[0].Request != 5 || w.done[0].Result.Refused != statemachine.RefusedNot {
			t.Fatalf("answers: %v", w.done)
		}
		byHash := func(x, y statemachine.Difference) int {
			if x.Hash < y.Hash {
				return -1
			}
			return 1
		}
		slices.SortFunc(expect, byHash)
		if got := w.done[0].Result.Differences; !slices.Equal(got, expect) || w.done[0].Result.More {
			t.Fatalf("%d differences, want %d: %v %v", len(got), len(expect), got, expect)
		}
	})
}

// TestDiffRefusals: no answer is kept back.
func TestDiffRefusals(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	refused := func(out []statemachine.Effect) statemachine.Refusal {
		t.Helper()
		for _, e := range out {
			if d, ok := e.(statemachine.Done); ok {
				return d.Result.Refused
			}
		}
		t.Fatal("no answer")
		return 0
	}
	if got := refused(h.step(statemachine.Diff{Request: 1, Peer: id('x')})); got != statemachine.RefusedUnknown {
		t.Errorf("an unknown peer: %v", got)
	}
	if got := refused(h.step(statemachine.Diff{Request: 2, Peer: id('a')})); got != statemachine.RefusedSelf {
		t.Errorf("itself: %v", got)
	}
	h.step(statemachine.Diff{Request: 3, Peer: id('p')})
	h.settle()
	if got := refused(h.step(statemachine.Diff{Request: 4, Peer: id('p')})); got != statemachine.RefusedOverloaded {
		t.Errorf("a second one: %v", got)
	}
	var out []statemachine.Effect
	for range 20 {
		out = append(out, h.tick(1_000)...)
	}
	if got := refused(out); got != statemachine.RefusedTimeout {
		t.Errorf("a silent peer: %v", got)
	}
	h.step(statemachine.Diff{Request: 5, Peer: id('p')})
	if got := refused(h.step(statemachine.PeerDown{Peer: id('p')})); got != statemachine.RefusedUnknown {
		t.Errorf("a peer that goes: %v", got)
	}
}

// TestSyncNowTakesTurns: every linked peer is compared with, one after the other.
func TestSyncNowTakesTurns(t *testing.T) {
	w := newWire(t, member(t, 'a', nil), member(t, 'b', nil), member(t, 'c', nil))
	w.connect('a', 'b')
	w.connect('a', 'c')
	w.pass(3_000)
	var roots []byte
	w.drop = func(p packet) bool {
		if m, ok := p.msg.(statemachine.Compare); ok && !m.Answer {
			roots = append(roots, p.to)
		}
		return false
	}
	a := w.host('a')
	out := a.step(statemachine.SyncNow{Request: 1})
	w.take(a, out)
	w.run()
	if len(w.done) != 1 || len(w.done[0].Result.Peers) != 2 || string(roots) != "bc" {
		t.Errorf("answers %v, asked %q", w.done, roots)
	}
	out = a.step(statemachine.SyncNow{Request: 2, Peer: id('x')})
	w.take(a, out)
	if len(w.done) != 2 || w.done[1].Result.Refused != statemachine.RefusedUnknown {
		t.Errorf("answers %v", w.done)
	}
}
