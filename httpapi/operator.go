package httpapi

import (
	"errors"
	"strings"
)

// What an Operator reports beside the errors of a Store.
var (
	// ErrPeerUnknown says that no member has this name or id, or that there is no
	// connection to the one that has it.
	ErrPeerUnknown = errors.New("httpapi: no such peer")
	// ErrSkew says that two nodes' clocks are too far apart to compare.
	ErrSkew = errors.New("httpapi: clocks too far apart")
	// ErrSelf says that a node cannot do this to itself.
	ErrSelf = errors.New("httpapi: not to itself")
	// ErrWaitTimeout says that what had to happen first did not happen in time.
	ErrWaitTimeout = errors.New("httpapi: waited too long")
	// ErrSyncing says that the node takes over the data of its cluster first.
	ErrSyncing = errors.New("httpapi: node is syncing")
	// ErrLeaving says that the node is leaving its cluster, or has left.
	ErrLeaving = errors.New("httpapi: node is leaving")
)

// AmbiguousError says that several members have the name that was given.
type AmbiguousError struct{ Replicas []string }

// Error lists the replicas.
func (e *AmbiguousError) Error() string {
	return "httpapi: several members have this name: " + strings.Join(e.Replicas, ", ")
}

// Operator carries out what an administrator asks of a node. A peer is named by
// its node_id or, in 32 hexadecimal digits, its replica id.
type Operator interface {
	// SetMode switches the writes of clients off or on, until the next start.
	SetMode(readOnly bool) error
	// SyncStatus describes how far this node and each member are apart. It is
	// cheap.
	SyncStatus() (SyncStatus, error)
	// SyncNow begins to compare with a peer, or with all if it is "", and returns
	// which they are.
	SyncNow(peer string) ([]Peer, error)
	// Diff compares with a peer, which may take seconds. names asks for the keys
	// of records that are or were here.
	Diff(peer string, names bool) (Diff, error)
	// Leave takes the node out of its cluster for good. It waits until a member
	// has all writes of this node, or with all until every one has them; if that
	// takes too long it gives up, or with force leaves anyway.
	Leave(all, force bool) (Left, error)
	// Forget evicts a member that will not come back. A node that has no cluster yet,
	// or not all data, refuses: the member may be the only one that has. With force it
	// takes the caller's word that it has not.
	Forget(member string, force bool) error
}

// Peer names a member.
type Peer struct {
	ID      string // Its node_id.
	Replica string // 32 hexadecimal digits.
}

// SyncStatus is how far a node and the members of its cluster are apart.
type SyncStatus struct {
	Peer // This node.
	Mode string
	// Durability says when writes are synced, "always" or "async". Unsynced is how many
	// writes a loss of power would take from this node now, and DurableSeq the newest
	// write of its own since its start that none takes, counted from 1; 0 is none.
	Durability string
	Unsynced   uint64
	DurableSeq uint64
	Digest     Digest
	Converged  bool // Every member is connected and has the same data, as far as this node knows.
	Peers      []PeerStatus

	Collection Collection
	Copy       Copy
}

// Collection is how far the node is with forgetting deletes and expired records.
type Collection struct {
	Tombstones   uint64 // That are stored.
	Expiring     uint64 // Records that expire or have expired.
	BlockedBy    []Peer // Whose reports it waits for; the id is empty of one that is not listed any more.
	BlockedSince int64  // When it began to wait for just these, Unix milliseconds; 0 if for nobody.
	Pins         int    // Copies that others take from this node; meanwhile it forgets nothing.
}

// Copy is how far the node is with taking over the data of its cluster.
type Copy struct {
	Phase     string // "none", "open", "recent", "rest", "whole" or "tail".
	Reconcile bool   // It has records of an earlier life to settle.
}

// PeerStatus is how far one member and this node are apart, by its last digest.
// Times are in Unix milliseconds by this node's clock; 0 is never.
type PeerStatus struct {
	Peer
	Address   string // host:port, IPv6 in brackets.
	State     string
	Connected bool
	Missing   uint64 // Writes it has and this node lacks.
	Lacking   uint64 // Writes this node has and it lacks.
	Bytes     uint64 // Pushed to it or waiting for that, and not acknowledged.
	OldestMs  int64  // For how long Missing has not been 0.
	EqualRoot bool
	Digested  int64
	Scrubbed  int64
}

// Diff is what two nodes do not have alike.
type Diff struct {
	Peer        Peer
	Differences []Difference
	More        bool // There are more than one answer holds.
}

// Difference is one record that two nodes do not have alike.
type Difference struct {
	Hash        uint64 // Of the key.
	Key         string // Empty if it is not known here, or was not asked for.
	Here, There bool   // Whether a live record is there.
}

// Left is how a node left its cluster.
type Left struct {
	Drained        bool // Whether at least one member has all its writes.
	AcknowledgedBy []Peer
}
