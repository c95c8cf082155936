package transport

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/quic-go/quic-go"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// conn is one authenticated connection.
type conn struct {
	t       *Transport
	qc      *quic.Conn
	peer    keyspace.ReplicaID // as its certificate says
	chooses bool               // this end is the one that chooses; see peers.go
	hello   statemachine.Hello // the peer's first; fixed once it has arrived

	out     [statemachine.ClassCount]*quic.SendStream
	queues  [statemachine.ClassCount]*queue
	control *frameReader // the peer's control stream, its Hello already read

	up bool // guarded by peers.mu

	closeOnce sync.Once
	closing   chan struct{}
	reason    *closeError   // why this end closed it; set before closing is closed
	done      chan struct{} // closed after PeerDown was delivered, or never will be
}

// serve leads a connection through its life. settled is called when it is clear
// whether the connection is the one of its pair.
func (t *Transport) serve(qc *quic.Conn, settled func()) {
	stop := context.AfterFunc(t.ctx, func() { shut(qc, closing(codeShutdown, "shutting down")) })
	defer stop()
	c, prev, err := t.establish(qc)
	settled()
	if err != nil {
		t.refuse(qc, err)
		cs := qc.ConnectionState().TLS
		if peer, err := replicaOf(&cs); err == nil {
			t.fenced(peer, qc)
		}
		return
	}
	if prev != nil {
		<-prev.done
	}
	if c.alive() {
		c.run()
	} else {
		c.end()
	}
	t.peers.drop(c)
	close(c.done)
}

// establish identifies the peer, exchanges Hello, and settles which connection
// of the pair stands.
func (t *Transport) establish(qc *quic.Conn) (c, prev *conn, err error) {
	cs := qc.ConnectionState().TLS
	peer, err := replicaOf(&cs)
	if err != nil {
		return nil, nil, closing(codeIdentity, "%v", err)
	}
	if peer == t.o.Replica {
		t.logSelf(&cs, qc)
		return nil, nil, closing(codeSelf, "both ends are replica %s", peer)
	}
	c = &conn{
		t: t, qc: qc, peer: peer, chooses: t.o.Replica.Compare(peer) < 0,
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	for class := range c.queues {
		c.queues[class] = newQueue(statemachine.Class(class))
	}
	if err := c.open(); err != nil {
		return nil, nil, err
	}
	prev, err = c.greet()
	return c, prev, err
}

// run delivers what arrives between PeerUp and PeerDown.
func (c *conn) run() {
	c.t.count.connected.Add(1)
	c.t.peers.raise(c)
	c.t.o.Deliver(statemachine.PeerUp{Hello: c.hello})

	var streams sync.WaitGroup
	for class := range c.out {
		streams.Go(func() { c.write(statemachine.Class(class)) })
	}
	streams.Go(func() { c.read(c.control, statemachine.ClassControl) })
	streams.Go(func() { c.acceptStreams(&streams) })
	c.end()
	streams.Wait()
	c.t.peers.drop(c)
	c.t.log.Debug("connection ended", "peer", c.peer, "remote", c.qc.RemoteAddr(),
		"cause", context.Cause(c.qc.Context()))
	c.t.fenced(c.peer, c.qc)
	c.t.o.Deliver(statemachine.PeerDown{Peer: c.peer})
}

// end waits until one end has closed the connection.
func (c *conn) end() {
	select {
	case <-c.closing:
		shut(c.qc, c.reason)
	case <-c.qc.Context().Done():
	}
}

// close ends the connection without waiting. The first reason stands.
func (c *conn) close(why *closeError) {
	c.closeOnce.Do(func() {
		c.reason = why
		close(c.closing)
	})
}

// alive says that neither end, as far as known, has closed the connection.
func (c *conn) alive() bool {
	select {
	case <-c.closing:
		return false
	case <-c.qc.Context().Done():
		return false
	default:
		return true
	}
}

// fail ends the connection for an error of one of its streams. If the
// connection is over already, that is where the error comes from.
func (c *conn) fail(class statemachine.Class, err error) {
	switch {
	case c.qc.Context().Err() != nil:
	case errors.Is(err, ErrMalformed):
		c.t.count.malformed.Add(1)
		c.close(closing(codeMalformed, "class %d: %v", class, err))
		if c.t.throttle.allow("malformed " + c.peer.Hex()) {
			c.t.log.Warn("a peer sent a malformed message", "peer", c.peer,
				"remote", c.qc.RemoteAddr(), "err", err)
		}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		c.close(closing(codeMalformed, "class %d: the stream ended", class))
	default:
		c.close(closing(codeMalformed, "class %d: %v", class, err))
	}
}

// shut closes the connection at the level of QUIC. After the first time it does
// nothing.
func shut(qc *quic.Conn, why *closeError) {
	// quic-go documents no error, and there would be nothing to do about one.
	_ = qc.CloseWithError(why.code, why.text)
}

// refuse ends a connection that never was up.
func (t *Transport) refuse(qc *quic.Conn, err error) {
	var why *closeError
	if !errors.As(err, &why) {
		why = closing(codeHello, "no Hello: %v", err)
	}
	code := why.code
	if theirs := codeOf(context.Cause(qc.Context())); theirs != 0 {
		code = theirs
	}
	shut(qc, why)
	if t.ctx.Err() != nil || code == codeSelf {
		return
	}
	t.count.refused.Add(1)
	switch code {
	case codeDuplicate:
		t.count.duplicates.Add(1)
	case codeHello, codeShutdown:
		t.logDial(qc.RemoteAddr().String(), err)
	default:
		if t.throttle.allow("refused " + qc.RemoteAddr().String()) {
			t.log.Warn("a connection was refused", "remote", qc.RemoteAddr(), "err", err)
		}
	}
}

// fenced tells the core that a peer has turned this process away for another
// start of the same replica. Such a connection never stands at the peer, so its
// core cannot say so itself.
func (t *Transport) fenced(peer keyspace.ReplicaID, qc *quic.Conn) {
	var ae *quic.ApplicationError
	if !errors.As(context.Cause(qc.Context()), &ae) || !ae.Remote || ae.ErrorCode != codeBoot {
		return
	}
	t.o.Deliver(statemachine.Received{From: peer, Msg: statemachine.Refuse{
		Replica: t.o.Replica, Boot: t.o.Hello().Boot, Reason: statemachine.RefusedBoot,
	}})
}

// codeOf is the code with which a connection was closed by an application, 0
// if it was not.
func codeOf(err error) quic.ApplicationErrorCode {
	var ae *quic.ApplicationError
	if errors.As(err, &ae) {
		return ae.ErrorCode
	}
	return 0
}
