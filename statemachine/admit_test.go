package statemachine_test

import (
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// TestUnfitPeersAreShownTheDoor: each reason to refuse a connection, with the
// reason that the peer and the log get. The node has met p at its second start.
func TestUnfitPeersAreShownTheDoor(t *testing.T) {
	known := func(h *statemachine.Hello) { h.Boot = statemachine.Boot{Count: 2, Random: [8]byte{2}} }
	for _, c := range []struct {
		name   string
		peer   byte
		change func(*statemachine.Hello)
		want   string
	}{
		{"another cluster", 'q', func(h *statemachine.Hello) { h.Cluster[0]++ }, "other cluster"},
		{"a later protocol", 'q', func(h *statemachine.Hello) {
			h.ProtocolMin, h.ProtocolMax = statemachine.ProtocolMax+1, statemachine.ProtocolMax+3
		}, "no common protocol version"},
		{"no protocol", 'q', func(h *statemachine.Hello) { h.ProtocolMin, h.ProtocolMax = 0, 0 },
			"no common protocol version"},
		{"another name of the cluster", 'q', func(h *statemachine.Hello) { h.ClusterName = "other" },
			"other cluster"},
		{"clients that need tokens", 'q', func(h *statemachine.Hello) { h.AuthMode = true },
			"auth_enabled differs"},
	} {
		h := member(t, 'a', nil)
		h.step(statemachine.PeerUp{Hello: hello('p', known)})
		h.settle()
		got := h.step(statemachine.PeerUp{Hello: hello(c.peer, c.change)})
		if len(got) != 2 || brief(got[0]) != "PeerRefused" ||
			brief(got[1]) != "disconnect "+string(c.peer)+": "+c.want {
			t.Errorf("%s: %d effects, want a refusal: %s", c.name, len(got), c.want)
		}
	}
}

// TestMixedAuthIsTheOperatorsWord: of two nodes that differ in whether clients
// need tokens, each refuses the other unless its own operator allows it.
func TestMixedAuthIsTheOperatorsWord(t *testing.T) {
	for _, c := range []struct{ auth, allowed, refused bool }{
		{true, false, true}, {true, true, false}, {false, false, true}, {false, true, false},
	} {
		h := member(t, 'a', func(cfg *statemachine.Config) { cfg.AuthMode, cfg.MixedAuth = c.auth, c.allowed })
		got := h.step(statemachine.PeerUp{Hello: hello('q', func(h *statemachine.Hello) { h.AuthMode = !c.auth })})
		refused := len(got) > 0 && brief(got[0]) == "PeerRefused"
		if refused != c.refused {
			t.Errorf("%+v: refused %v", c, refused)
		}
	}
}

// TestOlderStartsAreTold: a peer at an older start than is known, or at a second
// one of the same count, stays connected and is told so, and nothing else.
func TestOlderStartsAreTold(t *testing.T) {
	for name, boot := range map[string]statemachine.Boot{
		"an older start": {Count: 1}, "a clone": {Count: 2},
	} {
		h := member(t, 'a', nil)
		h.step(statemachine.PeerUp{Hello: hello('p', func(h *statemachine.Hello) {
			h.Boot = statemachine.Boot{Count: 2, Random: [8]byte{2}}
		})})
		h.settle()
		h.step(statemachine.PeerDown{Peer: id('p')})
		got := h.step(statemachine.PeerUp{Hello: hello('p', func(h *statemachine.Hello) { h.Boot = boot })})
		told := sends[statemachine.Refuse](got)
		if len(got) != 2 || brief(got[0]) != "PeerRefused" || len(told) != 1 ||
			told[0].Replica != id('p') || told[0].Boot != boot || told[0].Reason != statemachine.RefusedBoot {
			t.Errorf("%s: %d effects, %v", name, len(got), told)
		}
	}
}

// TestWiderProtocolRangeIsWelcome: a peer that also speaks later versions, or is
// at a later start, is admitted.
func TestWiderProtocolRangeIsWelcome(t *testing.T) {
	h := member(t, 'a', nil)
	want(t, h.step(statemachine.PeerUp{Hello: hello('p', func(h *statemachine.Hello) {
		h.ProtocolMax = statemachine.ProtocolMax + 9
	})}), "MemberChanged", "Table 2 to p", "Digest to p", "apply 1 members")
	h.settle()
	h.step(statemachine.PeerDown{Peer: id('p')})
	want(t, h.step(statemachine.PeerUp{Hello: hello('p', func(h *statemachine.Hello) {
		h.Boot.Count = 2
	})}), "ReachChanged", "Table 2 to p", "Digest to p", "apply 1 members")
}

// TestFullMemberTableRefusesNewcomers: at the bound a stranger is refused and an
// old acquaintance is not.
func TestFullMemberTableRefusesNewcomers(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	var table statemachine.Table
	for i := range statemachine.MembersMax {
		table.Members = append(table.Members, statemachine.Member{
			Replica: keyspace.ReplicaID{1, byte(i), byte(i >> 8)}, Joined: 1, Addr: "m",
			Boot: statemachine.Boot{Count: 1},
		})
	}
	h.hear('p', table)
	h.settle()
	if got := len(h.node.Status().Members); got != statemachine.MembersMax {
		t.Fatalf("%d members", got)
	}
	if got := h.node.Status().Stats.DroppedMembers; got != 2 {
		t.Errorf("%d members counted as dropped, want 2", got)
	}
	want(t, h.step(statemachine.PeerUp{Hello: hello('q', nil)}),
		"PeerRefused", "disconnect q: member table full")
	h.step(statemachine.PeerDown{Peer: id('p')})
	if got := h.meet('p'); len(events[statemachine.PeerRefused](got)) > 0 {
		t.Error("a known peer was refused")
	}
}

// TestOnlyTheRunningConnectionIsHeard: messages of strangers, of an older start,
// after the end of a connection, and before both are in one cluster have no
// effect but to be counted.
func TestOnlyTheRunningConnectionIsHeard(t *testing.T) {
	h := member(t, 'a', nil)
	es := newStore('p').adopt().put("k")
	push := statemachine.Push{Entries: es}
	want(t, h.hear('p', push))
	h.meet('p')
	want(t, h.step(statemachine.Received{From: id('p'), Msg: push}))
	h.step(statemachine.PeerDown{Peer: id('p')})
	want(t, h.hear('p', push))
	if got := h.node.Status().Stats.DroppedStale; got != 3 {
		t.Errorf("%d stale messages counted, want 3", got)
	}
	h.step(statemachine.PeerUp{Hello: hello('p', func(h *statemachine.Hello) {
		h.Cluster = keyspace.ClusterID{}
	})})
	want(t, h.hear('p', push))
	if got := h.node.Status().Stats.DroppedUnlinked; got != 1 {
		t.Errorf("%d messages before the link counted, want 1", got)
	}
	if h.settle(); h.has("k") != "" {
		t.Error("a dropped push was applied")
	}
}

// TestPeerThatTurnsOutForeignIsLeft: a peer that names another cluster in mid
// connection is disconnected.
func TestPeerThatTurnsOutForeignIsLeft(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	foreign := hello('p', func(h *statemachine.Hello) { h.Cluster[0]++ })
	want(t, h.hear('p', foreign), "disconnect p: other cluster")
}
