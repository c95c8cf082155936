package statemachine

import "kvs/statemachine/keyspace"

// Config is what a node is told once, at its start. All random bytes are drawn
// by the shell.
type Config struct {
	Seed [32]byte          // of the ChaCha8 stream behind every random choice
	Mint keyspace.Adoption // the cluster to found, should it come to that

	Name  string   // node_id, at most NameBytesMax
	Addr  string   // what peers dial, host:port, at most AddrBytesMax
	Seeds []string // addresses to join through; none means this node may found a cluster
	// ClusterName and AuthMode must be the same on all nodes of a cluster: the
	// operator's name of it, at most NameBytesMax, and whether clients need tokens.
	// MixedAuth leaves the latter to the operator: two nodes of which one needs
	// tokens and the other does not talk to each other if both have it.
	ClusterName string
	AuthMode    bool
	MixedAuth   bool

	// Tuning is the part that a running node takes anew.
	Tuning

	// Replication is the interval between two digests: it bounds how long a
	// loss stays unnoticed when push did not deliver.
	Replication Millis
	// Collect is the interval between two rounds of collection, and of the
	// reports that it waits for.
	Collect Millis
	// Retention is how long tombstones and expired records are kept at least.
	// Collection is safe with any value; a longer one lets followers of changes
	// be away for longer.
	Retention Millis
	// Horizon is the longest absence after which a replica may still catch up.
	// After it the others stop waiting for it, and it starts over. It is also the
	// age up to which a new replica copies records before it serves.
	Horizon Millis
	// Probe is the interval in which one member after the other is asked for a
	// sign of life. Invariant: Probe > 1.
	Probe Millis
	// RingBytes bounds the fresh writes kept for push. A peer further behind
	// catches up by deltas.
	RingBytes int
	// DirectFanout is how many peers a node pushes its writes to by itself; with
	// more, a tree of relays takes over.
	DirectFanout int
	// ChunkEntries and PushEntries bound the entries of one chunk of a delta
	// and of one push. The defaults are their greatest values; the simulator
	// takes small ones, so that few writes make many messages.
	ChunkEntries, PushEntries int

	// Async says that the store does not sync every batch before it is Applied, and
	// that Synced says what is durable.
	Async bool

	// Mutant is a rule to break on purpose; see keyspace.Mutant.
	Mutant keyspace.Mutant
}

// Tuning is what operators change while a node runs: no peer has to know of it.
type Tuning struct {
	ReadOnly bool // refuse client writes; replication goes on

	// GossipMin and GossipMax bound the random interval between two exchanges
	// of the whole member table. Invariant: GossipMin <= GossipMax.
	GossipMin, GossipMax Millis
	// Sync is the interval between two scrubs, and Catchup the longest that a
	// node which knows it is behind waits before it asks somebody again.
	Sync, Catchup Millis
	// FailedAfter and RemovedAfter are the silences after which the members
	// view shows a member as failed, and no longer shows it.
	// Invariant: FailedAfter < RemovedAfter.
	FailedAfter, RemovedAfter Millis
	// MaxSkew is how far ahead of this node's clock a peer's timestamp may be
	// and still move the clock floor.
	MaxSkew Millis
	// Revisions is how many versions of a key that stand no more are kept, 0 none.
	Revisions int
	// Throttle is the shortest time between two questions of a scrub, and
	// FetchDelay between two exchanges of its records. Both stretch while the
	// node is busy.
	Throttle, FetchDelay Millis
}

// DefaultConfig returns the documented defaults.
func DefaultConfig() Config {
	return Config{
		Tuning: Tuning{
			GossipMin: 60_000, GossipMax: 120_000,
			Sync: 300_000, Catchup: 120_000,
			FailedAfter: 300_000, RemovedAfter: 600_000,
			Throttle: 100, FetchDelay: 50,
			MaxSkew:   500,
			Revisions: 16,
		},
		Replication: 1_000,
		Collect:     10_000, Retention: 3_600_000, Horizon: 720 * 3_600_000,
		Probe:        1_000,
		DirectFanout: 16,
		RingBytes:    64 << 20, ChunkEntries: chunkEntriesMax, PushEntries: pushEntriesMax,
	}
}
