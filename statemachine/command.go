package statemachine

import "kvs/statemachine/keyspace"

// Commands are what operators ask of a node. Each is answered by exactly one
// Done, unless the run ends before.

// SetMode switches client writes off or on. It lasts until the next start, which
// takes the configured mode again.
type SetMode struct {
	Request  RequestID
	ReadOnly bool
}

// SetConfig gives a running node another Tuning. Intervals that have changed begin
// anew. A configured mode that is another than before ends what SetMode has set; one
// that is not lets it stand. The caller has checked the invariants of Tuning.
type SetConfig struct {
	Request RequestID
	Tuning  Tuning
}

// SyncNow begins to compare with a peer at once, or with every linked one if
// Peer is zero. Done follows when the comparisons have begun, not when they end.
type SyncNow struct {
	Request RequestID
	Peer    ReplicaID
}

// Leave takes this node out of its cluster for good: client writes are refused,
// and once at least one peer durably has every write of this replica (all of
// them with All) it says that it has left. If that does not happen within
// leaveTimeout, nothing is said and the node goes on as before, unless Force.
type Leave struct {
	Request    RequestID
	All, Force bool
}

// Forget evicts another replica for good: nobody waits for it any more, and
// should it come back, it has to join again as a new one. A node that has
// no cluster or not all data yet refuses, because it might give up the only one that has,
// unless Force says that the other is known to be lost.
type Forget struct {
	Request RequestID
	Member  ReplicaID
	Force   bool
}

// Diff asks which visible records differ from a peer's right now.
type Diff struct {
	Request RequestID
	Peer    ReplicaID
}

// Lookup reads a key that this node has no record of, while it has only what is
// recent: its source is asked. Without a source, or without an answer within
// lookupTimeout, it is refused with RefusedSyncing.
type Lookup struct {
	Request RequestID
	Key     string
}

// Await waits, at most so long, until this node shows what a session has seen at others.
// It is refused with RefusedTimeout if that does not happen.
type Await struct {
	Request RequestID
	Session keyspace.Session
	Wait    Millis
}

// PeerRead brings what N-1 other replicas have of a key, so that whoever reads it here
// afterwards reads the newest of N. It is refused with RefusedTimeout if not so many
// answer in time.
type PeerRead struct {
	Request RequestID
	Key     string
	N       int
	Wait    Millis
}

// CommandResult is the fate of a command.
type CommandResult struct {
	Refused Refusal // RefusedNot if it was carried out
	// Peers are those that hold all writes of a node that left, or those that a
	// comparison began with.
	Peers []ReplicaID
	// Differences answer Diff, at most leafItemsMax of them, in the order of
	// their key hashes. More says that the bound cut some off.
	Differences []Difference
	More        bool
	// Found answers Lookup with the record that the source has, which may be a
	// tombstone or have expired; nil if the source has none. Complete says instead
	// that this node has all by now: what its store lacks, is absent.
	Found    *Entry
	Complete bool
}

// Difference is one record that two replicas do not have alike.
type Difference struct {
	Hash        keyspace.KeyHash
	Here, There bool // a visible record of that key is there
}

func (SetMode) input()   {}
func (SetConfig) input() {}
func (SyncNow) input()   {}
func (Leave) input()     {}
func (Forget) input()    {}
func (Diff) input()      {}
func (Lookup) input()    {}
func (Await) input()     {}
func (PeerRead) input()  {}
