package transport

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/quic-go/quic-go"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// Options says who a transport speaks for and where its inputs go.
type Options struct {
	// Listen is the UDP address, host:port. The port may be 0 in tests.
	Listen string

	// Replica is who this node is. Its certificate says so to every peer.
	Replica keyspace.ReplicaID

	// Secret is what all nodes of the cluster know, and nobody else. Anybody
	// who can reach the port can test guesses of it against our certificate at
	// leisure, so it needs the length of a key rather than of a password. Empty
	// means the development identity, which exists on loopback only.
	Secret []byte

	// Files replace Secret where they are set: the certificate of an existing
	// PKI, read again when it changes.
	Files Files

	// Over puts a network between the socket and QUIC, nil none: how a lab cuts nodes
	// off. What it returns is closed in the socket's stead.
	Over func(net.PacketConn) net.PacketConn

	// Hello returns what to say first on a new connection.
	Hello func() statemachine.Hello

	// Deliver takes Reached, PeerUp, Received and PeerDown. See the package's comment
	// for what it owes.
	Deliver func(statemachine.Input)

	// Logger takes what a person may have to act on. Nil discards it.
	Logger *slog.Logger
}

// Transport is one replica's end of all its connections.
type Transport struct {
	o        Options
	timing   timing
	log      *slog.Logger
	throttle *throttle
	id       *identity
	count    counters

	socket   net.PacketConn
	quic     *quic.Transport
	listener *quic.Listener
	gate     gate
	peers    peers
	dials    dials

	ctx    context.Context // ends when Close begins
	cancel context.CancelFunc
	work   sync.WaitGroup
}

// Listen binds the address and accepts peers until Close. Its errors say what
// to change.
func Listen(o Options) (*Transport, error) {
	id, err := o.identity()
	if err != nil {
		return nil, err
	}
	socket, err := openSocket(o.Listen, id.loopbackOnly)
	if err != nil {
		return nil, err
	}
	var conn net.PacketConn = socket
	if o.Over != nil {
		conn = o.Over(socket)
	}
	t, err := listenOn(conn, id, o, defaultTiming())
	if err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	warnBuffer(socket, t.log)
	return t, nil
}

func (o Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

func (o Options) identity() (*identity, error) {
	if o.Files.none() {
		return newIdentity(o.Secret, o.Replica)
	}
	return newFileIdentity(o.Files, o.Replica, o.logger())
}

// listenOn starts a transport on a socket that it then owns.
func listenOn(socket net.PacketConn, id *identity, o Options, tm timing) (*Transport, error) {
	if err := silenceLibrary(); err != nil {
		return nil, fmt.Errorf("set %s: %w", bufferWarning, err)
	}
	t := &Transport{
		o: o, timing: tm, log: o.logger(), throttle: newThrottle(), id: id, socket: socket,
		peers: newPeers(), dials: newDials(), gate: newGate(),
	}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.quic = &quic.Transport{
		Conn:                socket,
		StatelessResetKey:   &id.resetKey,
		VerifySourceAddress: func(net.Addr) bool { return t.gate.crowded() },
		ConnContext:         t.admit,
	}
	var err error
	if t.listener, err = t.quic.Listen(id.serverTLS(), quicConfig(tm)); err != nil {
		t.cancel()
		return nil, fmt.Errorf("start QUIC on %s: %w", socket.LocalAddr(), err)
	}
	t.work.Go(t.acceptLoop)
	return t, nil
}

// Addr is the address on which peers reach this transport.
func (t *Transport) Addr() net.Addr { return t.socket.LocalAddr() }

// Send tries once to hand a message to a peer. It never blocks: without a
// connection, or with a full queue, the message is dropped and counted.
func (t *Transport) Send(to keyspace.ReplicaID, class statemachine.Class, m statemachine.Message) {
	c := t.peers.up(to)
	if c == nil {
		t.count.droppedDown.Add(1)
		return
	}
	if !c.queues[class].put(m) {
		t.count.class[class].droppedFull.Add(1)
	}
}

// Disconnect closes the connection to a peer, if there is one, and tells it
// why. The PeerDown follows as always.
func (t *Transport) Disconnect(peer keyspace.ReplicaID, reason statemachine.Refusal) {
	if c := t.peers.up(peer); c != nil {
		c.close(refusal(reason))
	}
}

// Close tells all peers that this node stops, waits until the last PeerDown is
// delivered, and frees the port. It must be called once.
func (t *Transport) Close() error {
	t.dials.close()
	t.cancel()
	t.work.Wait()
	return errors.Join(t.listener.Close(), t.quic.Close(), t.socket.Close())
}
