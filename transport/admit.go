package transport

import (
	"context"
	"errors"
	"net"
	"sync/atomic"

	"github.com/quic-go/quic-go"
)

var (
	errNotLoopback = errors.New("without cluster_secret peers are taken on loopback only")
	errCrowded     = errors.New("too many connections")
)

// gate counts the connections that strangers have opened. quic-go bounds
// neither their number nor that of handshakes under way.
type gate struct {
	conns      atomic.Int64
	handshakes atomic.Int64
}

// crowded says that a newcomer must first prove its address.
func (g *gate) crowded() bool { return g.handshakes.Load() >= verifyAddressFrom }

func (g *gate) enter() bool {
	if g.conns.Add(1) > connsMax {
		g.conns.Add(-1)
		return false
	}
	if g.handshakes.Add(1) > handshakesMax {
		g.handshakes.Add(-1)
		g.conns.Add(-1)
		return false
	}
	return true
}

// arrival is one incoming connection. It leaves the count of handshakes once:
// when it is accepted, or when it fails before that.
type arrival struct {
	remote  net.Addr
	settled atomic.Bool
}

type arrivalKey struct{}

// admit decides on the first packet of an incoming connection, before any
// cryptography. The context that quic-go hands over ends with the connection.
func (t *Transport) admit(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
	if t.id.loopbackOnly && !isLoopback(info.RemoteAddr) {
		t.count.strangers.Add(1)
		return nil, errNotLoopback
	}
	if !t.gate.enter() {
		t.count.strangers.Add(1)
		return nil, errCrowded
	}
	a := &arrival{remote: info.RemoteAddr}
	context.AfterFunc(ctx, func() { t.depart(a, context.Cause(ctx)) })
	return context.WithValue(ctx, arrivalKey{}, a), nil
}

func (t *Transport) depart(a *arrival, cause error) {
	t.gate.conns.Add(-1)
	if !a.settled.CompareAndSwap(false, true) {
		return
	}
	t.gate.handshakes.Add(-1)
	if t.ctx.Err() != nil {
		return
	}
	t.count.strangers.Add(1)
	t.logStranger(a.remote, cause)
}

// acceptLoop takes connections whose handshake is complete, so whose peer is
// authenticated.
func (t *Transport) acceptLoop() {
	for {
		qc, err := t.listener.Accept(t.ctx)
		if err != nil {
			return // the transport closes, or its socket is gone
		}
		if a, ok := qc.Context().Value(arrivalKey{}).(*arrival); ok &&
			a.settled.CompareAndSwap(false, true) {
			t.gate.handshakes.Add(-1)
		}
		t.work.Go(func() { t.serve(qc, func() {}) })
	}
}

// logStranger tells of a failed handshake: a warning if certificates or
// protocols do not match, since only a person can mend that.
func (t *Transport) logStranger(remote net.Addr, err error) {
	if !isMismatch(err) {
		t.log.Debug("handshake failed", "remote", remote, "err", err)
		return
	}
	host, _, splitErr := net.SplitHostPort(remote.String())
	if splitErr == nil && t.throttle.allow("stranger "+host) {
		t.log.Warn("a peer was not authenticated: do all nodes have the same cluster_secret, "+
			"and clocks less than a day apart?", "remote", remote, "err", err)
	}
}

// isMismatch says that an error is an alert of TLS.
func isMismatch(err error) bool {
	var te *quic.TransportError
	return errors.As(err, &te) && te.ErrorCode.IsCryptoError()
}
