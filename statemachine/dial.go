package statemachine

import (
	"slices"
	"strings"

	"kvs/statemachine/keyspace"
)

// dial is one address that this node wants a connection to.
type dial struct {
	addr    string
	owner   ReplicaID // who answered there last, zero if nobody has yet
	at      Millis    // of the next attempt
	backoff Millis
	refused bool // whoever answered there last was turned away
}

// planDials makes the list of addresses follow the seeds and the member table.
// What is known of an address that stays is kept.
func (n *Node) planDials() {
	var want []string
	want = append(want, n.cfg.Seeds[:min(len(n.cfg.Seeds), seedsMax)]...)
	for _, p := range n.peers {
		if p.Addr != "" && p.Standing == keyspace.Active {
			want = append(want, p.Addr)
		}
	}
	if n.self.Standing != keyspace.Active {
		want = nil
	}
	slices.Sort(want)
	want = slices.Compact(want)
	dials := make([]dial, 0, len(want))
	for _, addr := range want {
		if addr == n.cfg.Addr {
			continue
		}
		d := dial{addr: addr, at: n.now.Mono, backoff: dialBackoffMin}
		if i, ok := n.findDial(addr); ok {
			d = n.dials[i]
		}
		dials = append(dials, d)
	}
	n.dials = dials
	n.armBy(timerDial, 0)
}

func (n *Node) findDial(addr string) (int, bool) {
	return slices.BinarySearchFunc(n.dials, addr, func(d dial, addr string) int {
		return strings.Compare(d.addr, addr)
	})
}

// onDialDue tries every address whose owner is not connected. Attempts go on
// for ever: a partition may heal after any time.
func (n *Node) onDialDue() {
	next := never
	for i := range n.dials {
		d := &n.dials[i]
		if n.satisfied(d) && d.owner != n.id.Replica {
			continue
		}
		if d.at <= n.now.Mono {
			n.emit(Dial{d.addr})
			d.at = n.now.Mono + n.jittered(d.backoff)
			d.backoff = min(2*d.backoff, n.patience(d))
		}
		next = min(next, d.at)
	}
	n.timers[timerDial] = next
}

// patience is the longest time between two attempts. Behind an address at which
// this very node has answered there may be a copy of it.
func (n *Node) patience(d *dial) Millis {
	switch {
	case d.refused:
		return dialRefused
	case d.owner == n.id.Replica:
		return dialSelf
	}
	return dialBackoffMax
}

// satisfied says that there is no point in dialing an address.
func (n *Node) satisfied(d *dial) bool {
	if d.owner == n.id.Replica {
		return true
	}
	if p := n.peer(d.owner); p != nil && p.up || n.isGuest(d.owner) {
		return true
	}
	for _, p := range n.peers {
		if p.up && p.Addr == d.addr {
			return true
		}
	}
	return false
}

// onReached remembers who answers at an address: a seed's address need not be
// the one that its owner advertises.
func (n *Node) onReached(in Reached) {
	if i, ok := n.findDial(in.Addr); ok {
		n.dials[i].owner = in.Peer
	}
}

// ownerOf is the replica at an address, zero if it is not known: who is connected
// and advertises it, or who answered there last.
func (n *Node) ownerOf(d *dial) ReplicaID {
	for _, p := range n.peers {
		if p.up && p.Addr == d.addr {
			return p.Replica
		}
	}
	return d.owner
}

// refusal is a peer that was turned away, and when.
type refusal struct {
	PeerRefused
	at Millis
}

// shun lets the attempts to reach a refused peer grow rare: the reason will
// hardly go away by itself.
func (n *Node) shun(m Member) {
	for i := range n.dials {
		if d := &n.dials[i]; d.owner == m.Replica || d.addr == m.Addr {
			d.refused = true
		}
	}
}

// settled forgets that the owner of an address was refused. How often it is
// dialed is another matter: two processes with one identity take each other's
// place at every peer, and must let each other finish a sentence now and then.
func (n *Node) settled(addr string) {
	if i, ok := n.findDial(addr); ok {
		n.dials[i].refused = false
	}
}

func (n *Node) onPeerDown(id ReplicaID) {
	n.dropGuest(id)
	p := n.peer(id)
	for i := range n.dials {
		d := &n.dials[i]
		if d.owner != id && (p == nil || d.addr != p.Addr) {
			continue
		}
		if p != nil && p.up && n.now.Mono-p.upAt >= dialBackoffMax {
			d.backoff = dialBackoffMin
		}
		d.at = n.now.Mono + n.between(0, d.backoff)
		d.backoff = min(2*d.backoff, n.patience(d))
	}
	n.armBy(timerDial, 0)
	if p != nil && p.up {
		n.cut(p)
	}
}

// cut ends everything that goes on with a peer.
func (n *Node) cut(p *peer) {
	p.up, p.linked = false, false
	p.cursor.live = false
	n.leaves(p)
	p.branch = branch{}
	n.reshape()
	n.accuse(p)
	if n.delta.running && n.delta.source == p.Replica {
		n.endDelta()
	}
	if n.scrub.running && n.scrub.partner == p.Replica {
		n.endScrub(RefusedUnknown)
	}
	if n.transfer.Active() {
		n.armBy(timerCopy, 0)
	}
}
