package statemachine

import "kvs/statemachine/keyspace"

// Load is how full one of the node's bounded places is.
type Load struct {
	Place    string
	Is, Most int
}

// jobsSpare is how many jobs of the node's own may wait beyond jobsMax: it refuses
// what comes from outside there, and what it owes itself is little.
const jobsSpare = 256

// Loads lists every place that grows with what others send, with its bound.
func (n *Node) Loads() []Load {
	return []Load{
		{"jobs", len(n.jobs.waiting), jobsMax + jobsSpare},
		{"bytes of jobs", n.jobs.bytes, jobBytesMax + jobsSpare*keyspace.BatchBytesMax},
		{"batches with the store", len(n.jobs.flying), batchesMax},
		{"reads with the store", len(n.reads), readsMax},
		{"replicas", len(n.peers), RosterMax},
		{"addresses to dial", len(n.dials), seedsMax + RosterMax},
		{"streams", len(n.vv.Sets()), keyspace.StreamsMax},
		{"ranges of a stream", n.mostRanges(), keyspace.RangesMax},
		n.ringLoad(),
		{"steps of ill health", n.detector.health, healthMax},
		{"pins", len(n.pins), pinsMax},
		{"refused guests", len(n.guests), guestsMax},
		{"visitors", len(n.visitors), visitorsMax},
		{"damaged records", len(n.damage), damagedMax},
		{"lookups", len(n.lookups), lookupsMax},
		{"suspect leaves", len(n.scrub.suspects), suspectsMax + compareNodesMax},
	}
}

// ringLoad is how full the push ring is. The newest write stays whatever its size.
func (n *Node) ringLoad() Load {
	l := Load{Place: "bytes of the push ring", Most: n.ring.limit}
	if held := len(n.ring.entries) - n.ring.start; held > 0 {
		l.Is = int(n.ring.size())
		if held == 1 {
			l.Most = max(l.Most, l.Is)
		}
	}
	return l
}

// mostRanges counts the ranges of the stream that has most.
func (n *Node) mostRanges() int {
	most := 0
	for _, set := range n.vv.Sets() {
		most = max(most, len(set.Ranges))
	}
	return most
}
