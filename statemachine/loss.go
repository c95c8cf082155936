package statemachine

import "kvs/statemachine/keyspace"

// A start can find that the store has lost durable writes. A lost tail leaves an
// older state that is whole: it is told, and mended once this node covers what a
// linked peer claims. A gap is worse, because this node's own vector may claim
// what is gone: then only a new identity helps, and n.loss stays as it is until
// a batch says Whole.

// reportLoss tells of a loss that is not mended yet.
func (n *Node) reportLoss() {
	if n.loss.Kind != keyspace.LossNone {
		n.notify(DataLost{n.loss})
	}
}

// leaveGap ends a life whose vector may claim what is lost, as soon as there is
// anybody to copy from: at the start, or once the first peer is linked.
func (n *Node) leaveGap() {
	if n.loss.Kind == keyspace.LossGap {
		n.rejoin(RefusedLoss, keyspace.Evicted)
	}
}

// onCovered takes note that this node has all that a linked peer claims.
func (n *Node) onCovered(p *peer) {
	if n.loss.Kind != keyspace.LossTail || !n.jobs.room() {
		return
	}
	// If this batch is lost too, the next start finds the loss again.
	n.enqueue(job{kind: jobIdentity, whole: true})
	n.notify(LossMended{p.Replica, n.loss})
	n.loss = keyspace.Loss{}
}
