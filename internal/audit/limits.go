package audit

// The bounds of this package. The lengths of texts are in bytes before quoting,
// which makes at most six of one.
const (
	// LineBytesMax bounds a line with its newline, for writing and reading.
	LineBytesMax = 64 << 10

	// EntriesPerCheckpoint is how many entries may follow a checkpoint before
	// the next one, and CheckpointEvery how long one of them may wait for it.
	// More would leave more entries without a signature, less costs a sync and
	// a message to the peers each time.
	EntriesPerCheckpoint        = 1000
	CheckpointEvery      Millis = 60_000

	// RotateBytesDefault is the size from which a segment gets a successor.
	RotateBytesDefault = 64 << 20

	// Bounds of an entry's texts.
	ActorBytesMax   = 512  // users and roles are far shorter.
	ActionBytesMax  = 64   // actions are words of ours.
	KeyBytesMax     = 4096 // the longest key of the store.
	VersionBytesMax = 64   // a UUID takes 36.
	SetBytesMax     = 4096 // a token's path_prefix, escaped, is the longest.
	ResultBytesMax  = 64   // results are words of ours.
	RequestBytesMax = 256  // request ids may come from clients.
	KidBytesMax     = 128  // names of keys are ours.

	// quotedMax is what one byte of a text becomes at most: \u0000.
	quotedMax = 6

	// textBytesMax is what the texts of an entry take together, quoted.
	textBytesMax = quotedMax * (ActorBytesMax + ActionBytesMax + KeyBytesMax + VersionBytesMax +
		SetBytesMax + ResultBytesMax + RequestBytesMax)

	// frameBytesMax is more than the rest of any line takes: names, numbers,
	// hashes and a signature.
	frameBytesMax = 1024

	// numberMax keeps numbers and times within the integers of all readers.
	numberMax = 1<<63 - 1

	// bufferKeepBytes is the largest buffer that a log keeps between batches.
	bufferKeepBytes = 2 << 20

	// viewTriesMax is how often a reader of another process's log begins again
	// because a segment went that it was about to open.
	viewTriesMax = 5
)

// Every entry that passes its check fits into a line.
const _ = uint(LineBytesMax - textBytesMax - frameBytesMax)
