package transport

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
)

// halfDeaf is a socket that hears nothing, or nothing but Retries, so that no
// handshake over it ever ends; and that falls silent on demand.
type halfDeaf struct {
	net.PacketConn
	hearsRetry bool
	mute       atomic.Bool
}

func (h *halfDeaf) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := h.PacketConn.ReadFrom(b)
		// A Retry has a long header of type 3 (RFC 9000, 17.2.5).
		if err != nil || h.hearsRetry && n > 0 && b[0]&0xf0 == 0xf0 {
			return n, from, err
		}
	}
}

func (h *halfDeaf) WriteTo(b []byte, to net.Addr) (int, error) {
	if h.mute.Load() {
		return len(b), nil
	}
	return h.PacketConn.WriteTo(b, to)
}

// flood begins handshakes that never end, from a loopback address of its own if
// the system has more than one.
func flood(t *testing.T, host int, retry bool, to net.Addr, handshakes int) (end func()) {
	t.Helper()
	socket, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.%d:0", host))
	if err != nil {
		socket, err = net.ListenPacket("udp", "127.0.0.1:0")
	}
	must(t, err)
	deaf := &halfDeaf{PacketConn: socket, hearsRetry: retry}
	tr := &quic.Transport{Conn: deaf}
	id, err := newIdentity([]byte("another secret"), replica(1000+host))
	must(t, err)
	conf, err := id.clientTLS()
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range handshakes {
		wg.Go(func() { _, _ = tr.Dial(ctx, to, conf, quicConfig(quick)) })
	}
	return func() {
		deaf.mute.Store(true)
		cancel()
		wg.Wait()
		_ = tr.Close()
		_ = socket.Close()
	}
}

// connectsUnder says how long a good peer takes to connect.
func connectsUnder(t *testing.T, a, good *node) {
	t.Helper()
	at := time.Now()
	eventually(t, "the good peer", func() bool {
		good.Dial(a.Addr().String())
		return good.Stats().Peers == 1
	})
	a.waitUp(good)
	t.Logf("connected after %s; %+v", time.Since(at), a.Stats())
}

// Goal: 1,000 handshakes that never end, half of them from addresses that are
// never verified, do not keep a good peer out, and stay within their bounds.
func TestS13HalfHandshakesDoNotLockOutAGoodPeer(t *testing.T) {
	a, good := open(t, setup{id: 1}), open(t, setup{id: 2})
	defer flood(t, 2, false, a.Addr(), 500)()
	defer flood(t, 3, true, a.Addr(), 500)()
	eventually(t, "the flood", func() bool { return a.gate.crowded() && someShareIsUsedUp(&a.gate) })
	connectsUnder(t, a, good)
	if n := a.gate.open(); n > verifyAddressFrom+hostHandshakesMax+1 {
		t.Errorf("%d connections are open", n)
	}
}

func someShareIsUsedUp(g *gate) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.hosts {
		if s.handshakes == hostHandshakesMax {
			return true
		}
	}
	return false
}

// Goal: 100,000 datagrams of garbage, half of which look like the beginning of a
// connection, do not keep a good peer out, which comes in their midst.
func TestS13GarbageDoesNotLockOutAGoodPeer(t *testing.T) {
	a, good := open(t, setup{id: 1}), open(t, setup{id: 2})
	half, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		garbage, err := net.Dial("udp", a.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		defer garbage.Close()
		junk := make([]byte, 1200)
		_, _ = rand.Read(junk)
		for i := range 100_000 {
			_, _ = rand.Read(junk[:64])
			if i%2 == 0 {
				copy(junk, []byte{0xc3, 0, 0, 0, 1, 8}) // as if an Initial of QUIC 1
			}
			_, _ = garbage.Write(junk)
			if i == 50_000 {
				close(half)
			}
		}
	}()
	<-half
	connectsUnder(t, a, good)
	<-ended
	checkTraffic(t, []*node{a, good})
}

// Goal: one host cannot use up the room of others, and a forged address costs
// nobody his. Method: the gate alone, from several hosts.
func TestS13EachHostHasItsShare(t *testing.T) {
	t.Parallel()
	from := func(host string, verified bool) *arrival {
		addr := &net.UDPAddr{IP: net.ParseIP(host)}
		return &arrival{remote: addr, host: hostOf(addr), charged: verified}
	}
	g := newGate()
	var open []*arrival
	enter := func(host string, verified bool, want int) {
		t.Helper()
		got := 0
		for range 4 * handshakesMax {
			if a := from(host, verified); g.enter(a) {
				open = append(open, a)
				got++
			}
		}
		if got != want {
			t.Errorf("%d of %s were let in, want %d", got, host, want)
		}
	}
	enter("10.0.0.1", true, hostHandshakesMax)
	enter("2001:db8::1", true, hostHandshakesMax)
	enter("2001:db8::2", true, 0) // the same network of 64 bits
	enter("2001:db8:0:1::2", true, hostHandshakesMax)
	enter("10.0.0.1", false, handshakesMax-3*hostHandshakesMax) // forged, maybe: of no share
	for i, a := range open {
		if i%2 == 0 && !g.finish(a) {
			t.Errorf("connection %d was refused", i)
		}
		g.leave(a)
		g.finish(a) // it was accepted late: nothing is left to count
	}
	if g.conns != 0 || g.handshakes != 0 || len(g.hosts) != 0 {
		t.Errorf("left behind: %+v", &g)
	}
	for range hostConnsMax {
		if a := from("10.0.0.3", false); !g.enter(a) || !g.finish(a) {
			t.Fatal("a connection within the share was refused")
		}
	}
	if a := from("10.0.0.3", false); !g.enter(a) || g.finish(a) {
		t.Error("a host has more connections than its share")
	}
}

// Goal: there is no early data and no resumption, a peer has one stream a class,
// and a handshake ends after 5 s at the latest (quic-go waits twice this long).
func TestS13Bounds(t *testing.T) {
	t.Parallel()
	c := quicConfig(defaultTiming())
	if c.Allow0RTT || c.MaxIncomingStreams >= 0 || c.MaxIncomingUniStreams > 16 ||
		2*c.HandshakeIdleTimeout > 5*time.Second || c.EnableDatagrams {
		t.Errorf("%+v", c)
	}
	id, err := newIdentity([]byte(testSecret), replica(1))
	must(t, err)
	if s := id.serverTLS(); !s.SessionTicketsDisabled || s.MinVersion != 0x304 {
		t.Errorf("tickets %v, version %x", !s.SessionTicketsDisabled, s.MinVersion)
	}
	again, err := newIdentity([]byte(testSecret), replica(1))
	must(t, err)
	if again.resetKey != id.resetKey {
		t.Error("the reset key does not survive a restart")
	}
}
