package keyspace

// BatchID numbers the batches of one run, in the order of their application.
type BatchID uint64

// Batch is one storage transaction, decided by the protocol and carried out by
// Apply. Bounds: BatchWritesMax writes and entries together, and BatchBytesMax
// in terms of Size, unless it is one large write.
type Batch struct {
	ID      BatchID
	Now     Millis // wall time of the step that made it, held back if it is far ahead
	MaxSkew Millis // how far ahead of Now a peer's timestamp still moves the clock
	Writes  []Write
	Entries []Entry
	// Repair says that the entries come from a scrub: one whose dot is known
	// may still be news, because the records behind the dot may be lost.
	Repair  bool
	Claim   *Claim    // applied after the entries
	Join    Millis    // the join time to take if there is none yet; 0 none
	Adopt   *Adoption // ignored once there is a cluster
	Members []Member  // to remember
}

// Write is one client's write.
type Write struct {
	Key    string
	Value  []byte
	Delete bool
	TTL    Millis // from the batch's Now; 0 never expires
}

// Claim is the end of a delta: the sender had sent whatever of VV was not in
// Base, and still alive.
type Claim struct{ Base, VV VV }

// Adoption makes the replica a member of a cluster.
type Adoption struct {
	Cluster ClusterID
	Digest  DigestKey
}

// Applied answers a batch that is durable.
type Applied struct {
	Batch    BatchID
	Outcomes []Outcome // one a write, then one an entry
	VV       VV
	Sum      Sum // of the whole digest tree
	Live     uint64
	Cluster  ClusterID
	Digest   DigestKey
	Joined   Millis
	Claimed  bool   // the claim was adopted
	Ahead    uint64 // entries merged that were too far ahead to move the clock
}

// OutcomeKind says what became of a write or an entry.
type OutcomeKind uint8

// What can become of a write or an entry.
const (
	Won     OutcomeKind = iota // stored: it beats what was there
	Lost                       // not stored, what is there beats it; its dot is known now
	Dup                        // dropped: its dot was known before
	Refused                    // a local write that cannot win, or an entry that poses as one
)

// String names the outcome.
func (k OutcomeKind) String() string {
	return [...]string{"won", "lost", "dup", "refused"}[k]
}

// Outcome is the fate of one write or entry.
type Outcome struct {
	Kind    OutcomeKind
	Header  Header  // of the write, as stored
	Prev    Version // what was stored before; zero none
	Existed bool    // a live record was there before
}
