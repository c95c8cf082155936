package keyspace

// The bounds of what one record, batch or vector may hold. Peers enforce them
// on each other, so they are constants of the protocol and not settings.
const (
	// KeyBytesMax bounds a key: 1,024 bytes for a client's, and room for the
	// prefix of a system record.
	KeyBytesMax = 1100

	// ValueBytesMax bounds a value. One replica must not accept what another
	// cannot store in one transaction.
	ValueBytesMax = 1 << 20

	// BatchWritesMax and BatchBytesMax bound one storage transaction, the second
	// in terms of Size: with all indexes it must stay below the 2.4 MiB that the
	// store commits at once. A batch of one write may be larger. With what goes to
	// the history a batch may take several transactions.
	BatchWritesMax = 1024
	BatchBytesMax  = 2 << 20

	// indexCopies and indexBytes estimate what a record costs beside its value:
	// its key stands in up to eight stored records, each with its own overhead.
	indexCopies = 8
	indexBytes  = 700

	// GapsMax bounds the gaps that a replica opens in one stream by what happens to
	// arrive: from there on it takes no dot that would open another one.
	GapsMax = 64

	// RangesMax bounds the gaps a vector remembers for one stream. A vector never
	// forgets, so a claim that would open more is taken as far as it fits. It has room
	// for what 16 replicas have of a stream whose origin is gone, each with GapsMax
	// gaps of its own: they become one, and the gaps that are left become void.
	RangesMax = 16 * GapsMax

	// StreamsMax bounds the streams of a vector that arrives from a peer.
	StreamsMax = 4096

	// RevisionsMax bounds the revisions that are kept of one key.
	RevisionsMax = 256

	// conflictsMax bounds the log of conflicts.
	conflictsMax = 4096

	// lapsesMax bounds the expired records that are sorted by their times at once.
	lapsesMax = 4096

	// TimestampMax is the first millisecond of the year 10000. A version at or
	// beyond it is malformed, whatever the receiver's clock shows.
	TimestampMax Millis = 253402300800000

	// MinutesBack is how many minutes the digest can be turned back, so that
	// replicas whose clocks differ by less compare the same minute.
	MinutesBack = 4

	// LeafItemsMax bounds the listing of one leaf of the digest tree.
	LeafItemsMax = 4096

	// purgeStepKeys bounds the records that one transaction of a purge looks at,
	// turnStepKeys those that one takes out of the digest, and reconcileStepKeys
	// those of an earlier life that one settles.
	purgeStepKeys     = 1024
	turnStepKeys      = 1024
	reconcileStepKeys = 256

	// copyScanKeys bounds the records that one page of a copy looks at.
	copyScanKeys = 8192

	// rebuildStepKeys bounds one transaction of an index rebuild.
	rebuildStepKeys = 512

	// leavesStep bounds the leaves that one transaction writes at the end of a copy.
	leavesStep = 4096
)
