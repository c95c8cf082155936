package statemachine

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// Waiting for others, on behalf of clients: a read until this node shows what its
// session has seen elsewhere, a write until enough replicas have it. Nobody waits
// longer than was asked for, and neither keeps this node from serving anybody else.

// waitMax bounds what a client may wait for others.
const waitMax Millis = 60_000

// await is a read that waits for this node to catch up with a session.
type await struct {
	request RequestID
	session keyspace.Session
	until   Millis
}

// onAwait answers at once if this node shows what the session has seen.
func (n *Node) onAwait(in Await) {
	switch {
	case n.vv.Shows(&in.Session, Stream.Hash):
		n.emit(Done{in.Request, CommandResult{}})
	case in.Wait <= 0:
		n.emit(Done{in.Request, CommandResult{Refused: RefusedTimeout}})
	case len(n.awaits) >= awaitsMax:
		n.emit(Done{in.Request, CommandResult{Refused: RefusedOverloaded}})
	default:
		wait := min(in.Wait, waitMax)
		n.awaits = append(n.awaits, await{in.Request, in.Session, n.now.Mono + wait})
		n.armBy(timerAwait, wait)
		for _, p := range n.linked() {
			n.pullFor(p)
		}
	}
}

// pullFor asks a peer that is known to have what somebody waits for, rather than wait
// for a push that may have been lost.
func (n *Node) pullFor(p *peer) {
	if len(n.awaits) == 0 || n.transfer.Active() || !p.complete() || n.vv.Covers(p.claims) {
		return
	}
	heads := p.claims.Heads(Stream.Hash)
	if slices.ContainsFunc(n.awaits, func(a await) bool { return a.session.ShownBy(heads) }) {
		n.beginDelta(p)
	}
}

// endAwaits answers those whose wait is over, one way or the other.
func (n *Node) endAwaits() {
	if len(n.awaits) == 0 {
		return
	}
	heads := n.vv.Heads(Stream.Hash)
	n.awaits = slices.DeleteFunc(n.awaits, func(a await) bool {
		shown := a.session.ShownBy(heads)
		switch {
		case shown:
			n.emit(Done{a.request, CommandResult{}})
		case a.until <= n.now.Mono:
			n.emit(Done{a.request, CommandResult{Refused: RefusedTimeout}})
			return true
		}
		return shown
	})
}

// copies is a write that waits until enough replicas have it.
type copies struct {
	request RequestID
	seq     Seq
	need    int
	until   Millis
	result  WriteResult
}

// AcksAll asks for every replica of the roster, the unreachable ones too.
const AcksAll = -1

// awaitCopies puts a write on the list of those that wait, unless enough have it
// durably by now, which is this node alone if it syncs every batch.
func (n *Node) awaitCopies(w *ClientWrite, seq Seq, result WriteResult) {
	c := copies{w.Request, seq, w.Acks, n.now.Mono + min(w.Wait, waitMax), result}
	if c.need == AcksAll {
		c.need = 1 + len(n.choose(func(p *peer) bool { return p.Standing == keyspace.Active }))
	}
	reached := n.reached()
	if c.need <= 1 && reached[0] >= seq || w.Wait <= 0 || len(n.copies) >= copiesMax {
		n.answerCopies(&c, reached)
		return
	}
	n.copies = append(n.copies, c)
	n.armBy(timerAwait, c.until-n.now.Mono)
}

// reached lists how far the replicas of the roster durably have this node's running
// stream, this node included, the furthest first.
func (n *Node) reached() []Seq {
	seqs := []Seq{n.durable.Head(n.stream)}
	for _, p := range n.peers {
		if p.Standing != keyspace.Active {
			continue
		}
		seqs = append(seqs, max(p.durable.Head(n.stream), p.has))
	}
	slices.SortFunc(seqs, func(a, b Seq) int { return int(b) - int(a) })
	return seqs
}

func (n *Node) answerCopies(c *copies, reached []Seq) {
	c.result.Copies = 0
	for c.result.Copies < len(reached) && reached[c.result.Copies] >= c.seq {
		c.result.Copies++
	}
	c.result.Short = c.result.Copies < c.need
	n.emit(Respond{c.request, c.result})
}

// endCopies answers those whose wait is over, one way or the other.
func (n *Node) endCopies() {
	if len(n.copies) == 0 {
		return
	}
	reached := n.reached()
	n.copies = slices.DeleteFunc(n.copies, func(c copies) bool {
		enough := c.need <= len(reached) && reached[c.need-1] >= c.seq
		if enough || c.until <= n.now.Mono {
			n.answerCopies(&c, reached)
			return true
		}
		return false
	})
}

// onAwaitDue ends what has waited for long enough.
func (n *Node) onAwaitDue() {
	n.endAwaits()
	n.endCopies()
	n.endConsults()
	for i := range n.awaits {
		n.armBy(timerAwait, n.awaits[i].until-n.now.Mono)
	}
	for i := range n.copies {
		n.armBy(timerAwait, n.copies[i].until-n.now.Mono)
	}
}
