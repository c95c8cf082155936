package transport

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// waitMax is how long a test waits for what should happen at once, with room
// for a busy machine and the race detector.
const waitMax = 15 * time.Second

// quick is a timing under which a dead peer is noticed soon.
var quick = timing{
	idle: 1500 * time.Millisecond, keepAlive: 300 * time.Millisecond,
	handshake: 2500 * time.Millisecond, hello: 3 * time.Second,
}

// node is a transport with a recorder in the place of the driver. The recorder
// checks the order of inputs that the package promises.
type node struct {
	tb testing.TB
	*Transport
	id     keyspace.ReplicaID
	socket *net.UDPConn

	mu      sync.Mutex
	changed chan struct{}        // closed and replaced at every input
	inputs  []statemachine.Input // but Reached
	reached []statemachine.Reached
	up      map[keyspace.ReplicaID]statemachine.Hello
	ups     int
	hook    func(statemachine.Input) // called without the lock
	drop    bool
}

func replica(n int) (r keyspace.ReplicaID) {
	binary.BigEndian.PutUint64(r[:], uint64(n))
	return r
}

func testHello(id keyspace.ReplicaID, boot uint64) statemachine.Hello {
	b := keyspace.Boot{Count: boot}
	return statemachine.Hello{
		ProtocolMin: statemachine.ProtocolMin, ProtocolMax: statemachine.ProtocolMax,
		Replica: id, Boot: b,
		Member: statemachine.Member{Replica: id, Boot: b, Name: "n" + id.String()},
	}
}

// setup is what a test may choose about a node.
type setup struct {
	id     int
	boot   uint64
	secret string
	listen string
	hello  func(*statemachine.Hello)
	hook   func(statemachine.Input)
	timing timing

	identity func(*identity)                     // changes it before it is used
	socket   func(net.PacketConn) net.PacketConn // wraps it
	drop     bool                                // the recorder keeps no digests
}

var testSecret = "correct horse battery staple"

func start(tb testing.TB, s setup) *node {
	tb.Helper()
	n := &node{
		tb: tb, id: replica(s.id), changed: make(chan struct{}), hook: s.hook, drop: s.drop,
		up: make(map[keyspace.ReplicaID]statemachine.Hello),
	}
	if s.secret == "" {
		s.secret = testSecret
	}
	if s.listen == "" {
		s.listen = "127.0.0.1:0"
	}
	if s.timing == (timing{}) {
		s.timing = defaultTiming()
	}
	o := Options{Replica: n.id, Deliver: n.deliver, Hello: func() statemachine.Hello {
		h := testHello(n.id, s.boot)
		if s.hello != nil {
			s.hello(&h)
		}
		return h
	}}
	id, err := newIdentity([]byte(s.secret), n.id)
	must(tb, err)
	if s.identity != nil {
		s.identity(id)
	}
	n.socket, err = openSocket(s.listen, id.loopbackOnly)
	must(tb, err)
	var socket net.PacketConn = n.socket
	if s.socket != nil {
		socket = s.socket(socket)
	}
	n.Transport, err = listenOn(socket, id, o, s.timing)
	must(tb, err)
	return n
}

// open starts a node that the test's end closes.
func open(tb testing.TB, s setup) *node {
	tb.Helper()
	n := start(tb, s)
	tb.Cleanup(n.stop)
	return n
}

func (n *node) stop() {
	if err := n.Close(); err != nil {
		n.tb.Errorf("close: %v", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.up) != 0 {
		n.tb.Errorf("node %s: %d peers without PeerDown after Close", n.id, len(n.up))
	}
}

// kill takes the socket away, as the death of the process would: nobody is
// told. What is left of the transport is then cleared away.
func (n *node) kill() {
	must(n.tb, n.socket.Close())
	_ = n.Close() // the socket is closed already; that is the error
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func (n *node) deliver(in statemachine.Input) {
	if n.hook != nil {
		n.hook(in)
	}
	if r, ok := in.(statemachine.Received); ok && n.drop && r.Msg.Kind() == statemachine.KindDigest {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch in := in.(type) {
	case statemachine.PeerUp:
		if _, ok := n.up[in.Hello.Replica]; ok {
			n.tb.Errorf("node %s: PeerUp of %s, which is up", n.id, in.Hello.Replica)
		}
		n.up[in.Hello.Replica] = in.Hello
		n.ups++
	case statemachine.PeerDown:
		if _, ok := n.up[in.Peer]; !ok {
			n.tb.Errorf("node %s: PeerDown of %s, which is down", n.id, in.Peer)
		}
		delete(n.up, in.Peer)
	case statemachine.Received:
		_, refused := in.Msg.(statemachine.Refuse) // of a connection that never stood
		if h, ok := n.up[in.From]; !refused && (!ok || h.Boot != in.Boot) {
			n.tb.Errorf("node %s: Received from %s, start %d, which is not up", n.id, in.From, in.Boot.Count)
		}
	}
	if r, ok := in.(statemachine.Reached); ok {
		n.reached = append(n.reached, r)
	} else {
		n.inputs = append(n.inputs, in)
	}
	close(n.changed)
	n.changed = make(chan struct{})
}

// wait blocks until the condition holds; it runs under the recorder's lock.
func (n *node) wait(what string, holds func() bool) {
	n.tb.Helper()
	deadline := time.NewTimer(waitMax)
	defer deadline.Stop()
	for {
		n.mu.Lock()
		ok, changed := holds(), n.changed
		n.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline.C:
			n.tb.Fatalf("node %s: no %s after %s; %d inputs, %+v", n.id, what, waitMax,
				len(n.inputs), n.Stats())
		}
	}
}

func (n *node) waitUp(peers ...*node) {
	n.tb.Helper()
	for _, p := range peers {
		n.wait(fmt.Sprintf("PeerUp of %s", p.id), func() bool {
			_, ok := n.up[p.id]
			return ok
		})
	}
}

func (n *node) waitDown(peer *node) {
	n.tb.Helper()
	n.wait(fmt.Sprintf("PeerDown of %s", peer.id), func() bool {
		return slices.Contains(n.inputs, statemachine.Input(statemachine.PeerDown{Peer: peer.id}))
	})
}

// connect makes two nodes peers.
func connect(a, b *node) {
	a.tb.Helper()
	a.Dial(b.Addr().String())
	a.waitUp(b)
	b.waitUp(a)
}

// heard returns the inputs so far, Reached aside.
func (n *node) heard() []statemachine.Input {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.inputs)
}

// received returns the messages of one kind.
func (n *node) received(kind statemachine.Kind) (out []statemachine.Message) {
	for _, in := range n.inputs {
		if r, ok := in.(statemachine.Received); ok && r.Msg.Kind() == kind {
			out = append(out, r.Msg)
		}
	}
	return out
}

// eventually polls what has no event, without a fixed delay.
func eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(waitMax); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			tb.Fatalf("no %s after %s", what, waitMax)
		}
	}
}
