package server

import (
	"slices"
	"strings"
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// Goal: what health says of each thing that can be wrong or under way, and which
// of them degrade a node.
func TestHealthReasons(t *testing.T) {
	const now keyspace.Millis = 100_000_000
	b := statemachine.MemberView{Connected: true}
	b.Name, b.Replica = "b", keyspace.ReplicaID{1}
	for _, c := range []struct {
		name, says string
		degraded   bool
		change     func(*statemachine.Status)
	}{
		{"blocked for an hour", "word from b, 02000", true, func(s *statemachine.Status) {
			s.Blocked, s.BlockedAt = []keyspace.ReplicaID{{1}, {2}}, now-blockedAfter
		}},
		{"blocked for less", "", false, func(s *statemachine.Status) {
			s.Blocked, s.BlockedAt = []keyspace.ReplicaID{{1}}, now-blockedAfter+1
		}},
		{"blocked by nobody", "", false, func(s *statemachine.Status) { s.BlockedAt = 0 }},
		{"clamped", "clock: skewed, 700 ms", true, func(s *statemachine.Status) { s.Clamped, s.Skew = true, 700 }},
		{"syncing", "syncing: ", false, func(s *statemachine.Status) {
			s.Mode, s.Transfer.Phase = statemachine.ModeSyncing, keyspace.PhaseRecent
		}},
		{"partial", "partial: older records are on their way (rest)", false,
			func(s *statemachine.Status) { s.Transfer.Phase = keyspace.PhaseRest }},
		{"failed member", "member b at  has failed", true, func(s *statemachine.Status) {
			s.Members[0].Connected, s.Members[0].State = false, statemachine.MemberFailed
		}},
		{"behind", "lacks 3 writes that b has had for 2 s", true, func(s *statemachine.Status) {
			s.Members[0].Missing, s.Members[0].BehindSince = 3, now-behindAfter
		}},
		{"damaged", "4 stored records are damaged", true, func(s *statemachine.Status) { s.Damaged = 4 }},
	} {
		s := &statemachine.Status{Members: []statemachine.MemberView{b}}
		s.Identity.Cluster = keyspace.ClusterID{1}
		c.change(s)
		h := health(s, 0, now)
		said := slices.ContainsFunc(h.Reasons, func(r string) bool { return strings.Contains(r, c.says) })
		if said != (c.says != "") || (h.Status == "degraded") != c.degraded || len(h.Reasons) > 1 {
			t.Errorf("%s: %s %q", c.name, h.Status, h.Reasons)
		}
	}
}

// Goal: a member's row has what is measured of it, and nothing that is not.
func TestMemberRow(t *testing.T) {
	m := statemachine.MemberView{RTT: -1, Reach: statemachine.Suspect, Skew: -30}
	if row := memberRow(&m); row.RTT != nil || row.Skew != nil || row.Reach != "suspect" {
		t.Errorf("never heard of: %+v", row)
	}
	m.RTT, m.Timed = 0, true
	if row := memberRow(&m); row.RTT == nil || *row.RTT != 0 || row.Skew == nil || *row.Skew != -30 {
		t.Errorf("answered: %+v", row)
	}
	m.Self = true
	if row := memberRow(&m); row.RTT != nil {
		t.Errorf("self: %+v", row)
	}
}
