package statemachine

import "kvs/statemachine/keyspace"

// Kind numbers the messages on the wire. Numbers are only ever appended.
type Kind uint8

// The kinds of messages.
const (
	KindHello    Kind = 1
	KindWelcome  Kind = 2
	KindTable    Kind = 3
	KindDigest   Kind = 4
	KindPush     Kind = 5
	KindAck      Kind = 6
	KindNeed     Kind = 7
	KindDelta    Kind = 8
	KindCompare  Kind = 9
	KindLeafList Kind = 10
	KindItems    Kind = 11
	KindReports  Kind = 12
	KindRefuse   Kind = 13
	KindOpen     Kind = 14
	KindOpened   Kind = 15
	KindFetch    Kind = 16
	KindChunk    Kind = 17

	KindAskRetired  Kind = 18
	KindRetiredList Kind = 19

	KindPing      Kind = 20
	KindPingAck   Kind = 21
	KindPingReq   Kind = 22
	KindSuspicion Kind = 23
	KindGraft     Kind = 24
	KindPrune     Kind = 25

	KindGet Kind = 30
	KindGot Kind = 31
)

// Message is what peers say to each other. It is a type apart from Input, so
// that nothing from the network can pose as a local event. The set is sealed;
// unknown kinds are counted and dropped by the transport, unknown fields are
// ignored, and a missing field is zero, which is always safe.
type Message interface {
	Kind() Kind
	Printable
}

// The range of protocol versions that this code speaks.
const (
	ProtocolMin = 1
	ProtocolMax = 1
)

// Hello is the first message on a connection, in both directions, and is sent
// again when what it says has changed.
type Hello struct {
	ProtocolMin uint32    `cbor:"1,keyasint"`
	ProtocolMax uint32    `cbor:"2,keyasint"`
	Cluster     ClusterID `cbor:"3,keyasint"` // zero: has none yet
	Replica     ReplicaID `cbor:"4,keyasint"`
	Boot        Boot      `cbor:"5,keyasint"`
	Member      Member    `cbor:"6,keyasint"` // the sender's own entry
	// Features are what the sender's end of the connection can read beside what
	// the version says; the transport sets them.
	Features Features `cbor:"7,keyasint,omitempty"`
	// ClusterName and AuthMode must be the receiver's: nodes that serve clients
	// on other terms must not share data.
	ClusterName string `cbor:"8,keyasint,omitempty"` // at most NameBytesMax
	AuthMode    bool   `cbor:"9,keyasint,omitempty"`
	// Seeds are the replicas at the seeds of a sender without a cluster, itself
	// included, once all of them have answered; at most HelloSeedsMax.
	Seeds []ReplicaID `cbor:"10,keyasint,omitempty"`
}

// Features is a set of extensions, one a bit. Bits are only ever appended.
type Features uint64

// FeatureZstd says that bulk frames may be compressed as a whole.
const FeatureZstd Features = 1

// Welcome hands the cluster's identity to a peer that has none.
type Welcome struct {
	Cluster ClusterID `cbor:"1,keyasint"`
	Digest  DigestKey `cbor:"2,keyasint"`
}

// Member is one entry of the member table as it is gossiped. Its owner alone
// raises Incarnation and Heartbeat; the entry with the greater pair wins.
type Member struct {
	Replica     ReplicaID `cbor:"1,keyasint"`
	Name        string    `cbor:"2,keyasint,omitempty"` // the operator's node_id
	Addr        string    `cbor:"3,keyasint,omitempty"` // host:port
	Joined      Millis    `cbor:"4,keyasint,omitempty"`
	Boot        Boot      `cbor:"5,keyasint"`
	Incarnation uint64    `cbor:"6,keyasint,omitempty"`
	Heartbeat   uint64    `cbor:"7,keyasint,omitempty"`

	Standing keyspace.Standing `cbor:"8,keyasint,omitempty"` // only ever rises, whoever says so
	Stage    Stage             `cbor:"9,keyasint,omitempty"`
}

// syncing says that the replica takes no client writes, and no pushes.
func (s Stage) syncing() bool { return s == StageSyncing || s == StageRejoining }

// Stage says how much of its cluster's data a replica has.
type Stage uint8

// The stages. A replica that is not complete is nobody's source.
const (
	StageComplete  Stage = iota
	StageSyncing         // takes no client writes, and is not pushed to
	StagePartial         // has what is recent, and serves clients
	StageRejoining       // like syncing, with the data of an earlier life
)

// Table is the member table, or the part of it that changed.
type Table struct {
	Members []Member `cbor:"1,keyasint"`
}

// Digest is the heartbeat of replication: what the sender claims, and the sum
// over its digest tree at that very moment.
type Digest struct {
	VV   VV     `cbor:"1,keyasint"`
	Sum  Sum    `cbor:"2,keyasint"`
	Wall Millis `cbor:"3,keyasint"`
	Self Member `cbor:"4,keyasint,omitzero"` // the sender's own entry, in case an announcement was lost
	// AsOf is the minute up to which expired records have left Sum.
	AsOf keyspace.Minute `cbor:"5,keyasint,omitempty"`
	// What the sender's running stream, of this epoch, has beyond Pushed is on its way
	// to the receiver by push. Epoch is zero if it pushes nothing over this link.
	Epoch  keyspace.Epoch `cbor:"6,keyasint,omitzero"`
	Pushed Seq            `cbor:"7,keyasint,omitempty"`
	// Base is what all sources of the sender's copy had, while it makes one: VV does
	// not claim that yet.
	Base VV `cbor:"8,keyasint,omitzero"`
	// Async says that the sender syncs what it stores from time to time: of VV no more
	// than Durable is sure to survive a crash. Otherwise all of it is.
	Async   bool `cbor:"9,keyasint,omitempty"`
	Durable VV   `cbor:"10,keyasint,omitzero"`
}

// Push carries fresh writes: of the sender's running stream, in order, or of
// anybody's if they are relayed, which nobody acknowledges.
type Push struct {
	Entries []Entry `cbor:"1,keyasint"`
	Relayed bool    `cbor:"2,keyasint,omitempty"`
}

// Ack says what the sender durably has of the receiver's running stream.
type Ack struct {
	Have VV `cbor:"1,keyasint"`
	// Unsynced is how many of the newest writes below its head are not durable yet.
	Unsynced Seq `cbor:"2,keyasint,omitempty"`
}

// Need asks for one chunk of the entries whose dots are not in Not, behind the
// dot After. The asker keeps all state of the exchange; the answerer none.
// Session numbers the question, and its answer echoes it.
type Need struct {
	Session uint64 `cbor:"1,keyasint"`
	Not     VV     `cbor:"2,keyasint"`
	After   Dot    `cbor:"3,keyasint"`
	Pin     uint64 `cbor:"4,keyasint,omitempty"` // of the copy that this is the tail of
}

// Delta answers Need with one chunk, and the vector of the view it came from.
type Delta struct {
	Session uint64  `cbor:"1,keyasint"`
	After   Dot     `cbor:"2,keyasint"` // echoes Need
	Entries []Entry `cbor:"3,keyasint"`
	Last    Dot     `cbor:"4,keyasint"`
	Done    bool    `cbor:"5,keyasint,omitempty"`
	VV      VV      `cbor:"6,keyasint"`
	Changes uint64  `cbor:"7,keyasint,omitempty"` // 0 unknown; else equal numbers mean an unchanged store
	Holes   bool    `cbor:"8,keyasint,omitempty"` // records were left out: the vector must not be claimed
	// Floor, Stamps and Lapsed say what the source has purged, Voids what nobody has;
	// in the first chunk of a pass and in the last.
	Floor  VV     `cbor:"9,keyasint,omitzero"`
	Stamps Millis `cbor:"10,keyasint,omitempty"`
	Voids  VV     `cbor:"11,keyasint,omitzero"`
	Lapsed Millis `cbor:"12,keyasint,omitempty"`
}

// TreeNode is the sum of one node of the digest tree, the first half of it.
type TreeNode struct {
	Index uint32 `cbor:"1,keyasint"`
	Sum   uint64 `cbor:"2,keyasint"`
	// Theirs is, of a leaf, the receiver's sum as the sender saw it a while ago: a
	// leaf that has changed since is not listed.
	Theirs uint64 `cbor:"3,keyasint,omitempty"`
}

// Compare descends the digest tree: these are the sender's sums of one level.
// The answer has the sums below the nodes that differ, or, below the leaves, is
// a LeafList; an empty answer says that nothing differs. An empty question ends
// the scrub. Round numbers the question, and its answer echoes it.
type Compare struct {
	Round  uint64     `cbor:"1,keyasint"`
	Level  int        `cbor:"2,keyasint"`
	Nodes  []TreeNode `cbor:"3,keyasint"`
	Answer bool       `cbor:"4,keyasint,omitempty"`
	Retry  Millis     `cbor:"5,keyasint,omitempty"` // not 0: the sender serves enough scrubs; ask again after so long
	// AsOf is the minute that the sums are of, 0 whatever the tree has now. An
	// answer of another minute than the question's has no sums: the sender cannot
	// be turned to that one, and is at this.
	AsOf keyspace.Minute `cbor:"6,keyasint,omitempty"`
}

// LeafItem is one visible record of a listed leaf.
type LeafItem struct {
	Key    keyspace.KeyHash `cbor:"1,keyasint"`
	Digest uint64           `cbor:"2,keyasint"`
}

// LeafList answers Compare with the visible records of the leaves that differ.
type LeafList struct {
	Round  uint64          `cbor:"1,keyasint"`
	Leaves []keyspace.Leaf `cbor:"2,keyasint"`
	Items  []LeafItem      `cbor:"3,keyasint"`
	More   bool            `cbor:"4,keyasint,omitempty"` // leaves beyond the last one may differ too
}

// Items carries records that the receiver lacks or has in another version, and
// asks for those that the sender wants. The answer has these, in their order,
// or as many of the first ones as fit. Round 0 says that nobody asked.
type Items struct {
	Round   uint64             `cbor:"1,keyasint"`
	Entries []Entry            `cbor:"2,keyasint"`
	Want    []keyspace.KeyHash `cbor:"3,keyasint"`
	VV      VV                 `cbor:"4,keyasint,omitzero"` // of the view that Entries come from
	Answer  bool               `cbor:"5,keyasint,omitempty"`
}

// Open asks a peer to be the source of a copy: to pin what it has, so that
// nothing is purged while the copy is made.
type Open struct {
	Session uint64 `cbor:"1,keyasint"`
}

// Opened names the pin, and says how the source stood when it was made. A zero
// pin says that there is none, or none any more.
type Opened struct {
	Session uint64 `cbor:"1,keyasint"`
	Pin     uint64 `cbor:"2,keyasint,omitempty"`
	VV      VV     `cbor:"3,keyasint"`
	Floor   VV     `cbor:"4,keyasint,omitzero"`
}

// Fetch asks for one chunk of a copy, behind the key After.
type Fetch struct {
	Session uint64         `cbor:"1,keyasint"` // numbers the question
	Pin     uint64         `cbor:"2,keyasint"`
	Phase   keyspace.Phase `cbor:"3,keyasint"`
	Cutoff  Millis         `cbor:"4,keyasint,omitempty"`
	After   string         `cbor:"5,keyasint,omitempty"`
}

// Chunk answers Fetch.
type Chunk struct {
	Session uint64  `cbor:"1,keyasint"`
	Entries []Entry `cbor:"2,keyasint"` // in the order of their keys
	To      string  `cbor:"3,keyasint,omitempty"`
	Done    bool    `cbor:"4,keyasint,omitempty"`
	VV      VV      `cbor:"5,keyasint"` // of the view that was read
	Stamps  Millis  `cbor:"6,keyasint,omitempty"`
	Voids   VV      `cbor:"7,keyasint,omitzero"`
}

// Ping asks for a sign of life. Whoever suspects the receiver says so, and names
// the incarnation that it suspects.
type Ping struct {
	Seq         uint64    `cbor:"1,keyasint"`
	Origin      ReplicaID `cbor:"2,keyasint,omitzero"` // on whose behalf, zero: the sender's own
	Suspect     bool      `cbor:"3,keyasint,omitempty"`
	Incarnation uint64    `cbor:"4,keyasint,omitempty"`
}

// PingAck answers Ping with its Seq and Origin. On its second leg, from the one
// who asked on behalf of another to that other, it names who answered instead.
type PingAck struct {
	Seq    uint64    `cbor:"1,keyasint"`
	Origin ReplicaID `cbor:"2,keyasint,omitzero"`
	Target ReplicaID `cbor:"3,keyasint,omitzero"`  // who answered, zero: the sender
	Wall   Millis    `cbor:"4,keyasint,omitempty"` // of whoever answered, on the first leg
}

// PingReq asks the receiver to ping Target on the sender's behalf.
type PingReq struct {
	Seq    uint64    `cbor:"1,keyasint"`
	Target ReplicaID `cbor:"2,keyasint"`
}

// Suspicion says that By misses a replica in one incarnation of one run. The
// replica refutes it by a greater incarnation.
type Suspicion struct {
	Replica     ReplicaID `cbor:"1,keyasint"`
	Boot        Boot      `cbor:"2,keyasint"`
	Incarnation uint64    `cbor:"3,keyasint,omitempty"`
	By          ReplicaID `cbor:"4,keyasint"`
}

// Kind returns the number of the message on the wire.
func (Hello) Kind() Kind       { return KindHello }
func (Welcome) Kind() Kind     { return KindWelcome }
func (Table) Kind() Kind       { return KindTable }
func (Digest) Kind() Kind      { return KindDigest }
func (Push) Kind() Kind        { return KindPush }
func (Ack) Kind() Kind         { return KindAck }
func (Need) Kind() Kind        { return KindNeed }
func (Delta) Kind() Kind       { return KindDelta }
func (Compare) Kind() Kind     { return KindCompare }
func (LeafList) Kind() Kind    { return KindLeafList }
func (Items) Kind() Kind       { return KindItems }
func (Reports) Kind() Kind     { return KindReports }
func (AskRetired) Kind() Kind  { return KindAskRetired }
func (RetiredList) Kind() Kind { return KindRetiredList }
func (Refuse) Kind() Kind      { return KindRefuse }
func (Open) Kind() Kind        { return KindOpen }
func (Opened) Kind() Kind      { return KindOpened }
func (Fetch) Kind() Kind       { return KindFetch }
func (Chunk) Kind() Kind       { return KindChunk }

// Graft asks the receiver to pass news on to the sender, and says that the
// sender will do the same.
type Graft struct{}

// Prune takes Graft back.
type Prune struct{}

// Get asks the source of the sender's copy for the record of one key.
type Get struct {
	Session uint64 `cbor:"1,keyasint"`
	Key     string `cbor:"2,keyasint"` // at most keyspace.KeyBytesMax
}

// Got answers Get with the record, a tombstone too, or none if there is none.
type Got struct {
	Session uint64  `cbor:"1,keyasint"`
	Entries []Entry `cbor:"2,keyasint"` // at most one
	// Refused is not zero if the sender cannot tell.
	Refused Refusal `cbor:"3,keyasint,omitempty"`
}

// Kind returns the number of the message on the wire.
func (Get) Kind() Kind { return KindGet }
func (Got) Kind() Kind { return KindGot }

// Kind returns the number of the message on the wire.
func (Ping) Kind() Kind      { return KindPing }
func (PingAck) Kind() Kind   { return KindPingAck }
func (PingReq) Kind() Kind   { return KindPingReq }
func (Suspicion) Kind() Kind { return KindSuspicion }
func (Graft) Kind() Kind     { return KindGraft }
func (Prune) Kind() Kind     { return KindPrune }
