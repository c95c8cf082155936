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
		{"pins", len(n.pins), pinsMax},
		{"refused guests", len(n.guests), guestsMax},
		{"visitors", len(n.visitors), visitorsMax},
		{"damaged records", len(n.damage), damagedMax},
		{"lookups", len(n.lookups), lookupsMax},
		{"suspect leaves", len(n.scrub.suspects), suspectsMax + compareNodesMax},
	}
}
