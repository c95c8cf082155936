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
	// Revisions is how many versions of a key that stand no more are kept, 0 none.
	// Invariant: at most RevisionsMax.
	Revisions uint32
	Writes    []Write
	Entries   []Entry
	// Repair says that the entries come from a scrub: one whose dot is known
	// may still be news, because the records behind the dot may be lost.
	Repair  bool
	View    VV        // of the sender, when it read the entries of a repair
	Claim   *Claim    // applied after the entries
	Join    Millis    // the join time to take if there is none yet; 0 none
	Adopt   *Adoption // ignored once there is a cluster
	Members []Member  // to remember
	// Forsake names damaged keys for whose lost records everybody in reach was
	// asked: what has taken their places stands.
	Forsake []string
	Whole   bool            // a proven loss is mended: forget it
	Retire  []RetiredStream // streams that are over

	Turn     bool      // expired records leave the digest
	Purge    *Purge    // forget what nobody needs
	Chunk    *Chunk    // the entries are one chunk of a transfer
	Transfer *Transfer // a transfer begins, or goes on with another source
	Restore  bool      // claim again what an earlier life claimed
	Rejoin   bool      // the next start begins another life of this directory
}

// Walks says that carrying out the batch iterates over stored records, so that
// the executor must not run it beside another.
func (b *Batch) Walks() bool {
	// The end of a transfer drops what an earlier life had claimed.
	ends := b.Transfer != nil && !b.Transfer.Active() || b.Claim != nil && b.Claim.Copy
	return b.Adopt != nil || b.Turn || b.Restore || ends || b.Purge != nil ||
		b.Chunk != nil && (b.Chunk.Reconcile || b.Chunk.Done) // its last one writes the leaves
}

// Write is one client's write.
type Write struct {
	Key    string
	Value  []byte
	Delete bool
	TTL    Millis // from the batch's Now; 0 never expires
	// If are judged inside the transaction, and must all hold here and now: another
	// replica may have a newer version on its way.
	If []Match
	// Seen is the greatest timestamp that the writer has seen: the write's is greater,
	// unless that would be too far ahead.
	Seen Millis
	Note []byte // who writes, for the executor's journal; nothing here looks at it
}

// Claim is the end of a delta: the sender had sent whatever of VV was not in
// Base, and still alive; of the rest it had purged what Floor and Stamps say.
type Claim struct {
	Base, VV VV
	Floor    VV
	Stamps   Millis // the greatest timestamp of what was purged
	Lapsed   Millis // and the latest expiry
	Copy     bool   // it ends a transfer, whose first source claimed Base
	// Voids are those dots of VV that no replica of the roster has, nor ever
	// will: nothing has to be there for them.
	Voids VV
}

// Adoption makes the replica a member of a cluster.
type Adoption struct {
	Cluster ClusterID
	Digest  DigestKey
	Copy    bool // others have data: an empty replica takes a copy before it serves
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
	// Conflicts are the concurrent versions that met in this batch.
	Conflicts []Conflict
	// News is what the batch stored, in order.
	News []Entry

	AsOf       Minute           // the minute that Sum is of
	Past       [MinutesBack]Sum // of the minutes before
	Floor      VV               // what was purged, as heads
	Stamps     Millis           // the greatest timestamp of what was purged
	Tombstones uint64
	Expiring   uint64   // records that expire, or have expired and are not purged
	Turned     bool     // the turn is complete
	Purged     []Purged // by this batch
	PurgeNext  []byte   // where the round goes on, nil at its end
	// Salvaged are writes of an earlier life, under their new dots, in order, and
	// deletions that it had forgotten, repeated.
	Salvaged []Entry
	Unplaced []Purged // writes of an earlier life that only the log of losers holds
	Transfer Transfer // as it stands now
}

// OutcomeKind says what became of a write or an entry.
type OutcomeKind uint8

// What can become of a write or an entry.
const (
	Won     OutcomeKind = iota // stored: it beats what was there
	Lost                       // not stored, what is there beats it; its dot is known now
	Dup                        // dropped: its dot was known before
	Refused                    // a local write that cannot win, or an entry that poses as one
	Unmet                      // a local write whose condition did not hold: nothing was stored
)

// String names the outcome.
func (k OutcomeKind) String() string {
	return [...]string{"won", "lost", "dup", "refused", "unmet"}[k]
}

// Outcome is the fate of one write or entry.
type Outcome struct {
	Kind    OutcomeKind
	Header  Header  // of the write, as stored
	Prev    Version // what was stored before; zero none
	Existed bool    // a live record was there before
}
