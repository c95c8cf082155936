package statemachine

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// Status is a copy of what a person may want to see of a node.
type Status struct {
	Identity keyspace.Identity
	Hello    Hello
	ReadOnly bool // it is so by its setting or by SetMode
	VV       VV
	Stream   Stream // of this run's own writes
	Durable  VV     // the part of it that no crash takes
	Async    bool   // Config.Async
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
	Damaged        int           // records that cannot be read now, as far as is known
	Loss           keyspace.Loss // of durable writes, found by this start and not mended yet

	Mode       Mode
	Transfer   keyspace.Transfer
	AsOf       keyspace.Minute // the minute that Sum is of
	Floor      VV
	Roster     []RosterLine // the other replicas ever known, those gone from the members view too
	Tombstones uint64
	Expiring   uint64
	Blocked    []ReplicaID // whose reports collection waits for
	BlockedAt  Millis      // wall time since which it waits for just these
	Pins       int         // copies in the making, which hold collection up too
}

// Mode is what a node does for clients.
type Mode uint8

// The modes.
const (
	ModeNormal   Mode = iota
	ModeReadOnly      // refuses client writes, and replicates
	ModeSyncing       // takes over a copy first, and refuses client writes meanwhile
	ModeLeft          // is leaving its cluster or has left; serves reads
)

// String names the mode.
func (m Mode) String() string { return [...]string{"normal", "read-only", "syncing", "leaving"}[m] }

func (n *Node) mode() Mode {
	switch n.refuses() {
	case RefusedLeaving:
		return ModeLeft
	case RefusedSyncing:
		return ModeSyncing
	case RefusedReadOnly:
		return ModeReadOnly
	}
	return ModeNormal
}

// MemberView is one row of the members view.
type MemberView struct {
	Member
	State     MemberState
	Self      bool
	Connected bool
	Seen      Millis // wall time at which this node last heard of it; of self: now

	// How far the two are apart, by the member's last digest and what this node
	// has now. Wall times are this node's; 0 is never. All zero for self.
	Missing      uint64 // dots it claims and this node lacks
	Lacks        uint64 // dots this node claims and it lacks
	UnackedBytes uint64 // of this run's writes that it has not acknowledged, as far as they are kept
	BehindSince  Millis // since when Missing has not been 0; 0 while it is
	EqualRoot    bool   // it had the visible records that this node has now
	Digested     Millis // when the digest came
	Compared     Millis // when the last scrub with it began
	Reach        Reach
	RTT          Millis // of its last direct answer to a probe, -1 if there was none
	Skew         Millis // how far its clock is ahead of this node's
	Timed        bool   // its clock is known, so Skew means something
}

// Stats counts since the start of the run.
type Stats struct {
	PushedEntries, PushRetries, RingOverruns    uint64
	DeltaEntries                                uint64 // sent to peers
	Scrubs, Divergences, ScrubEntries, Repaired uint64
	ScrubLeaves                                 uint64 // that differed twice, and were listed
	ScrubInFlight                               uint64 // that had changed in between, and were left alone
	ScrubsBusy                                  uint64 // that a partner had no room for
	ScrubsSkewed                                uint64 // with clocks too far apart to compare what expires
	DroppedStale, DroppedUnlinked               uint64
	DroppedMalformed, DroppedOverload           uint64
	DroppedMembers, DroppedSyncing              uint64
	Purged                                      uint64 // tombstones and expired records
	CopyEntries                                 uint64 // sent to copies
	Lookups                                     uint64 // of keys, that the source was asked for
	Salvaged, Unplaced                          uint64 // writes of an earlier life
	DroppedUnreadable                           uint64 // until a peer's list of retired streams is known
	DroppedBelow                                uint64 // from peers below the floor
	Voided                                      uint64 // dots of departed replicas that nobody has
	Damaged                                     uint64 // records that could not be read
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
		Identity: n.id, Hello: n.Hello(), ReadOnly: n.readOnly,
		VV: n.vv.Clone(), Stream: n.stream, Durable: n.durable.Clone(), Async: n.cfg.Async, Sum: n.sum, Live: n.live, Stats: n.stats,
		Mode: n.mode(), AsOf: n.asOf, Transfer: n.transfer.Clone(), Floor: n.floor.Clone(), Roster: n.rosterLines(),
		Tombstones: n.tombstones, Expiring: n.expiring,
		Blocked: slices.Clone(n.collection.blocked), BlockedAt: n.collection.since, Pins: len(n.pins),
		Loss: n.loss, Damaged: n.unreadable(),
		Health: n.detector.health,
	}
	s.Skew, s.Timed = n.skew()
	s.Clamped = s.Timed && s.Skew > n.cfg.MaxSkew
	s.Members = append(make([]MemberView, 0, len(n.peers)+1), MemberView{Member: n.self, Self: true, Connected: true, Seen: n.now.Wall})
	if n.refused.Reason != RefusedNot && n.now.Mono < n.refused.at+2*dialRefused {
		s.Refused = append(s.Refused, n.refused.PeerRefused)
	}
	if p := n.nameTaken(); p != nil {
		s.NameConflict = append(s.NameConflict, p.Member)
	}
	for _, p := range n.peers {
		if p.state == MemberGone || !p.active() {
			continue // gone, or not a member of any cluster yet
		}
		v := MemberView{
			Member: p.Member, State: p.state, Connected: p.up, Seen: p.seen.Wall, Reach: p.reach,
			RTT: p.rtt, Skew: n.lead(p), Timed: p.clock.known,
		}
		n.compareWith(p, &v)
		s.Members = append(s.Members, v)
	}
	slices.SortFunc(s.Members, func(a, b MemberView) int {
		if a.Joined != b.Joined {
			return int(min(max(a.Joined-b.Joined, -1), 1))
		}
		return a.Replica.Compare(b.Replica)
	})
	return s
}
