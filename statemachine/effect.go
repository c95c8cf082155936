package statemachine

import "kvs/statemachine/keyspace"

// Effect is what Step asks of the shell. The set is sealed.
type Effect interface {
	effect()
	Printable
}

// StoreRead is an effect that reads the store and changes nothing. Answer turns
// it into the input that it owes.
type StoreRead interface {
	Effect
	storeRead()
}

// Dial asks for one attempt to connect to an address. Success is a PeerUp;
// failure is silence, and the core dials again when it sees fit.
type Dial struct{ Addr string }

// Disconnect closes the connection to a peer.
type Disconnect struct {
	Peer   ReplicaID
	Reason Refusal
}

// Class chooses the stream on which a message travels, so that bulk never
// blocks what is urgent.
type Class uint8

// The classes, most urgent first.
const (
	ClassControl Class = iota // membership, digests, acknowledgements
	ClassPush                 // fresh writes
	ClassBulk                 // deltas and scrubs
	ClassCount
)

// Send tries once to deliver a message, never blocks, and may drop it.
type Send struct {
	To    ReplicaID
	Class Class
	Msg   Message
}

// Apply carries out a batch in one transaction, after all batches before it.
// Answered by Applied, in the same order, once it is durable or, under
// Config.Async, once it is committed.
type Apply struct{ Batch *keyspace.Batch }

// ReadDigest asks for the sums of nodes of the digest tree as of a minute, or, as
// of 0, as they are now.
type ReadDigest struct {
	Op    OpID
	Level int
	Index []uint32
	AsOf  keyspace.Minute
}

// ReadLeaf asks for the listings of leaves as of a minute.
type ReadLeaf struct {
	Op     OpID
	Leaves []keyspace.Leaf
	AsOf   keyspace.Minute
}

// ReadDots asks for the first entries whose dots are not in Not, behind the dot After.
type ReadDots struct {
	Op      OpID
	Not     VV
	After   Dot
	Entries int // at most
}

// ReadRecords asks for the records with the given key hashes.
type ReadRecords struct {
	Op   OpID
	Keys []keyspace.KeyHash
}

// ReadCopy asks for one chunk of a copy of all records.
type ReadCopy struct {
	Op      OpID
	Phase   keyspace.Phase
	Cutoff  Millis
	After   string
	Entries int // at most
}

// ReadKey asks for the record of one key.
type ReadKey struct {
	Op  OpID
	Key string
}

// Restart ends this run: the shell closes everything, opens the directory again
// and goes on with a new Node. The replica may be another one then.
type Restart struct{}

// Respond ends a client's request.
type Respond struct {
	Request RequestID
	Result  WriteResult
}

// Stored says that the batch of a write is Applied whose Respond waits for copies.
type Stored struct{ Request RequestID }

// Done ends a command.
type Done struct {
	Request RequestID
	Result  CommandResult
}

// Notify tells the shell of something that a person may want to know.
type Notify struct{ Event Event }

// WriteResult is the fate of a client's write.
type WriteResult struct {
	Refused Refusal // RefusedNot if it is stored here
	// Version is that of the write, or, after RefusedCondition, what is stored instead.
	Version keyspace.Version
	Existed bool // a live record was there before
	Dot     Dot  // of the write
	// Copies is how many replicas are known to have it durably, if that was asked for;
	// Short says that they are less than was wanted.
	Copies int
	Short  bool
}

// Refusal says why a write or a peer was turned away.
type Refusal uint8

// The reasons.
const (
	RefusedNot        Refusal = iota
	RefusedReadOnly           // the node is read-only
	RefusedOverloaded         // too many batches wait for the disk
	RefusedClock              // the version to beat ends at the last timestamp there is
	RefusedCluster            // the peer belongs to another cluster
	RefusedProtocol           // no protocol version in common
	RefusedBoot               // a newer start of the same replica is known
	RefusedFull               // the member table is full
	RefusedSyncing            // the node takes over the data of its cluster first
	RefusedLeaving            // the node is leaving its cluster, or has left
	RefusedName               // another replica with this node's name came first
	RefusedUnknown            // no such peer, or no connection to it
	RefusedTimeout            // what had to happen first did not happen in time
	RefusedSelf               // a node cannot do this to itself
	RefusedFenced             // the replica was evicted, or has left
	RefusedLoss               // durable writes of the replica are lost
	RefusedAuth               // one demands tokens of clients, the other does not
	RefusedSkew               // the clocks are too far apart to compare what expires
	RefusedCondition          // a condition of the write does not hold
)

func (Dial) effect()        {}
func (Disconnect) effect()  {}
func (Send) effect()        {}
func (Apply) effect()       {}
func (ReadDigest) effect()  {}
func (ReadLeaf) effect()    {}
func (ReadDots) effect()    {}
func (ReadRecords) effect() {}
func (ReadCopy) effect()    {}
func (ReadKey) effect()     {}
func (Restart) effect()     {}
func (Respond) effect()     {}
func (Stored) effect()      {}
func (Done) effect()        {}
func (Notify) effect()      {}

func (ReadDigest) storeRead()  {}
func (ReadLeaf) storeRead()    {}
func (ReadDots) storeRead()    {}
func (ReadRecords) storeRead() {}
func (ReadCopy) storeRead()    {}
func (ReadKey) storeRead()     {}
