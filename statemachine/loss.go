package statemachine

import "kvs/statemachine/keyspace"

// A start can find that the store has lost durable writes. A lost tail leaves an
// older state that is whole: it is told, and mended once this node covers what a
// linked peer claims. A gap is worse, because this node's own vector may claim
// what is gone: then only a new identity helps, and n.loss stays as it is until
// a batch says Whole.
//
// After a crash of the machine under Async, what was not synced may be gone,
// which breaks no promise to anybody's collection: nobody was told that it is
// durable. But clients have been told that it is stored, and peers may have it. So
// the first peer that answers is asked, and until this node has what that one
// claimed, it takes no writes and says that it is syncing. A node that reaches
// nobody serves what it has.

// goal is what a node has to have again before clients write.
type goal struct {
	peer  ReplicaID
	boot  Boot // of the peer: another start of it may have lost what it claimed
	vv    VV
	until Millis // when the node goes on without
	set   bool
}

// reportLoss tells of a loss that is not mended yet.
func (n *Node) reportLoss() {
	if n.loss.Kind != keyspace.LossNone {
		n.notify(DataLost{n.loss})
	}
}

// lost says that what is gone may have been reported as durable, so that nothing
// is reported or forgotten until it is mended.
func (n *Node) lost() bool {
	return n.loss.Kind == keyspace.LossTail || n.loss.Kind == keyspace.LossGap
}

// leaveGap ends a life whose vector may claim what is lost, as soon as there is
// anybody to copy from: at the start, or once the first peer is linked.
func (n *Node) leaveGap() {
	if n.loss.Kind == keyspace.LossGap {
		n.rejoin(RefusedLoss, keyspace.Evicted)
	}
}

// relearning says that a peer is being asked for what was not synced.
func (n *Node) relearning() bool {
	p := n.peer(n.goal.peer)
	return n.loss.Kind == keyspace.LossUnsynced && n.goal.set && p != nil && p.linked && p.Boot == n.goal.boot
}

// aim takes what a complete peer claims as what this node has to have again.
func (n *Node) aim(p *peer, claims VV) {
	if n.loss.Kind != keyspace.LossUnsynced {
		return
	}
	if p.complete() && !n.relearning() {
		n.goal = goal{p.Replica, p.Boot, claims, n.now.Mono + relearnMost, true}
	}
	n.reachGoal()
}

// reachGoal ends a LossUnsynced once this node has what its peer had, or waits in vain.
func (n *Node) reachGoal() {
	if n.loss.Kind != keyspace.LossUnsynced || !n.goal.set {
		return
	}
	if n.vv.Covers(n.goal.vv) || n.relearning() && n.now.Mono >= n.goal.until {
		n.mend(n.goal.peer)
	}
}

// onCovered takes note that this node has all that a linked peer claims.
func (n *Node) onCovered(p *peer) {
	if n.loss.Kind == keyspace.LossTail {
		n.mend(p.Replica)
	}
}

// mend forgets a loss.
func (n *Node) mend(by ReplicaID) {
	if !n.jobs.room() {
		return
	}
	// If this batch is lost too, the next start finds the loss again.
	n.enqueue(job{kind: jobIdentity, whole: true})
	n.notify(LossMended{by, n.loss})
	n.loss, n.goal = keyspace.Loss{}, goal{}
}
