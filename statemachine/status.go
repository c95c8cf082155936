package statemachine

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// Status is a copy of what a person may want to see of a node.
type Status struct {
	Identity keyspace.Identity
	Hello    Hello
	ReadOnly bool
	VV       VV
	Sum      Sum
	Live     uint64
	Members  []MemberView  // the members view, self included, in the order of joining
	Refused  []PeerRefused // the last peer that was turned away, if that was just now
	Health   int           // how many times this node slows its judgement of others; 0 is well
	// NameConflict is the older member with this node's name, if there is one:
	// until it is gone, client writes are refused.
	NameConflict []Member
	// Skew is how far this node's clock is ahead of its peers', if Timed: if
	// enough of their clocks are known. Clamped says that it is too far ahead, so
	// that stamps are held back.
	Skew           Millis
	Timed, Clamped bool
	Stats          Stats
}

// MemberView is one row of the members view.
type MemberView struct {
	Member
	State     MemberState
	Self      bool
	Connected bool
	Seen      Millis // wall time at which this node last heard of it; of self: now
	Missing   uint64 // dots it last claimed and this node lacks
	Reach     Reach
	RTT       Millis // of its last direct answer to a probe, -1 if there was none
	Skew      Millis // how far its clock is ahead of this node's
	Timed     bool   // its clock is known, so Skew means something
}

// Stats counts since the start of the run.
type Stats struct {
	PushedEntries, PushRetries, RingOverruns    uint64
	DeltaEntries                                uint64 // sent to peers
	Scrubs, Divergences, ScrubEntries, Repaired uint64
	DroppedStale, DroppedUnlinked               uint64
	DroppedMalformed, DroppedOverload           uint64
	DroppedMembers                              uint64
	Probes, ProbesFailed                        uint64
	Suspicions                                  uint64 // of others, begun or taken over here
	Refutations                                 uint64 // of suspicions of this node
	RelayedEntries, Grafts, Prunes              uint64
	ClampedBatches                              uint64 // made while the clock was too far ahead
	AheadVersions                               uint64 // merged, too far ahead to move this clock
}

// Status copies the node's state for readers in other goroutines.
func (n *Node) Status() Status {
	s := Status{
		Identity: n.id, Hello: n.Hello(), ReadOnly: n.cfg.ReadOnly,
		VV: n.vv.Clone(), Sum: n.sum, Live: n.live, Stats: n.stats,
		Health: n.detector.health,
	}
	s.Skew, s.Timed = n.skew()
	s.Clamped = s.Timed && s.Skew > n.cfg.MaxSkew
	s.Members = append(s.Members, MemberView{Member: n.self, Self: true, Connected: true, Seen: n.now.Wall})
	if n.refused.Reason != RefusedNot && n.now.Mono < n.refused.at+2*dialRefused {
		s.Refused = append(s.Refused, n.refused.PeerRefused)
	}
	if p := n.nameTaken(); p != nil {
		s.NameConflict = append(s.NameConflict, p.Member)
	}
	for _, p := range n.peers {
		if p.state == MemberGone || p.Joined == 0 {
			continue // gone, or not a member of any cluster yet
		}
		s.Members = append(s.Members, MemberView{
			Member: p.Member, State: p.state, Connected: p.up, Seen: p.seen.Wall,
			Missing: p.owed.CountBeyond(n.vv), Reach: p.reach, RTT: p.rtt,
			Skew: n.lead(p), Timed: p.clock.known,
		})
	}
	slices.SortFunc(s.Members, func(a, b MemberView) int {
		if a.Joined != b.Joined {
			return int(min(max(a.Joined-b.Joined, -1), 1))
		}
		return a.Replica.Compare(b.Replica)
	})
	return s
}
