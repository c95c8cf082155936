package statemachine

// The bounds of the protocol's queues, tables and messages. At a bound the core
// drops and counts; it never grows.
const (
	// MembersMax bounds the member table, this node included.
	MembersMax = 256

	// RosterMax bounds the replicas known at all, those included that have left
	// or were evicted: these are few bytes each, and are never forgotten.
	RosterMax = 4096

	// reportsMax bounds the reports in one message.
	reportsMax = MembersMax

	// retireMax bounds the streams retired at one time, and those in one piece of
	// a list; retiredMax bounds a list from a peer.
	retireMax  = 1024
	retiredMax = 1 << 20

	// guestsMax bounds the connections kept to say why they are refused.
	guestsMax = 64

	// copyAhead bounds the chunks of a copy that wait for the store. One is prepared
	// while one is synced, and the next have to be there by then: with 2 the store
	// waited for the source a third of the time.
	copyAhead = 4

	// pinsMax bounds the copies that a node is the source of at one time.
	pinsMax = 8

	// NameBytesMax and AddrBytesMax bound the strings of a Member.
	NameBytesMax = 255
	AddrBytesMax = 255

	// FrameBytesMax bounds one message on the wire: a chunk of bulk, or one
	// entry with the greatest value and key, with room for their framing.
	FrameBytesMax = 1<<20 + 64<<10

	// batchesMax bounds the batches handed to the store at one time: one that
	// syncs and one that waits, so that the next fills meanwhile.
	batchesMax = 2

	// jobsMax and jobBytesMax bound what waits to become a batch. Beyond them
	// client writes are refused and received entries dropped, to come again.
	jobsMax     = 4096
	jobBytesMax = 64 << 20

	// readsMax bounds the reads that peers' questions may keep under way.
	readsMax = 64

	// chunkEntriesMax and chunkBytesMax bound one chunk of a delta or scrub. Here
	// and below bytes count as keyspace.Size does, more than they are on the wire.
	// Invariant: a chunk and a push each fit one batch.
	chunkEntriesMax = 512 // default of Config.ChunkEntries
	chunkBytesMax   = 1 << 20

	// copyEntriesMax bounds one chunk of a copy. Each is read, packed and applied in
	// one go, and whoever writes meanwhile waits for it; each is synced. Of 300,000 records
	// the copy took 13.7 s with 192, 11.9 with 384 and 11.0 with 768, the source's p99
	// 17.7, 16.1 and 18.9 ms, on a slow disk (without a copy 4 to 13 ms).
	copyEntriesMax = 384

	// pushEntriesMax and pushBytesMax bound one push; windowBytes and
	// windowEntries bound what one peer has not acknowledged yet.
	pushEntriesMax = 512 // default of Config.PushEntries
	pushBytesMax   = 512 << 10
	windowBytes    = 16 << 20
	windowEntries  = 16 << 10

	// leavesMax bounds the leaves listed in one step of a scrub, and
	// compareNodesMax the nodes compared in one.
	leavesMax       = 64
	compareNodesMax = 4096

	// innerMax bounds the nodes above the leaves that a scrub asks about at once,
	// and suspectsMax the leaves that wait to be looked at again: with as many,
	// the descent waits. The answer under way may exceed it by compareNodesMax.
	innerMax    = 1024
	suspectsMax = 8192

	// leafItemsMax bounds the records listed in one LeafList, unless it is one
	// leaf, and the differences that one Diff finds.
	leafItemsMax = 16 << 10

	// exchangeMax bounds the records given, and those wanted, in one Items.
	exchangeMax = 256

	// visitorsMax bounds the peers whose scrubs a node serves at one time.
	visitorsMax = 2

	// opensMax is how often one scrub begins at the root, because its partner was
	// busy, or it took so long that the minute which it compares is too far back.
	opensMax = 10

	// questionTries is how often one question of a scrub is asked.
	questionTries = 3

	// paceMax is how many times as long the pauses of a scrub grow at most.
	paceMax = 32

	// lookupsMax bounds the clients' questions that wait for the source of a copy.
	lookupsMax = 32

	// awaitsMax, consultsMax and copiesMax bound the reads and writes of clients that
	// wait for others. Beyond them nobody waits: such a write is answered as it stands.
	awaitsMax   = 1024
	consultsMax = 256
	copiesMax   = 8192

	// damagedMax bounds the damaged records that peers are asked for, and
	// damageWantMax those asked for in one message.
	damagedMax    = 1024
	damageWantMax = 256

	// seedsMax bounds the addresses that are dialed beside the members'.
	seedsMax = 64

	// HelloSeedsMax bounds the replicas in Hello.Seeds: those at the seeds, and the
	// sender.
	HelloSeedsMax = seedsMax + 1

	// gossipFanoutMax is the most peers that one round of gossip goes to.
	gossipFanoutMax = 3

	// relaysMax is the most peers that are asked to ask a silent one, and
	// accusersMax the accusers that a suspicion counts.
	relaysMax   = 3
	accusersMax = 3

	// treeFanout is how many eager links a node begins with when it has many, and
	// pruneAfter how many entries more than it brings news a link may bring in vain.
	treeFanout = 4
	pruneAfter = 3

	// clocksMin is how many peers' clocks must be known to doubt one's own.
	clocksMin = 2

	// suspicionStretch is how many times longer a suspicion lasts that nobody
	// else shares, and healthMax how many times slower a node judges that has
	// itself to blame, one less.
	suspicionStretch = 3
	healthMax        = 8
)

// Timers that are not settings.
const (
	dialBackoffMin  Millis = 250
	dialBackoffMax  Millis = 5_000
	dialRefused     Millis = 60_000
	dialSelf        Millis = 20_000
	mintAfter       Millis = 10_000 // a node with seeds that meets no cluster by then may mint one
	announceDelay   Millis = 50     // changes of the member table gather this long
	parkedMax       Millis = 5_000  // a link that was lazy for longer is not pushed what it missed
	relayFresh      Millis = 5_000  // an entry that lost is not relayed when it is older; less than any tombstone's life
	pushRetryMin    Millis = 500    // no progress of an acknowledgement: push again
	pushGrace       Millis = 500    // what a live origin still owes is not asked from others before this
	deltaTimeout    Millis = 2_000
	scrubTimeout    Millis = 10_000
	questionTimeout Millis = 3_000
	visitorStay     Millis = 20_000 // longer than a scrub ever pauses
	busyRetry       Millis = 2_000
	confirmMin      Millis = 5_000 // a leaf is listed if it differs at the start and the end of so long
	confirmMax      Millis = 10_000
	scrubAgainAfter Millis = 1_000

	listRetry    Millis = 1_000
	turnDelay    Millis = 1_000  // a start is busy enough; the digest follows the clock then
	leaveTimeout Millis = 10_000 // the longest that a drain may take
	leavePoll    Millis = 100
	leaveLinger  Millis = 1_000 // the announcement of a departure gets away in this time
	copyPoll     Millis = 1_000
	copyTimeout  Millis = 5_000  // silence after which a copy looks for another source
	copyGiveUp   Millis = 60_000 // without any source a node goes on with what it has
	relearnMost  Millis = 30_000 // without what its peer had a node goes on, after a restart of its machine
	// lookupTimeout is how long a client's question waits for the source.
	lookupTimeout Millis = 2_000
	copyShun      Millis = 10_000 // a source that failed is not asked again before this
	pinTimeout    Millis = 60_000 // a pin whose copy makes no progress
	vouchAfter    Millis = 60_000 // a restarted source that reaches nobody may serve
	damageGap     Millis = 1_000  // between asking one peer and the next for a damaged record
	damageRetry   Millis = 60_000 // before all are asked again
)
