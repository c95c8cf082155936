package sim

import (
	"math/rand/v2"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
	"kvs/transport"
)

// idleTimeout is after how long the transport gives up a connection on which
// nothing arrives.
const idleTimeout Millis = 5_000

// framed is which share of the messages goes through the transport's codec: one in
// so many. The others are handed over as they are, which is several times faster.
const framed = 16

// network connects hosts, more or less. Within a connection messages may be
// lost, doubled, delayed and overtake each other: more than QUIC allows, and
// what any transport may do.
type network struct {
	w     *World
	rng   *rand.Rand
	conns map[pair]*conn // never ranged over
	cut   map[pair]int   // directed; how many partitions cut it; ranged over in divided alone
	// arrived is when the last message will have arrived that was sent before all
	// faults ended.
	arrived Millis
	links   map[pair]*link // directed; never ranged over
	// overhear sees every message that is sent; may be nil.
	overhear func(statemachine.Message)
	table    [2]statemachine.Table     // the last that was framed, and how it arrives
	sent     func(e statemachine.Send) // sees every message that leaves; may be nil
}

// pair is an ordered pair of hosts.
type pair struct{ from, to int }

// conn is a connection between two hosts, from the peers' point of view.
type conn struct {
	ends   [2]*host
	runs   [2]int
	ids    [2]keyspace.ReplicaID
	up     [2]bool   // PeerUp was delivered, PeerDown was not
	upAt   [2]Millis // when PeerUp arrives
	closed bool
}

func newNetwork(w *World, rng *rand.Rand) *network {
	return &network{w: w, rng: rng, conns: map[pair]*conn{}, cut: map[pair]int{}, links: map[pair]*link{}}
}

func between2(a, b int) pair { return pair{min(a, b), max(a, b)} }

func (n *network) open(a, b *host) bool { return n.cut[pair{a.index, b.index}] == 0 }

func (n *network) delay() Millis {
	return n.w.opt.LatencyMin + exponential(n.rng, n.w.opt.LatencyMean)
}

func (n *network) chance(permille int) bool { return permille > 0 && n.rng.IntN(1000) < permille }

// dial tries to connect. A handshake needs both directions.
func (n *network) dial(h *host, addr string) {
	var to *host
	for _, c := range n.w.hosts {
		if c.addr == addr {
			to = c
		}
	}
	if to == nil || to == h {
		return
	}
	after := Millis(-1)
	if !n.chance(n.w.loss()) {
		after = 3 * n.delay()
	}
	if after = n.fated(FateDial, h, to, after, 3*n.w.opt.LatencyMin); after < 0 {
		return
	}
	h.later(after, func() {
		if !to.up || !n.open(h, to) || !n.open(to, h) {
			return
		}
		h.later(0, func() { h.step(statemachine.Reached{Addr: addr, Peer: to.id}) })
		old := n.conns[between2(h.index, to.index)]
		if old != nil && old.standsFor(h) && old.standsFor(to) {
			return
		}
		if old != nil {
			n.close(old)
		}
		n.connect(h, to)
	})
}

// connect opens a connection. Of two hosts with one identity a third keeps only
// the one that came last, as the transport does.
func (n *network) connect(a, b *host) {
	for _, o := range n.w.hosts {
		n.supersede(a, o, b)
		n.supersede(b, o, a)
	}
	c := &conn{ends: [2]*host{a, b}, runs: [2]int{a.run, b.run},
		ids: [2]keyspace.ReplicaID{a.id, b.id}}
	n.conns[between2(a.index, b.index)] = c
	for side := range 2 {
		self, peer := c.ends[side], c.ends[1-side]
		hello := peer.node.Hello()
		after := n.fated(FateUp, self, peer, n.delay(), n.w.opt.LatencyMin)
		c.upAt[side] = n.w.now + after
		self.later(after, func() {
			if !c.closed {
				c.up[side] = true
				self.step(statemachine.PeerUp{Hello: hello})
			}
		})
	}
}

// supersede closes a host's connection to another if that one had the identity
// with which a third connects now.
func (n *network) supersede(h, old, by *host) {
	c := n.conns[between2(h.index, old.index)]
	if h != old && old != by && c != nil && c.ids[1-c.side(h)] == by.id {
		n.close(c)
	}
}

// close ends a connection; either side that still runs is told.
func (n *network) close(c *conn) {
	if c.closed {
		return
	}
	c.closed = true
	for side := range 2 {
		self, peer := c.ends[side], c.ids[1-side]
		if c.up[side] && self.run == c.runs[side] {
			self.later(0, func() { self.step(statemachine.PeerDown{Peer: peer}) })
		}
	}
}

func (n *network) disconnect(h *host, peer keyspace.ReplicaID) {
	for _, p := range n.w.hosts {
		c := n.conns[between2(h.index, p.index)]
		if p != h && c != nil && c.ids[1-c.side(h)] == peer {
			n.close(c)
		}
	}
}

// hangUp closes all connections of a host that stops in good order.
func (n *network) hangUp(h *host) {
	for _, p := range n.w.hosts {
		if c := n.conns[between2(h.index, p.index)]; c != nil {
			n.close(c)
		}
	}
}

// crashed leaves a dead host's peers to find out by silence.
func (n *network) crashed(h *host) {
	for _, p := range n.w.hosts {
		c := n.conns[between2(h.index, p.index)]
		if c == nil || c.closed {
			continue
		}
		n.w.queue.push(n.w.now+idleTimeout, func() { n.close(c) })
	}
}

// abandon breaks all connections of a host, from which nothing was heard for
// idleTimeout.
func (n *network) abandon(h *host) {
	for _, p := range n.w.hosts {
		if c := n.conns[between2(h.index, p.index)]; c != nil {
			n.close(c)
		}
	}
}

// side says which end of the connection a host is.
func (c *conn) side(h *host) int {
	if c.ends[0] == h {
		return 0
	}
	return 1
}

// standsFor says that the connection is open and of the host's running start.
func (c *conn) standsFor(h *host) bool { return !c.closed && c.runs[c.side(h)] == h.run }

// send puts one message on its way.
func (n *network) send(h *host, e statemachine.Send) {
	n.w.count.messages++
	if n.overhear != nil {
		n.overhear(e.Msg)
	}
	if n.sent != nil {
		n.sent(e)
	}
	if n.w.count.messages%framed == 0 {
		e.Msg = n.frameOnce(e.Msg)
	}
	for _, to := range n.w.hosts {
		if to.id != e.To || to == h {
			continue
		}
		c := n.conns[between2(h.index, to.index)]
		if c == nil || !c.standsFor(h) || !c.standsFor(to) {
			continue // another host may have the same identity
		}
		if !n.open(h, to) {
			n.dropped(h, to, e.Msg, DropCut)
			return
		}
		in := statemachine.Received{From: h.id, Boot: h.node.Hello().Boot, Msg: e.Msg}
		copies := n.fate(h, to, e.Msg)
		if copies.count == 0 {
			n.dropped(h, to, e.Msg, DropLost)
			return
		}
		for i, after := range copies.after[:copies.count] {
			if i == 0 || !copies.late {
				queued, full := n.enqueue(h, to, after)
				if full {
					n.w.count.overflows++
					n.w.mark(MarkQueueFull)
					n.dropped(h, to, e.Msg, DropFull)
					continue
				}
				after = queued
			}
			n.deliver(c, to, in, after)
		}
	}
}

// Drop says why a message does not arrive.
type Drop string

// The reasons.
const (
	DropLost Drop = "lost"
	DropCut  Drop = "cut"  // the link is cut
	DropFull Drop = "full" // the link holds as many as it may
)

// dropped takes note of a message that does not arrive.
func (n *network) dropped(from, to *host, m statemachine.Message, why Drop) {
	n.w.markIf(MarkReplyLost, why != DropFull && answers(m))
	n.w.film.dropped(from, to, m, why)
}

// copies are those of one message that arrive, and how long each takes. A late one
// comes from outside of all queues.
type copies struct {
	count int
	after [2]Millis
	late  bool // the second
}

// fate draws what becomes of a message, or takes it from the script.
func (n *network) fate(from, to *host, m statemachine.Message) copies {
	c := n.drawCopies()
	if n.w.script == nil {
		return c
	}
	drawn := make([]int64, 0, 3)
	for _, after := range c.after[:c.count] {
		drawn = append(drawn, int64(after))
	}
	if c.late {
		drawn = append(drawn, 1)
	}
	k := FateKey{FateSend, from.index, to.index, m.Kind()}
	is := n.w.script.fate(n.w.now, k, drawn, int64(n.w.opt.LatencyMin))
	c = copies{count: min(len(is), len(c.after)), late: len(is) > len(c.after)}
	for i := range c.count {
		c.after[i] = Millis(is[i])
	}
	return c
}

func (n *network) drawCopies() (c copies) {
	if n.chance(n.w.loss()) {
		return c
	}
	c.count = 1
	if n.chance(n.w.dup()) {
		c.count = 2
		n.w.mark(MarkDouble)
	}
	for i := range c.count {
		c.after[i] = n.delay()
		if i > 0 && n.chance(n.w.opt.LateDupPermille) {
			c.after[i] += Millis(n.rng.Int64N(60_000))
			c.late = true
			n.w.mark(MarkLateDouble)
		}
	}
	return c
}

// fated is the fate of something between two hosts that has one value.
func (n *network) fated(kind FateKind, from, to *host, drawn, usual Millis) Millis {
	if n.w.script == nil {
		return drawn
	}
	k := FateKey{Kind: kind, From: from.index, To: to.index}
	if v := n.w.script.fate(n.w.now, k, []int64{int64(drawn)}, int64(usual)); len(v) == 1 {
		return Millis(v[0])
	}
	return usual
}

// answers says that a message answers another.
func answers(m statemachine.Message) bool {
	switch m.(type) {
	case statemachine.Ack, statemachine.Delta, statemachine.LeafList, statemachine.Items, statemachine.Opened,
		statemachine.Chunk, statemachine.PingAck, statemachine.Got:
		return true
	}
	return false
}

// frameOnce is frame, but of a table that goes to many hosts only for the first.
func (n *network) frameOnce(m statemachine.Message) statemachine.Message {
	t, ok := m.(statemachine.Table)
	if !ok || len(t.Members) == 0 {
		return n.frame(m)
	}
	if was := n.table[0].Members; len(was) != len(t.Members) || &was[0] != &t.Members[0] {
		arrived, _ := n.frame(t).(statemachine.Table)
		n.table = [2]statemachine.Table{t, arrived}
	}
	return n.table[1]
}

// frame is a message as it arrives over a real connection. That it can be sent, and
// is the same afterwards, is checked.
func (n *network) frame(m statemachine.Message) statemachine.Message {
	bytes, err := transport.Encode(m)
	if err != nil {
		n.w.fail("wire", "cannot be sent: %v: %s", err, statemachine.Print(m))
		return m
	}
	_, _ = transport.Decode(n.w.garbled(bytes)) // whatever comes of it
	arrived, err := transport.Decode(bytes)
	if err != nil {
		n.w.fail("wire", "cannot be read: %v: %s", err, statemachine.Print(m))
		return m
	}
	if said, read := statemachine.Print(m), statemachine.Print(arrived); said != read {
		n.w.fail("wire", "%s arrives as %s", said, read)
	}
	return arrived
}

// deliver hands a message to a host that is still connected to its sender, over
// this connection or, if it was on its way for long, a later one.
func (n *network) deliver(c *conn, to *host, in statemachine.Received, after Millis) {
	side := c.side(to)
	from, sent := c.ends[1-side], n.w.now
	at := max(n.w.now+after, c.upAt[side])
	if !n.w.calm {
		n.arrived = max(n.arrived, at)
	}
	to.later(at-n.w.now, func() {
		now := n.conns[between2(from.index, to.index)]
		if now != nil && now.standsFor(to) && now.up[now.side(to)] {
			n.w.markIf(MarkLaterConnection, now != c)
			n.w.film.arrived(from, to, in.Msg, sent)
			to.step(in)
		}
	})
}

// sever cuts one direction; reopen undoes it. A connection that stays silent
// for idleTimeout in one direction breaks.
func (n *network) sever(a, b *host) {
	p := pair{a.index, b.index}
	n.cut[p]++
	n.w.film.begins(SpanCut, a, b)
	n.w.queue.push(n.w.now+idleTimeout, func() {
		if c := n.conns[between2(a.index, b.index)]; n.cut[p] > 0 && c != nil {
			n.w.markIf(MarkSilence, !c.closed)
			n.close(c)
		}
	})
}

// divided says that some link is cut.
func (n *network) divided() bool {
	for _, cuts := range n.cut { // order cannot matter: one is enough
		if cuts > 0 {
			return true
		}
	}
	return false
}

func (n *network) reopen(a, b *host) {
	p := pair{a.index, b.index}
	n.cut[p]--
	if n.w.film != nil && n.cut[p] <= 0 {
		n.w.film.ends(SpanCut, a, b)
	}
}

// heal ends all partitions, and lets go what is held.
func (n *network) heal() {
	clear(n.cut)
	clear(n.links)
	if n.w.film != nil {
		for _, a := range n.w.hosts {
			for _, b := range n.w.hosts {
				n.w.film.ends(SpanCut, a, b)
			}
		}
	}
}
