package statemachine

import "kvs/statemachine/keyspace"

// Short names for the types of the data half.
type (
	Millis    = keyspace.Millis
	ReplicaID = keyspace.ReplicaID
	ClusterID = keyspace.ClusterID
	DigestKey = keyspace.DigestKey
	Boot      = keyspace.Boot
	Stream    = keyspace.Stream
	Dot       = keyspace.Dot
	Seq       = keyspace.Seq
	VV        = keyspace.VV
	Sum       = keyspace.Sum
	Entry     = keyspace.Entry
	BatchID   = keyspace.BatchID
)

// Time is the only clock of the core, handed to every Step.
type Time struct {
	Mono Millis // since an arbitrary start, never goes back; drives timers
	Wall Millis // since the Unix epoch, may jump; stamps versions
}

// OpID names a read that was asked of the store. Each is answered exactly once.
type OpID uint64

// RequestID names a client's write. Each gets exactly one Respond.
type RequestID uint64

// Input is what Step consumes: a tick, a message, a client's request, or the
// answer to an effect. The set is sealed.
type Input interface {
	input()
	Printable
}

// Tick says that time has passed. It is due at Deadline; earlier is harmless.
type Tick struct{}

// PeerUp says that an authenticated connection stands and that Hello arrived on
// it. Hello.Replica is what the peer's certificate says.
type PeerUp struct{ Hello Hello }

// Reached says which replica answered at a dialed address, whether or not that
// connection was kept: it may be a second one to a peer, or this very node.
type Reached struct {
	Addr string
	Peer ReplicaID
}

// PeerDown says that the connection is gone.
type PeerDown struct{ Peer ReplicaID }

// Received is a message from a connected peer, or a Refuse in the place of a
// connection that a peer did not let stand. The core keeps references into
// it; nobody changes it afterwards.
type Received struct {
	From ReplicaID
	Boot Boot
	Msg  Message
}

// ClientWrites is one group of client writes, to be made durable together.
// Bounds: those of a keyspace.Batch.
type ClientWrites struct{ Writes []ClientWrite }

// ClientWrite is one write and the request that waits for it: until it is Applied here
// or, with Acks, durable on so many replicas, this one included, or AcksAll; then it gets Stored
// first, and Respond after Wait at the latest.
type ClientWrite struct {
	Request RequestID
	Write   keyspace.Write
	Acks    int
	Wait    Millis
}

// Applied answers Apply: once the batch is durable, or under Config.Async once all that
// read the store see it.
type Applied struct{ Result *keyspace.Applied }

// Synced says that all batches up to this one are durable, and the vector as of it. It
// comes under Config.Async alone, after the Applied of that batch, from time to time.
type Synced struct {
	Batch BatchID
	VV    VV
}

// DigestRead answers ReadDigest: one sum an index.
type DigestRead struct {
	Op   OpID
	Sums []Sum // nil if the tree cannot be turned to that minute
}

// LeafRead answers ReadLeaf: one listing a leaf.
type LeafRead struct {
	Op     OpID
	Leaves [][]keyspace.LeafItem
}

// DotsRead answers ReadDots.
type DotsRead struct {
	Op   OpID
	Page keyspace.Page
}

// RecordsRead answers ReadRecords.
type RecordsRead struct {
	Op      OpID
	Entries []Entry
	VV      VV // of the view
}

// CopyRead answers ReadCopy.
type CopyRead struct {
	Op   OpID
	Page keyspace.CopyPage
}

// KeyRead answers ReadKey.
type KeyRead struct {
	Op      OpID
	Entries []Entry // the record, deleted or not; none if the key has none
	Damaged bool    // there is one that cannot be read
}

// Damaged says that the stored record of a key cannot be read, and is not counted
// in the digest any more. It follows all answers to batches before it.
type Damaged struct{ Key string }

func (Tick) input()         {}
func (PeerUp) input()       {}
func (Reached) input()      {}
func (PeerDown) input()     {}
func (Received) input()     {}
func (ClientWrites) input() {}
func (Applied) input()      {}
func (Synced) input()       {}
func (DigestRead) input()   {}
func (LeafRead) input()     {}
func (DotsRead) input()     {}
func (RecordsRead) input()  {}
func (CopyRead) input()     {}
func (KeyRead) input()      {}
func (Damaged) input()      {}
