package lab

import (
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Network is what lies between the nodes of a process. The zero value delivers
// everything at once. All of it may be called at any time, by anybody.
type Network struct {
	delay atomic.Int64 // nanoseconds, one way
	loss  atomic.Int64 // of a million packets

	mu  sync.RWMutex
	cut map[int]bool // nodes, by port
}

// million is what shares of packets are counted in.
const million = 1_000_000

// Delay makes every packet take so long on its way.
func (n *Network) Delay(d time.Duration) { n.delay.Store(int64(max(d, 0))) }

// Lose drops so many packets of a million, from 0 to all.
func (n *Network) Lose(perMillion int) { n.loss.Store(int64(min(max(perMillion, 0), million))) }

// Cut takes a node off the network: nothing that it sends arrives, and nothing
// reaches it.
func (n *Network) Cut(port int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cut == nil {
		n.cut = make(map[int]bool)
	}
	n.cut[port] = true
}

// Heal takes it back.
func (n *Network) Heal(port int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.cut, port)
}

// IsCut says whether a node is off the network.
func (n *Network) IsCut(port int) bool {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.cut[port]
}

// Join returns the socket of a node as the network lets it send. Closing it closes
// the one given.
func (n *Network) Join(s net.PacketConn) net.PacketConn {
	return &socket{PacketConn: s, network: n, port: portOf(s.LocalAddr())}
}

// passes says whether a packet sent now arrives.
func (n *Network) passes(from, to int) bool {
	if n.IsCut(from) || n.IsCut(to) {
		return false
	}
	loss := n.loss.Load()
	return loss == 0 || rand.Int64N(million) >= loss
}

// socket is one node's.
type socket struct {
	net.PacketConn
	network *Network
	port    int
}

// WriteTo sends a packet, or does as if.
func (s *socket) WriteTo(b []byte, to net.Addr) (int, error) {
	if !s.network.passes(s.port, portOf(to)) {
		return len(b), nil
	}
	delay := time.Duration(s.network.delay.Load())
	if delay == 0 {
		return s.PacketConn.WriteTo(b, to)
	}
	late := append([]byte(nil), b...)
	time.AfterFunc(delay, func() {
		// Whoever sent it is not there to be told, as with any packet on its way.
		_, _ = s.PacketConn.WriteTo(late, to)
	})
	return len(b), nil
}

// portOf is the port of a UDP address, 0 of any other.
func portOf(a net.Addr) int {
	if u, ok := a.(*net.UDPAddr); ok {
		return u.Port
	}
	return 0
}
