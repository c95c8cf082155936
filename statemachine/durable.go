package statemachine

import "kvs/statemachine/keyspace"

// What is durable here. Where every batch is synced before it is Applied, that is
// all that the store holds, and n.durable follows n.vv. Under Async it lags: a
// barrier makes what was applied before it durable, and Synced says so. Whatever
// others build on, they build on the durable vector alone: reports, and with
// them collection, and the copies that clients ask for (I4). Everything else goes
// by what is applied: a dot that a crash has taken comes back by delta, or is void
// if nobody has it.

// onSynced learns what a barrier has made durable.
func (n *Node) onSynced(in Synced) {
	if n.cfg.Mutant.Is(keyspace.MutantVolatile) {
		return
	}
	assertf(n.cfg.Async, "a barrier where every batch is synced")
	assertf(n.vv.Covers(in.VV), "durable %v, and the vector is %v", in.VV, n.vv)
	assertf(in.VV.Covers(n.durable), "the durable vector shrank from %v to %v", n.durable, in.VV)
	before := n.durable
	n.durable, n.synced = in.VV, in.Batch
	n.publishReport()
	n.acknowledge(before)
	n.endCopies()
	if n.leaving.running {
		n.armBy(timerLeave, 0)
	}
}

// acknowledge tells origins how far their writes are durable here by now.
func (n *Node) acknowledge(before VV) {
	for _, set := range n.durable.Sets() {
		p := n.peer(set.Stream.Replica)
		if p != nil && p.linked && set.Head > before.Head(set.Stream) {
			n.send(p, ClassControl, n.ack(set.Stream))
		}
	}
}

// ack says what this node has of a stream, and how much of it may still be lost.
func (n *Node) ack(s Stream) Ack {
	return Ack{n.vv.Only(s), n.vv.Head(s) - n.durable.Head(s)}
}

// offer keeps a report until all that it says is durable, and sends nothing else
// meanwhile: what it says of others was learned before, so it must not outlive
// what they have sent.
func (n *Node) offer(r *Report) {
	n.draft, n.draftBatch = r, n.jobs.last
	n.publishReport()
}

// publishReport makes the draft this node's report once a barrier covers it.
func (n *Node) publishReport() {
	if n.draft == nil || n.cfg.Async && n.synced < n.draftBatch {
		return
	}
	n.report, n.draft = n.draft, nil
}
