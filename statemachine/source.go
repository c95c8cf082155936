package statemachine

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// The source of a copy. It keeps no more than a pin: while one stands, nothing
// is purged here, so what the copy has read stays true until the vector that
// the copy will claim at its end. Every question renews the pin, and it is
// dropped once the new replica's first report is counted.

// pin keeps this node from purging.
type pin struct {
	id      uint64
	replica ReplicaID
	boot    Boot
	session uint64 // of the Open that asks for it
	until   Millis
	due     bool // Opened is owed
}

// onOpen pins for a peer. A node that is not complete is nobody's source, nor
// is one that may have fallen back to an older disk without knowing it yet.
func (n *Node) onOpen(p *peer, m Open) {
	if n.transfer.Active() || !n.vouched() {
		n.send(p, ClassControl, Opened{Session: m.Session})
		return
	}
	for i := range n.pins {
		if a := &n.pins[i]; a.replica == p.Replica && a.boot == p.Boot && a.session == m.Session {
			a.due = true // the answer was lost
			n.answerOpens()
			return
		}
	}
	n.pins = slices.DeleteFunc(n.pins, func(a pin) bool { return a.replica == p.Replica })
	if len(n.pins) >= pinsMax {
		n.send(p, ClassControl, Opened{Session: m.Session})
		return
	}
	n.pins = append(n.pins, pin{
		id: n.rng.Uint64() | 1, replica: p.Replica, boot: p.Boot, session: m.Session,
		until: n.now.Mono + pinTimeout, due: true,
	})
	n.answerOpens()
}

// answerOpens says how this node stands, once no purge is under way any more.
func (n *Node) answerOpens() {
	if n.collection.running {
		return
	}
	for i := range n.pins {
		a := &n.pins[i]
		p := n.peer(a.replica)
		if a.due && p != nil && p.linked {
			a.due = false
			n.send(p, ClassControl, Opened{a.session, a.id, n.vv.Clone(), n.floor.Clone()})
		}
	}
}

// pinned finds and renews the pin that a question names. Without one the asker
// is told to open another.
func (n *Node) pinned(p *peer, id uint64) bool {
	for i := range n.pins {
		if a := &n.pins[i]; a.id == id && a.replica == p.Replica {
			a.until = n.now.Mono + pinTimeout
			return true
		}
	}
	return false
}

// dropPins gives up on copies that have gone silent.
func (n *Node) dropPins() {
	n.pins = slices.DeleteFunc(n.pins, func(a pin) bool {
		p := n.peer(a.replica)
		return a.until <= n.now.Mono || p == nil || !p.active()
	})
}

// unpin ends the pin of a replica whose report is counted: it is complete.
func (n *Node) unpin(p *peer) {
	if p.complete() {
		n.pins = slices.DeleteFunc(n.pins, func(a pin) bool { return a.replica == p.Replica })
	}
}

// vouched says that this node may be a source: a complete replica of its roster
// talks to it in this run, and would have refused an older start of it; or
// there is none; or none was to be reached for long.
func (n *Node) vouched() bool {
	if n.accepted || n.now.Mono >= vouchAfter {
		return true
	}
	for _, p := range n.peers {
		if p.active() && p.complete() {
			return false
		}
	}
	return true
}

// onFetch reads one chunk for a copy.
func (n *Node) onFetch(p *peer, m Fetch) {
	if !n.pinned(p, m.Pin) {
		n.send(p, ClassControl, Opened{Session: m.Session})
		return
	}
	if n.transfer.Active() || m.Phase > keyspace.PhaseTail || len(m.After) > keyspace.KeyBytesMax {
		n.stats.DroppedMalformed++
		return
	}
	r := pendingRead{kind: readCopy, peer: p.Replica, boot: p.Boot, round: m.Session}
	n.read(r, func(op OpID) Effect {
		return ReadCopy{op, m.Phase, m.Cutoff, m.After, min(n.cfg.ChunkEntries, copyEntriesMax)}
	})
}

func (n *Node) onCopyRead(in CopyRead) {
	r, p := n.finish(in.Op)
	if p == nil {
		return
	}
	g := &in.Page
	n.stats.CopyEntries += uint64(len(g.Entries))
	n.send(p, ClassBulk, Chunk{r.round, g.Entries, g.To, g.Done, g.VV, g.Stamps, g.Voids})
}
