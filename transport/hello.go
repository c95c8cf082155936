package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/quic-go/quic-go"

	"kvs/statemachine"
)

// open opens our streams, control first: a peer knows a stream's class by its
// number. Nothing is sent before something is written.
func (c *conn) open() error {
	for class := range c.out {
		s, err := c.qc.OpenUniStream()
		if err != nil {
			return fmt.Errorf("open the stream of class %d: %w", class, err)
		}
		// Urgency is the order in which packets are filled; a class of its own
		// each, so control never waits behind bulk.
		s.SetPriority(int8(class), false)
		c.out[class] = s
	}
	return nil
}

// greet exchanges Hello in the order that peers.go explains.
func (c *conn) greet() (prev *conn, err error) {
	ctx, cancel := context.WithTimeout(c.t.ctx, c.t.timing.hello)
	defer cancel()
	if !c.chooses {
		if err := c.sendHello(ctx); err != nil {
			return nil, err
		}
	}
	if err := c.receiveHello(ctx); err != nil {
		return nil, err
	}
	if prev, err = c.t.peers.adopt(c); err != nil {
		return nil, err
	}
	if c.chooses {
		if err := c.sendHello(ctx); err != nil {
			// The connection is adopted: it ends the usual way.
			c.close(closing(codeHello, "send Hello: %v", err))
		}
	}
	return prev, nil
}

func (c *conn) sendHello(ctx context.Context) error {
	var b bytes.Buffer
	hello := c.t.o.Hello()
	hello.Features |= statemachine.FeatureZstd
	if err := appendFrame(&b, hello); err != nil {
		return err
	}
	control := c.out[statemachine.ClassControl]
	deadline, _ := ctx.Deadline()
	if err := control.SetWriteDeadline(deadline); err != nil {
		return err
	}
	if _, err := control.Write(b.Bytes()); err != nil {
		return err
	}
	return control.SetWriteDeadline(time.Time{})
}

func (c *conn) receiveHello(ctx context.Context) error {
	stream, err := c.qc.AcceptUniStream(ctx)
	if err != nil {
		return err
	}
	deadline, _ := ctx.Deadline()
	if err := stream.SetReadDeadline(deadline); err != nil {
		return err
	}
	c.control = newFrameReader(stream)
	c.hello, err = firstHello(c.control)
	switch {
	case errors.Is(err, ErrMalformed):
		c.t.count.malformed.Add(1)
		return closing(codeMalformed, "the first frame: %v", err)
	case err != nil:
		return err
	case c.hello.Replica != c.peer:
		return closing(codeIdentity, "Hello names replica %s, the certificate %s",
			c.hello.Replica, c.peer)
	}
	if err := checkProtocol(c.hello, c.t.o.Hello()); err != nil {
		return err
	}
	return stream.SetReadDeadline(time.Time{})
}

func firstHello(r *frameReader) (statemachine.Hello, error) {
	frame, err := r.next()
	if err != nil {
		return statemachine.Hello{}, err
	}
	m, err := Decode(frame)
	if hello, ok := m.(statemachine.Hello); ok {
		return hello, nil
	}
	if err == nil || errors.Is(err, ErrUnknownKind) {
		err = fmt.Errorf("kind %d in the place of Hello: %w", frame[0], ErrMalformed)
	}
	return statemachine.Hello{}, err
}

// checkProtocol holds the two ranges of versions against each other. The text
// travels to the peer, so it names both.
func checkProtocol(theirs, ours statemachine.Hello) error {
	if theirs.ProtocolMin > ours.ProtocolMax || theirs.ProtocolMax < ours.ProtocolMin {
		return closing(codeProtocol, "no common protocol version: replica %s speaks %d to %d, "+
			"replica %s speaks %d to %d", ours.Replica, ours.ProtocolMin, ours.ProtocolMax,
			theirs.Replica, theirs.ProtocolMin, theirs.ProtocolMax)
	}
	return nil
}

// logSelf tells a node that dialed itself, which an address list may well make
// it do, from two processes that claim one replica id.
func (t *Transport) logSelf(cs *tls.ConnectionState, qc *quic.Conn) {
	switch {
	case t.id.isThisProcess(cs):
		if t.throttle.allow("self") {
			t.log.Debug("this node dialed itself", "remote", qc.RemoteAddr())
		}
	case t.throttle.allow("clone"):
		t.log.Warn("another process runs under the replica id of this node: "+
			"was its data directory copied?", "remote", qc.RemoteAddr(), "replica", t.o.Replica)
	}
}
