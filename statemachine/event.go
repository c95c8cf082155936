package statemachine

import "kvs/statemachine/keyspace"

// Event is something that a person may want to know. The shell words logs and
// metrics from it. The set is sealed.
type Event interface {
	event()
	Printable
}

// MemberState is what the members view says of a member.
type MemberState uint8

// The states of the members view.
const (
	MemberAlive  MemberState = iota
	MemberFailed             // not heard of for failed_after
	MemberGone               // not heard of for removed_after; no longer listed
)

// String names the state.
func (s MemberState) String() string { return [...]string{"alive", "failed", "gone"}[s] }

// MemberChanged says that a member changed its state in this node's view.
type MemberChanged struct {
	Member Member
	State  MemberState
}

// ClusterChosen says that this node now belongs to a cluster.
type ClusterChosen struct {
	Cluster ClusterID
	Minted  bool // made here, rather than taken over from a peer
}

// PeerRefused says that a connection was refused, and why.
type PeerRefused struct {
	Peer   Member
	Reason Refusal
}

// CaughtUp says that a delta ended: this node now claims all that its source
// claimed when it began.
type CaughtUp struct {
	Source  ReplicaID
	Entries uint64
}

// Diverged says that two replicas that claim the same writes differ in their
// digests, and that a scrub begins. Deltas should have made this impossible.
type Diverged struct{ Peer ReplicaID }

// Repaired says that a scrub brought records that were missing or older here.
type Repaired struct {
	Peer    ReplicaID
	Records uint64
}

// Departed says that a replica has left or was evicted.
type Departed struct{ Member Member }

// Rejoining says that this replica ends its life and begins another as a new
// one, and why.
type Rejoining struct{ Reason Refusal }

// CopyChanged says that a copy of the cluster's data has come to another phase.
type CopyChanged struct {
	Source ReplicaID
	Phase  keyspace.Phase
}

// SettledAlone says that this node found nobody to copy from, and goes on with
// what it has.
type SettledAlone struct{}

// Unplaced says that writes of an earlier life lie below what was purged
// meanwhile, so that only the log of losers holds them.
type Unplaced struct{ Records uint64 }

func (Departed) event()     {}
func (Rejoining) event()    {}
func (CopyChanged) event()  {}
func (Unplaced) event()     {}
func (SettledAlone) event() {}

// DataLost says that the store of this node has lost writes that were durable.
type DataLost struct{ Loss keyspace.Loss }

// LossMended says that this node, after such a loss, has all again that a peer
// claims. Writes that no peer had stay lost.
type LossMended struct {
	Peer ReplicaID
	Loss keyspace.Loss
}

// RecordDamaged says that a stored record cannot be read, and that peers are
// asked for it.
type RecordDamaged struct{ Key string }

// RecordMended says that such a record was replaced by what a peer had.
type RecordMended struct{ Key string }

// ReachChanged says that the failure detector thinks differently of a member.
type ReachChanged struct {
	Member Member
	Reach  Reach
}

// ClockSkewed says that this node's clock is further ahead of its peers' than
// MaxSkew, so that it stamps with less, or that it no longer is.
type ClockSkewed struct {
	Ahead   Millis
	Clamped bool
}

func (ClockSkewed) event()   {}
func (MemberChanged) event() {}
func (ReachChanged) event()  {}
func (ClusterChosen) event() {}
func (PeerRefused) event()   {}
func (CaughtUp) event()      {}
func (Diverged) event()      {}
func (Repaired) event()      {}
func (DataLost) event()      {}
func (RecordDamaged) event() {}
func (RecordMended) event()  {}
func (LossMended) event()    {}
