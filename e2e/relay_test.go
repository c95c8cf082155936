package e2e

import (
	"fmt"
	"net"
	"sync"
	"testing"
)

// wiring is what lies between the nodes of a cluster: each advertises a relay in front of
// itself, so that single links between running processes can be cut. A node sends from the
// port that it listens on, by which the relays know it.
type wiring struct {
	t      testing.TB
	nodes  []*node
	relays []*net.UDPConn // in front of each node

	mu   sync.Mutex
	cuts map[way]int          // how many faults cut it
	ends map[way]*net.UDPConn // the near end of a way: it stands for its first node before the second
	done sync.WaitGroup
}

// way leads from one node to another.
type way struct{ from, to int }

// startWired runs nodes that have formed a cluster over relays. More are lines for every
// node's file.
func startWired(t testing.TB, size int, more ...string) *wiring {
	t.Helper()
	w := &wiring{t: t, cuts: map[way]int{}, ends: map[way]*net.UDPConn{}}
	t.Cleanup(w.close)
	for range size {
		w.relays = append(w.relays, w.listen())
	}
	for i, r := range w.relays {
		lines := append([]string{fmt.Sprintf("advertise_address: %q", r.LocalAddr())}, more...)
		if i > 0 {
			lines = append(lines, fmt.Sprintf("seed_nodes: [%q]", w.relays[0].LocalAddr()))
		}
		w.nodes = append(w.nodes, newNode(t, fmt.Sprintf("n%d", i), lines...))
	}
	for i := range w.relays {
		w.done.Go(func() { w.inbound(i) })
	}
	for _, n := range w.nodes {
		n.start()
	}
	awaitFormed(t, w.nodes)
	return w
}

func (w *wiring) listen() *net.UDPConn {
	s, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// close ends all relays, and waits for what runs in them.
func (w *wiring) close() {
	w.mu.Lock()
	for _, s := range w.relays {
		_ = s.Close() // nothing is behind it that could fail
	}
	for _, s := range w.ends {
		_ = s.Close()
	}
	w.mu.Unlock()
	w.done.Wait()
}

// inbound carries what others send to a node's relay, until the relay is closed.
func (w *wiring) inbound(to int) {
	b := make([]byte, 1<<16)
	for {
		k, from, err := w.relays[to].ReadFromUDP(b)
		if err != nil {
			return
		}
		for i, n := range w.nodes {
			if n.port == from.Port && i != to {
				w.pass(way{i, to}, b[:k])
			}
		}
	}
}

// pass carries one packet over a way, from its near end.
func (w *wiring) pass(y way, b []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cuts[y] > 0 {
		return
	}
	end := w.ends[y]
	if end == nil {
		end = w.listen()
		w.ends[y] = end
		w.done.Go(func() { w.outbound(y, end) })
	}
	// A node that is not there loses what is sent to it, as on any network.
	_, _ = end.WriteToUDP(b, w.at(y.to))
}

// outbound carries what a node answers over a way that another began, until its near end
// is closed.
func (w *wiring) outbound(y way, end *net.UDPConn) {
	b := make([]byte, 1<<16)
	for {
		k, _, err := end.ReadFromUDP(b)
		if err != nil {
			return
		}
		if !w.isCut(way{y.to, y.from}) {
			_, _ = w.relays[y.to].WriteToUDP(b[:k], w.at(y.from))
		}
	}
}

// at is where a node listens.
func (w *wiring) at(node int) *net.UDPAddr {
	return &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: w.nodes[node].port}
}

func (w *wiring) isCut(y way) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cuts[y] > 0
}

// cut cuts a way once more, or, by -1, once less.
func (w *wiring) cut(y way, by int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cuts[y] += by
}
