package transport

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/quic-go/quic-go"
)

var (
	errNotLoopback = errors.New("without cluster_secret peers are taken on loopback only")
	errCrowded     = errors.New("too many connections")
)

// gate counts the connections that strangers have opened, in all and by where
// they come from. quic-go bounds neither their number nor that of handshakes
// under way.
//
// An address that is not verified yet may be forged, so it is charged to nobody:
// else a stranger could use up the share of a peer. There are few such, as from
// verifyAddressFrom handshakes on every newcomer has to answer a Retry.
type gate struct {
	mu         sync.Mutex
	conns      int // handshakes included
	handshakes int
	hosts      map[netip.Prefix]share // of those with a connection that is charged
}

// share is what one host has open.
type share struct{ handshakes, conns int }

// arrival is one incoming connection.
type arrival struct {
	remote  net.Addr
	host    netip.Prefix
	charged bool // its handshake is charged to host
	done    bool // its handshake is over; guarded by gate.mu
}

func newGate() gate { return gate{hosts: make(map[netip.Prefix]share)} }

// hostOf is whom a connection is charged to: an address, or the network of 64
// bits that one IPv6 host usually has to itself.
func hostOf(a net.Addr) netip.Prefix {
	ua, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.Prefix{}
	}
	ip := ua.AddrPort().Addr().Unmap().WithZone("")
	bits := ip.BitLen()
	if ip.Is6() {
		bits = 64
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{} // an address that is none
	}
	return prefix
}

// crowded says that a newcomer must first prove its address.
func (g *gate) crowded() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.handshakes >= verifyAddressFrom
}

func (g *gate) open() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.conns
}

// enter lets a handshake begin, unless there are too many.
func (g *gate) enter(a *arrival) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.conns >= connsMax || g.handshakes >= handshakesMax ||
		a.charged && g.hosts[a.host].handshakes >= hostHandshakesMax {
		return false
	}
	g.conns++
	g.handshakes++
	g.charge(a, 1, 0)
	return true
}

// finish ends the handshake of a connection that is authenticated, so whose
// address is proved too, and says whether its host may have it. One
// that has ended meanwhile is charged to nobody.
func (g *gate) finish(a *arrival) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a.done {
		return true
	}
	a.done = true
	g.handshakes--
	g.charge(a, -1, 0)
	a.charged = true
	g.charge(a, 0, 1)
	return g.hosts[a.host].conns <= hostConnsMax
}

// leave ends a connection, and says whether that was before its handshake did.
func (g *gate) leave(a *arrival) (early bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns--
	if a.done {
		g.charge(a, 0, -1)
		return false
	}
	a.done = true
	g.handshakes--
	g.charge(a, -1, 0)
	return true
}

func (g *gate) charge(a *arrival, handshakes, conns int) {
	if !a.charged {
		return
	}
	s := g.hosts[a.host]
	s.handshakes += handshakes
	s.conns += conns
	g.hosts[a.host] = s
	if s == (share{}) {
		delete(g.hosts, a.host)
	}
}

type arrivalKey struct{}

// admit decides on the first packet of an incoming connection, before any
// cryptography. The context that quic-go hands over ends with the connection.
func (t *Transport) admit(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
	if t.id.loopbackOnly && !isLoopback(info.RemoteAddr) {
		t.count.strangers.Add(1)
		return nil, errNotLoopback
	}
	a := &arrival{remote: info.RemoteAddr, host: hostOf(info.RemoteAddr), charged: info.AddrVerified}
	if !t.gate.enter(a) {
		t.count.strangers.Add(1)
		return nil, errCrowded
	}
	context.AfterFunc(ctx, func() { t.depart(a, context.Cause(ctx)) })
	return context.WithValue(ctx, arrivalKey{}, a), nil
}

func (t *Transport) depart(a *arrival, cause error) {
	if t.gate.leave(a) && t.ctx.Err() == nil {
		t.count.strangers.Add(1)
		t.logStranger(a.remote, cause)
	}
}

// acceptLoop takes connections whose handshake is complete, so whose peer is
// authenticated.
func (t *Transport) acceptLoop() {
	for {
		qc, err := t.listener.Accept(t.ctx)
		if err != nil {
			return // the transport closes, or its socket is gone
		}
		a, ok := qc.Context().Value(arrivalKey{}).(*arrival)
		if !ok || !t.gate.finish(a) {
			t.count.refused.Add(1)
			shut(qc, closing(codeFull, "too many connections from one host"))
			continue
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
		t.log.Warn("a peer was not authenticated: "+t.id.remedy, "remote", remote, "err", err)
	}
}

// isMismatch says that an error is an alert of TLS.
func isMismatch(err error) bool {
	var te *quic.TransportError
	return errors.As(err, &te) && te.ErrorCode.IsCryptoError()
}
