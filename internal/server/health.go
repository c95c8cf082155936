package server

import (
	"fmt"
	"strings"

	"kvs/httpapi"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// behindAfter is for how long a node may lack what a peer has before it says so,
// and blockedAfter for how long a member may keep it from forgetting deletes.
const (
	behindAfter  keyspace.Millis = 2_000
	blockedAfter keyspace.Millis = 3_600_000
)

// Members lists the members view.
func (a *api) Members() []httpapi.Member {
	status := a.driver.status.Load()
	out := make([]httpapi.Member, 0, len(status.Members))
	for i := range status.Members {
		out = append(out, memberRow(&status.Members[i]))
	}
	return out
}

func memberRow(m *statemachine.MemberView) httpapi.Member {
	row := httpapi.Member{
		ID: m.Name, Address: m.Addr, LastSeen: int64(m.Seen), JoinedTimestamp: int64(m.Joined),
		State: m.State.String(), Incarnation: m.Boot.Count + m.Incarnation,
		Replica: m.Replica.Hex(), Reach: m.Reach.String(),
	}
	rtt, skew := int64(m.RTT), int64(m.Skew)
	switch {
	case m.Self:
		row.LastSeen, row.Version = int64(wall()), Version
	case rtt >= 0:
		row.RTT = &rtt
	}
	if m.Timed {
		row.Skew = &skew
	}
	return row
}

// Health describes the node from its published status.
func (a *api) Health() httpapi.Health {
	h := health(a.driver.status.Load(), a.store.Verification().Wrong, a.wall())
	switch room(a.driver.space.now.Load()) {
	case roomLow:
		verdict{&h}.degrade("disk: less than %d MiB free in data_dir: values of clients are refused", diskLow>>20)
	case roomNone:
		verdict{&h}.degrade("disk: less than %d MiB free in data_dir: nothing is written but what has to be", diskFull>>20)
	}
	if a.trail != nil {
		for _, reason := range a.trail.reasons() {
			verdict{&h}.degrade("%s", reason)
		}
	}
	return h
}

// health words a status. What degrades a node is what somebody should look at;
// the rest explains what it does.
func health(s *statemachine.Status, wrong uint64, now keyspace.Millis) httpapi.Health {
	h := httpapi.Health{
		Status: "ok", Mode: s.Mode.String(), MemberCount: len(s.Members), NodeID: s.Hello.Member.Name,
		Durability: durability(s), Joined: s.Identity.Cluster != keyspace.ClusterID{},
		Ready: s.Mode == statemachine.ModeNormal || s.Mode == statemachine.ModeReadOnly,
	}
	v := verdict{Health: &h}
	if h.Joined {
		h.ClusterID = keyspace.ReplicaID(s.Identity.Cluster).Hex()
	} else {
		v.degrade("not joined: none of seed_nodes has answered for a cluster yet")
	}
	switch {
	case s.Mode == statemachine.ModeLeft:
		v.say("leaving: this node takes no writes any more")
	case s.Mode == statemachine.ModeSyncing && !s.Transfer.Active():
		v.say("syncing: a member is asked for what was not synced before the machine was restarted")
	case s.Mode == statemachine.ModeSyncing:
		v.say("syncing: the data of the cluster is on its way (%v)", s.Transfer.Phase)
	case s.Transfer.Active():
		v.say("partial: older records are on their way (%v); what is not here yet is read from the member "+
			"that they come from, and ranges are refused", s.Transfer.Phase)
	}
	v.onDisk(s, wrong)
	if s.Clamped {
		v.degrade("clock: skewed, %d ms ahead of the other members: stamps are held back", s.Skew)
	}
	for _, m := range s.NameConflict {
		h.Mode = "read-only"
		v.degrade("node_id %s is in use by an older member at %s: read-only until it is gone, "+
			"or this node has another node_id", m.Name, m.Addr)
	}
	v.onMembers(s, now)
	return h
}

// verdict is a Health in the making.
type verdict struct{ *httpapi.Health }

func (v verdict) say(format string, args ...any) {
	v.Reasons = append(v.Reasons, fmt.Sprintf(format, args...))
}

func (v verdict) degrade(format string, args ...any) {
	v.Status = "degraded"
	v.say(format, args...)
}

// onDisk says what is wrong with what is stored.
func (v verdict) onDisk(s *statemachine.Status, wrong uint64) {
	if proven(s.Loss) {
		v.degrade("data_dir has lost durable writes (batches %d to %d); "+
			"what other members have of them comes back once they are connected", s.Loss.From, s.Loss.To)
	}
	if wrong > 0 {
		v.degrade("the verifier has found damage in %d places of data_dir since the start; "+
			"check the disk", wrong)
	}
	if s.Damaged > 0 {
		v.degrade("%d stored records are damaged and no connected member has given them yet; "+
			"reading them fails, writing or deleting them helps", s.Damaged)
	}
}

// proven says that durable writes are known to be lost.
func proven(l keyspace.Loss) bool {
	return l.Kind == keyspace.LossTail || l.Kind == keyspace.LossGap
}

// durability words when writes are synced.
func durability(s *statemachine.Status) string {
	if s.Async {
		return durabilityAsync
	}
	return "always"
}

// onMembers says which members are missing, ahead, in the way, or turned away.
func (v verdict) onMembers(s *statemachine.Status, now keyspace.Millis) {
	for i := range s.Members {
		m := &s.Members[i]
		if !m.Connected && m.State != statemachine.MemberAlive {
			v.degrade("member %s at %s has %v", m.Name, m.Addr, m.State)
		}
	}
	for i := range s.Members {
		m := &s.Members[i]
		if late := now - m.BehindSince; m.BehindSince > 0 && late >= behindAfter {
			v.degrade("behind: lacks %d writes that %s has had for %d s", m.Missing, m.Name, late/1000)
		}
	}
	if waits := now - s.BlockedAt; len(s.Blocked) > 0 && waits >= blockedAfter {
		v.degrade("deletes are not forgotten: for %d min there has been no word from %s; "+
			"bring it back, or forget it with kvs cluster forget", waits/60_000,
			strings.Join(shortNames(s, s.Blocked), ", "))
	}
	for _, r := range s.Refused {
		v.degrade("peer %s at %s is refused: %v", r.Peer.Name, r.Peer.Addr, r.Reason)
	}
}

// shortNames are the node_ids of replicas, or the replica ids of those that are
// not listed any more.
func shortNames(s *statemachine.Status, ids []keyspace.ReplicaID) []string {
	var out []string
	for _, p := range named(s, ids) {
		if p.ID == "" {
			p.ID = p.Replica
		}
		out = append(out, p.ID)
	}
	return out
}
