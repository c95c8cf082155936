package statemachine

import "kvs/statemachine/keyspace"

// L1: the origin of a write pushes it to every peer at once. A push leaves only
// after the write is durable here, so that no peer holds a dot that its origin
// has lost.

// cursor is how far this node's running stream has come at one peer.
//
// Invariant while live: acked <= sent <= ring.last.
type cursor struct {
	live     bool // pushes may flow
	known    bool // acked is from this run; else the peer starts at the ring's end
	acked    Seq  // the peer has all that this cursor had to bring, up to here
	sent     Seq
	progress Millis // when acked last moved, or the first unacknowledged push left
	retry    Millis
	parked   Millis // when it stopped because the link became lazy
}

// probe starts the cursor of a fresh link: a peer known in this run goes on at
// its last acknowledgement, a new one at the ring's end. The ring still holds
// writes that were replaced since; what is older comes to it by delta.
func (n *Node) probe(p *peer) {
	c := &p.cursor
	if !c.known || c.acked+1 < n.ring.first() {
		c.acked = n.ring.last()
		if n.cfg.Mutant.Is(keyspace.MutantRingStart) {
			c.acked = n.ring.first() - 1
		}
	}
	c.known = true
	c.live = true
	c.sent = c.acked
	c.retry = pushRetryMin
	n.pumpTo(p)
}

func (n *Node) pumpPush() {
	for _, p := range n.peers {
		if p.linked {
			n.pumpTo(p)
		}
	}
}

// pumpTo pushes what the peer's window has room for.
func (n *Node) pumpTo(p *peer) {
	c := &p.cursor
	for c.live && c.sent < n.ring.last() {
		if c.sent+1 < n.ring.first() {
			// Fell off the ring: the gap is left to deltas.
			c.acked, c.sent = n.ring.last(), n.ring.last()
			n.stats.RingOverruns++
			return
		}
		if n.ring.bytesBetween(c.acked, c.sent) >= windowBytes || c.sent-c.acked >= windowEntries {
			return
		}
		if c.sent == c.acked {
			c.progress = n.now.Mono
		}
		es := n.ring.from(c.sent, n.cfg.PushEntries)
		n.send(p, ClassPush, Push{Entries: es})
		n.stats.PushedEntries += uint64(len(es))
		c.sent = es[len(es)-1].Dot.Seq
		n.armBy(timerPush, c.retry)
	}
}

// onAck moves a cursor forward.
func (n *Node) onAck(p *peer, m Ack) {
	head := m.Have.Head(n.stream)
	if head -= min(m.Unsynced, head); head > p.has {
		p.has = head
		n.endCopies()
	}
	c := &p.cursor
	reached := m.Have.Reach(n.stream, c.acked)
	if !c.live || reached <= c.acked || reached > n.ring.last() {
		return
	}
	c.acked = reached
	c.sent = max(c.sent, reached)
	c.progress = n.now.Mono
	c.retry = pushRetryMin
	n.pumpTo(p)
}

// onPushDue pushes again to peers that have been silent for too long.
func (n *Node) onPushDue() {
	next := never
	for _, p := range n.peers {
		c := &p.cursor
		if !c.live || c.sent == c.acked {
			continue
		}
		if c.progress+c.retry <= n.now.Mono {
			c.sent = c.acked
			c.retry = min(2*c.retry, 8*pushRetryMin)
			n.stats.PushRetries++
			n.pumpTo(p)
		}
		if c.sent != c.acked {
			next = min(next, c.progress+c.retry)
		}
	}
	n.timers[timerPush] = next
}

// onPush takes fresh writes from their origin, or from a relay.
func (n *Node) onPush(p *peer, m Push) {
	if len(m.Entries) == 0 || malformed(m.Entries) {
		n.stats.DroppedMalformed++
		return
	}
	if m.Relayed {
		n.onRelayed(p, m.Entries)
		return
	}
	for i := range m.Entries {
		if m.Entries[i].Dot.Stream.Replica != p.Replica {
			n.stats.DroppedMalformed++
			return
		}
	}
	switch {
	case !n.jobs.room() || n.stage().syncing():
		n.stats.DroppedOverload++
		return
	case !n.level(p):
		n.stats.DroppedBelow++
		return
	}
	p.expect(m.Entries[0].Dot)
	n.enqueue(job{kind: jobPush, peer: p.Replica, entries: m.Entries})
}

// expect notes that a write came by push, so that what follows it will.
func (p *peer) expect(d keyspace.Dot) {
	if p.coming.stream != d.Stream {
		p.coming = coming{d.Stream, d.Seq - 1}
	}
}

// onPushed acknowledges what has arrived, and passes it on.
func (n *Node) onPushed(j *job, outcomes []keyspace.Outcome) {
	n.relay(j, outcomes)
	if j.relayed {
		return
	}
	if p := n.peer(j.peer); p != nil && p.linked {
		n.send(p, ClassControl, n.ack(j.entries[0].Dot.Stream))
	}
}
