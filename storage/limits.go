package storage

// The bounds of this package. The core keeps at most 6 batches and about 64
// reads under way, so a full queue is a bug of the core and panics.
const (
	// writeQueueMax bounds the batches and digest reads that wait.
	writeQueueMax = 128

	// readQueueMax bounds the other reads that wait.
	readQueueMax = 128

	// queueOrdersMax bounds the records without a batch that wait; beyond it their
	// callers do.
	queueOrdersMax = 64

	// memTableBytes is the size of one of Badger's two tables in memory, and
	// with it that of the greatest transaction: 15 % of it, 2.4 MiB.
	memTableBytes = 16 << 20

	// memTablesMax is how many full tables may wait for their flush.
	memTablesMax = 2

	// valueLogBytes sizes the value log, of which nothing but its header is
	// ever used. Badger refuses any transaction with a greater value.
	valueLogBytes = 16 << 20

	// levelZeroTables is how many flushed tables begin a compaction, and levelZeroStall
	// how many stop the writers. A flushed table is small, about 6 MB, but it holds keys
	// of all classes, so a compaction of them rewrites all of the next level, up to
	// 640 MB. Of a copy of 1,000,000 records that took 53 s, such compactions held up
	// 25 s with 8 tables at a time, and 14 with 16. Larger tables and a larger level save
	// more of them; beside tables of 8 MB another node on the same disk waits longer for
	// its syncs.
	levelZeroTables = 16
	levelZeroStall  = 48
	baseTableBytes  = 4 << 20
	baseLevelBytes  = 64 << 20

	// compactorsMin is the least that Badger runs with.
	compactorsMin = 2

	// valueThreshold is the size from which Badger would put a value into the
	// value log, at its greatest. partBytesMax is the greatest stored value
	// that stays out of it.
	valueThreshold = 1 << 20
	partBytesMax   = valueThreshold - 1

	// damagesMax bounds the damaged records that wait for the writer, and
	// reportedMax the memory of those that it knows of. Beyond either a record is
	// reported when it is met again.
	damagesMax  = 64
	reportedMax = 4096

	// slabBytes is how much memory a transaction takes at a time for what it
	// copies; anything beyond a quarter of it is allocated alone.
	slabBytes = 64 << 10

	// slabEntries is how many of Badger's entries it takes at a time.
	slabEntries = 64
)
