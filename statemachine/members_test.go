package statemachine_test

import (
	"testing"

	"kvs/statemachine"
)

// view is what the members view of a node says of another, -1 if nothing.
func (h *host) view(name byte) int {
	for _, m := range h.node.Status().Members {
		if m.Replica == id(name) {
			return int(m.State)
		}
	}
	return -1
}

// until lets time pass tick by tick, as each is due, and collects the effects.
func (h *host) until(mono statemachine.Millis) (out []statemachine.Effect) {
	for h.now.Mono < mono {
		next := min(mono, max(h.node.Deadline(), h.now.Mono+1))
		out = append(out, h.tick(next-h.now.Mono)...)
		out = append(out, h.settle()...)
	}
	return out
}

// TestSilentMemberFailsAndGoes: a member that is not heard of is failed at
// exactly 5 minutes and gone from the view at exactly 10; one notice each.
func TestSilentMemberFailsAndGoes(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	h.step(statemachine.PeerDown{Peer: id('p')})
	for _, c := range []struct {
		at     statemachine.Millis
		before statemachine.MemberState
		after  int
	}{
		{300_000, statemachine.MemberAlive, int(statemachine.MemberFailed)},
		{600_000, statemachine.MemberFailed, -1},
	} {
		if got := events[statemachine.MemberChanged](h.until(c.at - 1)); len(got) > 0 {
			t.Fatalf("%v before %d ms", got, c.at)
		}
		if got := h.view('p'); got != int(c.before) {
			t.Fatalf("in state %d before %d ms", got, c.at)
		}
		if got := events[statemachine.MemberChanged](h.until(c.at)); len(got) != 1 {
			t.Fatalf("%d notices at %d ms", len(got), c.at)
		}
		if got := h.view('p'); got != c.after {
			t.Fatalf("in state %d at %d ms", got, c.at)
		}
	}
	if got := events[statemachine.MemberChanged](h.until(5_000_000)); len(got) > 0 {
		t.Errorf("%v long after", got)
	}
}

// TestReturnedMemberIsAlive: one that was failed or gone is alive as soon as it
// is heard of, directly or by a newer heartbeat that another passes on.
func TestReturnedMemberIsAlive(t *testing.T) {
	for _, silence := range []statemachine.Millis{300_000, 700_000} {
		h := member(t, 'a', nil)
		h.meet('p')
		h.step(statemachine.PeerDown{Peer: id('p')})
		h.until(silence)
		if got := events[statemachine.MemberChanged](h.meet('p')); len(got) != 1 || h.view('p') != 0 {
			t.Errorf("after %d ms: %v on its return", silence, got)
		}
		h.step(statemachine.PeerDown{Peer: id('p')})
		h.until(h.now.Mono + silence)
		h.meet('q')
		m := hello('p', nil).Member
		m.Replica, m.Boot, m.Heartbeat = id('p'), statemachine.Boot{Count: 1}, 99
		if h.hear('q', statemachine.Table{Members: []statemachine.Member{m}}); h.view('p') != 0 {
			t.Errorf("after %d ms: in state %d by hearsay", silence, h.view('p'))
		}
		h.until(h.now.Mono + silence)
		if h.hear('q', statemachine.Table{Members: []statemachine.Member{m}}); h.view('p') == 0 {
			t.Errorf("after %d ms: alive by old news", silence)
		}
	}
}

// TestNewerEntryOfAMemberWins: boot, incarnation and heartbeat decide in that
// order, whatever the order of arrival.
func TestNewerEntryOfAMemberWins(t *testing.T) {
	entry := func(boot, inc, beat uint64, addr string) statemachine.Member {
		return statemachine.Member{
			Replica: id('q'), Addr: addr, Boot: statemachine.Boot{Count: boot},
			Incarnation: inc, Heartbeat: beat,
		}
	}
	inOrder := []statemachine.Member{
		entry(1, 1, 9, "first"), entry(1, 2, 1, "second"), entry(1, 2, 2, "third"),
		entry(2, 0, 0, "fourth"),
	}
	for i, older := range inOrder {
		for _, newer := range inOrder[i+1:] {
			for _, table := range [][]statemachine.Member{{older, newer}, {newer, older}, {newer, newer}} {
				h := member(t, 'a', nil)
				h.meet('p')
				h.hear('p', statemachine.Table{Members: table})
				for _, m := range h.node.Status().Members {
					if m.Replica == id('q') && m.Addr != newer.Addr {
						t.Errorf("%s stands, %s is newer", m.Addr, newer.Addr)
					}
				}
			}
		}
	}
}

// TestNewsOfMembersTravels: a member that one node has met is known to all
// within a second, and dialed; a mere heartbeat is not passed on.
func TestNewsOfMembersTravels(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	h.meet('q')
	h.until(1_000)
	m := statemachine.Member{Replica: id('r'), Addr: "r:1", Boot: statemachine.Boot{Count: 1}}
	table := statemachine.Table{Members: []statemachine.Member{m}}
	h.hear('p', table)
	got := h.until(h.now.Mono + 100)
	tables, dials := sends[statemachine.Table](got), 0
	for _, e := range got {
		if d, ok := e.(statemachine.Dial); ok && d.Addr == "r:1" {
			dials++
		}
	}
	if len(tables) != 2 || len(tables[0].Members) != 4 || dials != 1 {
		t.Errorf("%d announcements, %d dials", len(tables), dials)
	}
	table.Members[0].Heartbeat++
	h.hear('p', table)
	if got := sends[statemachine.Table](h.until(h.now.Mono + 100)); len(got) != 0 {
		t.Errorf("%d announcements of a heartbeat", len(got))
	}
}

// TestMembersOutliveARestart: who was met is dialed at the next start without
// any seed, and shown as alive until it has been silent for long.
func TestMembersOutliveARestart(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	h.disk.Crash(0)
	h.store.open()
	h = newHost(t, h.store, nil)
	want(t, h.tick(0), "dial p:1")
	if h.view('p') != int(statemachine.MemberAlive) {
		t.Fatalf("in state %d", h.view('p'))
	}
	h.until(300_000)
	if h.view('p') != int(statemachine.MemberFailed) {
		t.Fatalf("in state %d after 5 minutes", h.view('p'))
	}
}

// TestTableIsExchangedAtTheInterval: the whole table goes to somebody every 60
// to 120 s.
func TestTableIsExchangedAtTheInterval(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	h.until(1_000)
	last := statemachine.Millis(0)
	for range 20 {
		for len(sends[statemachine.Table](h.tick(max(1, h.node.Deadline()-h.now.Mono)))) == 0 {
		}
		if gap := h.now.Mono - last; gap < 60_000 || gap > 120_000 {
			t.Fatalf("the table went out after %d ms", gap)
		}
		last = h.now.Mono
	}
}
