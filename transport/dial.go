package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"

	"github.com/quic-go/quic-go"

	"kvs/statemachine"
)

// dials remembers the attempts under way, one an address.
type dials struct {
	mu      sync.Mutex
	pending map[string]struct{}
	closed  bool
}

func newDials() dials { return dials{pending: make(map[string]struct{})} }

// begin calls start if the attempt may be made. It does so under its lock, so
// that none starts once close has returned.
func (d *dials) begin(addr string, start func()) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.pending[addr]; ok || d.closed || len(d.pending) >= dialsMax {
		return false
	}
	d.pending[addr] = struct{}{}
	start()
	return true
}

func (d *dials) end(addr string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.pending, addr)
}

func (d *dials) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
}

// Dial makes one attempt to connect to host:port, in the background. Reached
// says who answered, PeerUp that a connection stands; failure is silence but
// for the log and the counters. While an
// attempt to the same address, or too many, are under way, it does nothing.
// Dialing a peer that is connected already changes nothing.
func (t *Transport) Dial(addr string) {
	if !t.dials.begin(addr, func() { t.work.Go(func() { t.attempt(addr) }) }) {
		t.count.dialsDropped.Add(1)
	}
}

// attempt holds its place among the dials until it is settled whether the
// connection stands.
func (t *Transport) attempt(addr string) {
	t.count.dials.Add(1)
	settled := sync.OnceFunc(func() { t.dials.end(addr) })
	defer settled()
	qc, err := t.connect(addr)
	if err != nil {
		t.count.dialsFailed.Add(1)
		t.logDial(addr, err)
		return
	}
	t.report(addr, qc)
	t.serve(qc, settled)
}

// report tells the core who answered at an address, be it a peer that is
// connected already or this very node: neither is worth another attempt.
func (t *Transport) report(addr string, qc *quic.Conn) {
	cs := qc.ConnectionState().TLS
	peer, err := replicaOf(&cs)
	if err != nil || peer == t.o.Replica && !t.id.isThisProcess(&cs) {
		return // a copy of our directory must stay visible in the log
	}
	t.o.Deliver(statemachine.Reached{Addr: addr, Peer: peer})
}

// connect tries the addresses of a name in turn, as far as our socket can
// reach them.
func (t *Transport) connect(addr string) (*quic.Conn, error) {
	ctx, cancel := context.WithTimeout(t.ctx, 2*t.timing.handshake)
	defer cancel()
	targets, err := t.resolve(ctx, addr)
	if err != nil {
		return nil, err
	}
	conf, err := t.id.clientTLS()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, ap := range targets {
		qc, err := t.quic.Dial(ctx, net.UDPAddrFromAddrPort(ap), conf, quicConfig(t.timing))
		if err == nil {
			return qc, nil
		}
		errs = append(errs, fmt.Errorf("dial %s: %w", ap, err))
	}
	return nil, errors.Join(errs...)
}

func (t *Transport) resolve(ctx context.Context, addr string) ([]netip.AddrPort, error) {
	host, service, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("address %q: no such port", addr)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var out []netip.AddrPort
	fenced := false
	for _, ip := range ips {
		ip = ip.Unmap()
		switch {
		case !reachable(t.Addr(), ip) || len(out) == dialAddrsMax:
		case t.id.loopbackOnly && !ip.IsLoopback():
			fenced = true
		default:
			out = append(out, netip.AddrPortFrom(ip, uint16(port)))
		}
	}
	switch {
	case len(out) > 0:
		return out, nil
	case fenced:
		return nil, errNotLoopback
	}
	return nil, fmt.Errorf("address %q: none that a socket on %s can reach", addr, t.Addr())
}

// logDial warns of what only a person can mend. The rest is the core's to try
// again.
func (t *Transport) logDial(addr string, err error) {
	switch {
	case t.ctx.Err() != nil:
	case (isMismatch(err) || errors.Is(err, errNotLoopback)) && t.throttle.allow("dial "+addr):
		t.log.Warn("cannot authenticate with a peer: "+t.id.remedy, "addr", addr, "err", err)
	default:
		t.log.Debug("dial failed", "addr", addr, "err", err)
	}
}
