package transport

import (
	"time"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// alpn names the protocol in the TLS handshake. It changes only for a break;
// everything else is negotiated in Hello.
const alpn = "kvs/1"

// The bounds of a message that a peer may send, beside those that the core and
// keyspace export. A message beyond them closes its connection, so they are at
// least as wide as anything that the core sends.
const (
	// entriesMax bounds the entries of one message: they become one batch.
	entriesMax = keyspace.BatchWritesMax

	// nodesMax bounds the nodes of one Compare, leavesMax the leaves of one
	// LeafList, and itemsMax its items and the wishes of one Items.
	nodesMax  = 4096
	leavesMax = 4096
	itemsMax  = 16 << 10

	// nestedMax and pairsMax bound the shape of a CBOR body, what we do not
	// know of it included. The deepest message of ours nests five levels.
	nestedMax = 8
	pairsMax  = 64
)

// The bounds of the queues towards one peer, by class. A message that is alone
// in its queue is always taken, so that a bound never locks out a large one.
const (
	queueFramesMax   = 1024
	controlBytesMax  = 1 << 20
	pushBytesMax     = 8 << 20
	bulkBytesMax     = 8 << 20
	batchBytes       = 128 << 10 // a writer gathers frames up to this before one write
	bufferKeepBytes  = 512 << 10 // a larger buffer is given back after use
	readStepBytes    = 16 << 10  // the first allocation for a frame, doubled as it arrives
	frameHeaderBytes = 4
)

// The bounds of connections. Accepted connections beyond them are refused
// before any cryptography.
const (
	handshakesMax = 128
	connsMax      = 2*statemachine.MembersMax + handshakesMax

	// hostHandshakesMax and hostConnsMax are the share of one host, so that it
	// cannot lock out the others. A whole cluster may stand behind one address.
	hostHandshakesMax = 16
	hostConnsMax      = statemachine.MembersMax

	dialsMax     = 64
	dialAddrsMax = 4 // addresses of one host name that one attempt tries

	// verifyAddressFrom is the number of handshakes under way from which a
	// newcomer must first prove its address with a Retry (RFC 9000, 8.1.2).
	verifyAddressFrom = 32
)

// The flow-control windows of one connection. Their initial values are their
// maxima: if the connection's window were smaller than the sum of its streams',
// bulk that waits for a busy Deliver would take the room of control.
const (
	streamWindow = 2 << 20
	connWindow   = uint64(statemachine.ClassCount) * streamWindow
)

// The budget of one stream of a peer, whoever it is: what a message and each of
// its bytes cost in time, and how much may be spent at once. It is ten times what
// a busy node sends, and keeps one that went mad from taking the whole processor.
const (
	messageCost = 50 * time.Microsecond // at most 20,000 messages a second
	byteCost    = 4 * time.Nanosecond   // at most 250 MB a second
	budgetMax   = time.Second
)

// timing holds the timeouts of a transport; tests shorten them.
type timing struct {
	idle      time.Duration // silence after which a connection is dead
	keepAlive time.Duration // less than half of idle, so that one loss is no death
	handshake time.Duration // silence in a handshake; a dial may take twice this
	hello     time.Duration // from the handshake's end to the peer's Hello
}

func defaultTiming() timing {
	return timing{
		idle:      5 * time.Second,
		keepAlive: 1500 * time.Millisecond,
		handshake: 2500 * time.Millisecond,
		hello:     3 * time.Second,
	}
}
