package statemachine

import "kvs/statemachine/keyspace"

// The roster is whom the collection of tombstones waits for. It has another
// lifetime than the members view: a replica stays in it however long it is
// silent, until it leaves, an operator forgets it, or it was away for longer
// than the horizon. Then it is fenced: it may come back as a new replica only.

// active says that a replica belongs to the roster.
func (p *peer) active() bool { return p.Joined != 0 && p.Standing == keyspace.Active }

// raise takes over that a replica has left or was evicted.
func (n *Node) raise(p *peer, s keyspace.Standing) {
	p.Standing = s
	p.fenced = n.jobs.taken
	p.unsaved, n.unsaved = true, true
	n.notify(Departed{p.Member})
	if p.up {
		n.fence(p.hello(), RefusedFenced)
		n.cut(p)
	}
	n.planDials()
	n.announce()
	n.armBy(timerCollect, announceDelay)
}

// evictAbsent gives up replicas that were away for longer than the horizon. A
// node may do so only while it reaches more than half of the roster, so that two
// halves of a cluster never evict each other.
func (n *Node) evictAbsent() {
	roster, reached := 1, 1
	for _, p := range n.peers {
		if p.active() {
			roster++
			if p.linked {
				reached++
			}
		}
	}
	if 2*reached <= roster || n.transfer.Active() || n.id.Cluster == (ClusterID{}) {
		return
	}
	for _, p := range n.peers {
		// A clock that has jumped says nothing: some of the silence must have been
		// listened to.
		listened := n.now.Mono-p.seen.Mono > n.cfg.Horizon/16
		if p.active() && !p.up && listened && n.wall()-p.heard > n.cfg.Horizon {
			n.raise(p, keyspace.Evicted)
		}
	}
}

// onForget evicts a replica at an operator's word.
func (n *Node) onForget(in Forget) {
	p := n.peer(in.Member)
	var why Refusal
	switch {
	case in.Member == n.id.Replica:
		why = RefusedSelf
	case (n.transfer.Active() || n.id.Cluster == ClusterID{}) && !in.Force:
		why = RefusedSyncing
	case p == nil || p.Standing == keyspace.Left:
		why = RefusedUnknown
	case p.Standing == keyspace.Active:
		n.raise(p, keyspace.Evicted)
	}
	n.emit(Done{in.Request, CommandResult{Refused: why}})
}

// leaving is a Leave under way.
type leaving struct {
	running bool
	Leave
	until Millis
}

// onLeave begins to drain: no client write is taken any more.
func (n *Node) onLeave(in Leave) {
	if n.leaving.running || n.self.Standing != keyspace.Active {
		n.emit(Done{in.Request, CommandResult{Refused: RefusedLeaving}})
		return
	}
	n.leaving = leaving{true, in, n.now.Mono + leaveTimeout}
	n.tryLeave()
}

// tryLeave leaves once enough peers durably have all writes of this replica.
func (n *Node) tryLeave() {
	l := &n.leaving
	if !l.running {
		return
	}
	var holders []ReplicaID
	linked, own := n.linked(), n.ownWrites()
	for _, p := range linked {
		if p.complete() && p.durable.Covers(own) {
			holders = append(holders, p.Replica)
		}
	}
	idle := len(n.jobs.waiting) == 0 && len(n.jobs.flying) == 0
	switch {
	case idle && len(holders) > 0 && (!l.All || len(holders) == n.others()):
		n.leave(CommandResult{Peers: holders})
	case n.now.Mono < l.until:
		n.arm(timerLeave, leavePoll)
		for _, p := range linked {
			n.send(p, ClassControl, n.digest(p))
		}
	case l.Force:
		n.leave(CommandResult{Peers: holders})
	default:
		n.emit(Done{l.Request, CommandResult{Refused: RefusedTimeout, Peers: holders}})
		n.leaving = leaving{}
	}
}

// others counts the rest of the roster.
func (n *Node) others() int {
	return len(n.choose(func(p *peer) bool { return p.active() }))
}

// ownWrites is the part of the vector that speaks of this replica's streams.
func (n *Node) ownWrites() VV { return n.vv.From(n.id.Replica) }

// leave announces the departure. The process stays up and serves reads.
func (n *Node) leave(r CommandResult) {
	request := n.leaving.Request
	n.leaving = leaving{}
	n.self.Standing = keyspace.Left
	n.self.Incarnation++
	n.unsaved = true
	t := n.table()
	for _, p := range n.linked() {
		n.send(p, ClassControl, t)
	}
	n.emit(Done{request, r})
	n.arm(timerLeave, leaveLinger)
}

// onLeaveDue looks again, or after the announcement hangs up.
func (n *Node) onLeaveDue() {
	if n.self.Standing == keyspace.Active {
		n.tryLeave()
		return
	}
	for _, p := range n.choose(func(p *peer) bool { return p.up }) {
		n.emit(Disconnect{p.Replica, RefusedLeaving})
	}
}
