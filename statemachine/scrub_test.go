package statemachine_test

import (
	"fmt"
	"slices"
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// pretend makes a store claim what another claims, without its records.
func (s *store) pretend(other *store) {
	s.execute(&keyspace.Batch{Now: epoch, Claim: &keyspace.Claim{VV: other.vv()}})
	s.disk.View(func(r keyspace.Reader) { s.snap = s.state.Snapshot(r) })
}

// falseTwins are two nodes with equal vectors, of which b holds none of what a
// wrote.
func falseTwins(t failer, keys ...string) *wire {
	sa, sb := newStore('a').adopt(), newStore('b').adopt()
	sa.put(keys...)
	sa.disk.View(func(r keyspace.Reader) { sa.snap = sa.state.Snapshot(r) })
	sb.pretend(sa)
	w := newWire(t, newHost(t, sa, nil), newHost(t, sb, nil))
	w.pass(1)
	return w
}

// repaired is the number of records that notices speak of.
func repaired(evs []statemachine.Event) (n uint64) {
	for _, e := range evs {
		if r, ok := e.(statemachine.Repaired); ok {
			n += r.Records
		}
	}
	return n
}

// TestDivergenceIsScrubbedAtOnce: nodes that claim the same and differ notice it
// by their first digests, descend to the leaves and end equal, within seconds
// and without the interval of scrubs.
func TestDivergenceIsScrubbedAtOnce(t *testing.T) {
	w := falseTwins(t, "x", "y", "z")
	w.connect('a', 'b')
	w.pass(8_000)
	w.wantEqual()
	if got := repaired(w.events); got != 3 {
		t.Errorf("%d records repaired, want 3", got)
	}
	if !slices.ContainsFunc(w.events, func(e statemachine.Event) bool {
		_, ok := e.(statemachine.Diverged)
		return ok
	}) {
		t.Error("nobody was told")
	}
	if b := w.host('b'); b.has("y") != "of y" {
		t.Errorf("b holds %q", b.has("y"))
	}
}

// TestClaimsWithoutRoomProveNothing: a replica at the bound of its gaps stores entries
// whose dots it cannot claim, so another digest beside an equal vector is no alarm.
func TestClaimsWithoutRoomProveNothing(t *testing.T) {
	for _, gaps := range []int{keyspace.GapsMax - 1, keyspace.GapsMax} {
		sa, sb := newStore('a').adopt(), newStore('b').adopt()
		var keys []string
		for i := range 2 * gaps {
			keys = append(keys, fmt.Sprint("k", i))
		}
		written := newStore('c').adopt().put(keys...)
		var parts []keyspace.Entry
		for i := 1; i < len(written); i += 2 {
			parts = append(parts, written[i])
		}
		for _, s := range []*store{sa, sb} {
			s.execute(&keyspace.Batch{Now: epoch, Entries: parts})
		}
		sa.put("x")
		sb.pretend(sa)
		sa.disk.View(func(r keyspace.Reader) { sa.snap = sa.state.Snapshot(r) })
		w := newWire(t, newHost(t, sa, nil), newHost(t, sb, nil))
		w.pass(1)
		w.connect('a', 'b')
		w.pass(8_000)
		alarmed := slices.ContainsFunc(w.events, func(e statemachine.Event) bool {
			_, ok := e.(statemachine.Diverged)
			return ok
		})
		if alarmed != (gaps < keyspace.GapsMax) {
			t.Errorf("at %d gaps: an alarm is %v", gaps, alarmed)
		}
	}
}

// TestScrubDescendsLevelByLevel: the messages of one scrub, from the root to the
// records, in their order.
func TestScrubDescendsLevelByLevel(t *testing.T) {
	w := falseTwins(t, "x")
	var seen []string
	w.drop = func(p packet) bool {
		switch m := p.msg.(type) {
		case statemachine.Compare:
			seen = append(seen, fmt.Sprintf("level %d of %d", m.Level, len(m.Nodes)))
		case statemachine.LeafList:
			seen = append(seen, fmt.Sprintf("%d items of %d leaves", len(m.Items), len(m.Leaves)))
		case statemachine.Items:
			seen = append(seen, fmt.Sprintf("%d records, %d wishes", len(m.Entries), len(m.Want)))
		case statemachine.Digest:
			return p.from == 'b' // only b learns of the difference, and begins
		}
		return false
	}
	w.connect('a', 'b')
	w.pass(9_000)
	w.wantEqual()
	expect := []string{
		"level 0 of 1", "level 1 of 64", "level 2 of 64", "level 3 of 64", "level 3 of 1",
		"1 items of 1 leaves", "0 records, 1 wishes", "1 records, 0 wishes",
		"level 0 of 0",
	}
	if !slices.Equal(seen, expect) {
		t.Errorf("%v\nwant %v", seen, expect)
	}
}

// TestScrubBringsNewerVersionsBothWays: each side keeps the greater version of
// every record, whoever began.
func TestScrubBringsNewerVersionsBothWays(t *testing.T) {
	sa, sb := newStore('a').adopt(), newStore('b').adopt()
	old := sa.put("x", "y", "z")
	sb.execute(&keyspace.Batch{Now: epoch, Entries: old})
	sa.put("x")
	sb.put("y")
	all := sa.vv()
	all.Union(sb.vv())
	for _, s := range []*store{sa, sb} {
		s.execute(&keyspace.Batch{Now: epoch, Claim: &keyspace.Claim{VV: all}})
		s.disk.View(func(r keyspace.Reader) { s.snap = s.state.Snapshot(r) })
	}
	w := newWire(t, newHost(t, sa, nil), newHost(t, sb, nil))
	w.pass(1)
	w.connect('a', 'b')
	w.pass(8_000)
	w.wantEqual()
	if got := repaired(w.events); got != 2 {
		t.Errorf("%d records repaired, want 2", got)
	}
}

// TestScrubNeverRevivesADelete: a node that still holds what another deleted,
// and claims the delete, ends with the delete.
func TestScrubNeverRevivesADelete(t *testing.T) {
	sa, sb := newStore('a').adopt(), newStore('b').adopt()
	sb.execute(&keyspace.Batch{Now: epoch, Entries: sa.put("x")})
	sa.execute(&keyspace.Batch{Now: epoch, Writes: []keyspace.Write{{Key: "x", Delete: true}}})
	sa.disk.View(func(r keyspace.Reader) { sa.snap = sa.state.Snapshot(r) })
	sb.pretend(sa)
	w := newWire(t, newHost(t, sa, nil), newHost(t, sb, nil))
	w.pass(1)
	w.connect('a', 'b')
	w.pass(9_000)
	w.wantEqual()
	if a, b := w.host('a'), w.host('b'); a.has("x") != "" || b.has("x") != "" {
		t.Errorf("a holds %q, b %q", a.has("x"), b.has("x"))
	}
}

// TestEqualTreesEndAScrubAtTheRoot: the scrub at the interval costs two small
// messages when nothing differs.
func TestEqualTreesEndAScrubAtTheRoot(t *testing.T) {
	w := newWire(t, member(t, 'a', nil), member(t, 'b', nil))
	compares := 0
	w.drop = func(p packet) bool {
		switch p.msg.(type) {
		case statemachine.Compare:
			compares++
		case statemachine.LeafList, statemachine.Items:
			t.Errorf("%s although nothing differs", statemachine.Print(p.msg))
		}
		return false
	}
	w.connect('a', 'b')
	w.take(w.host('a'), w.host('a').write(1, "x"))
	w.pass(700_000)
	a, b := w.host('a').node.Status().Stats, w.host('b').node.Status().Stats
	if scrubs := a.Scrubs + b.Scrubs; scrubs < 4 || uint64(compares) != 2*scrubs {
		t.Errorf("%d messages in %d scrubs", compares, scrubs)
	}
}

// TestLostScrubMessageCostsOnlyTime: whichever message of a scrub is lost, the
// nodes end equal a little later.
func TestLostScrubMessageCostsOnlyTime(t *testing.T) {
	for lost := range 12 {
		w := falseTwins(t, "x", "y")
		seen := 0
		w.drop = func(p packet) bool {
			switch p.msg.(type) {
			case statemachine.Compare, statemachine.LeafList, statemachine.Items:
				seen++
				return seen == lost+1
			}
			return false
		}
		w.connect('a', 'b')
		w.pass(30_000)
		w.wantEqual()
	}
}

// TestMalformedScrubMessagesAreCounted: levels, nodes and leaves that do not
// exist, and listings beyond the bounds, ask nothing of the store.
func TestMalformedScrubMessagesAreCounted(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	bad := []statemachine.Message{
		statemachine.Compare{Level: -1, Nodes: make([]statemachine.TreeNode, 1)},
		statemachine.Compare{Level: 4, Nodes: make([]statemachine.TreeNode, 1)},
		statemachine.Compare{Level: 0, Nodes: []statemachine.TreeNode{{Index: 1}}},
		statemachine.Compare{Level: 3, Nodes: []statemachine.TreeNode{{Index: keyspace.LeafCount}}},
		statemachine.Compare{Level: 3, Nodes: make([]statemachine.TreeNode, 5000)},
		statemachine.LeafList{},
		statemachine.LeafList{Leaves: make([]keyspace.Leaf, 65)},
		statemachine.LeafList{Leaves: []keyspace.Leaf{keyspace.LeafCount}},
		statemachine.LeafList{
			Leaves: make([]keyspace.Leaf, 1), Items: make([]statemachine.LeafItem, 20_000),
		},
		statemachine.Items{Entries: make([]keyspace.Entry, keyspace.BatchWritesMax+1)},
		statemachine.Items{Want: make([]keyspace.KeyHash, 20_000)},
	}
	for _, m := range bad {
		want(t, h.hear('p', m))
	}
	if got := h.node.Status().Stats.DroppedMalformed; got != uint64(len(bad)) {
		t.Errorf("%d counted, want %d", got, len(bad))
	}
}
