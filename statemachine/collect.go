package statemachine

import "kvs/statemachine/keyspace"

// Collection of tombstones and expired records. A replica forgets one only when
// nothing older can ever arrive any more: every replica of the roster has said,
// in a report whose vector this node has included, that it durably has the
// record or something newer (the causally stable frontier). Acknowledgements
// alone would not do: they say that the others are past the delete, and not that
// nothing older is still on its way here.

// collection is the running round.
type collection struct {
	running  bool   // a step is with the store
	from     []byte // where the next step goes on, nil if no round is running
	frontier VV     // of the last round that ended
	idle     bool   // that round found nothing to do
	at       Millis // when it ended
	blocked  []ReplicaID
	since    Millis // wall time since which the same replicas block
}

// onCollectDue renews the own report, spreads what is known, counts, and
// forgets.
func (n *Node) onCollectDue() {
	n.arm(timerCollect, n.jittered(n.cfg.Collect))
	if n.self.Standing != keyspace.Active {
		return
	}
	n.evictAbsent()
	n.refreshReport()
	n.sendReports()
	n.countReports()
	n.voidGaps()
	n.retireStreams()
	n.dropPins()
	n.purgeRound()
}

// frontier is, stream by stream, the head up to which all of the roster has come,
// as far as this node may count, and who keeps it from saying anything.
func (n *Node) frontier() (f VV, blocked []ReplicaID) {
	f = n.durable.Clone()
	f.LowerHeads(n.durable)
	for _, p := range n.peers {
		if n.pointless(p) {
			continue
		}
		if p.reports.counted == nil {
			blocked = append(blocked, p.Replica)
			continue
		}
		if n.cfg.Mutant.Is(keyspace.MutantRanges) {
			f.LowerReach(p.reports.counted.VV)
		} else {
			f.LowerHeads(p.reports.counted.VV)
		}
	}
	if len(blocked) > 0 {
		return VV{}, blocked
	}
	return f, nil
}

// pointless says that there is no point in waiting for a report of a replica: it has
// not joined, or it has left and nothing can come of it any more.
func (n *Node) pointless(p *peer) bool {
	if p.Standing == keyspace.Active {
		return p.Joined == 0
	}
	return n.knownGone(p)
}

// knownGone says that every remaining replica has reported that it knows of a
// departure: from then on nobody takes anything from it any more.
func (n *Node) knownGone(z *peer) bool {
	for _, p := range n.peers {
		if p == z || p.Joined == 0 || p.Standing != keyspace.Active {
			continue
		}
		if p.reports.counted == nil {
			return false
		}
		if l, ok := p.reports.counted.line(z.Replica); !ok || l.Standing == keyspace.Active {
			return false
		}
	}
	return true
}

// purgeRound begins or continues a round of forgetting.
func (n *Node) purgeRound() {
	c := &n.collection
	f, blocked := n.frontier()
	n.noteBlocked(blocked)
	switch {
	case n.lost():
		return // what was lost may have been reported
	case c.running || n.transfer.Active() || !n.jobs.room() || n.id.Cluster == ClusterID{}:
		return
	case len(n.pins) > 0:
		return
	case n.tombstones+n.expiring == 0 || f.IsEmpty() && !n.cfg.Mutant.Is(keyspace.MutantFrontier):
		c.from = nil
		return
	}
	again := c.at + max(n.cfg.Retention/2, n.cfg.Collect)
	if c.from == nil && c.idle && f.Equal(c.frontier) && n.now.Mono < again {
		return
	}
	c.running = true
	if c.from == nil {
		c.idle = true
	}
	c.frontier = f
	now, all := n.oldestClock()
	minute := keyspace.MinuteAt(now)
	if !all && !n.cfg.Mutant.Is(keyspace.MutantOwnClock) {
		minute = 0 // somebody may still count what has expired by all clocks known
	}
	n.enqueue(job{kind: jobPurge, purge: &keyspace.Purge{
		Frontier: f, Before: now - n.cfg.Retention, From: c.from,
		Settled: minute - min(minute, keyspace.MinutesBack+1),
	}})
}

// onPurged ends a step of a round.
func (n *Node) onPurged(a *keyspace.Applied) {
	c := &n.collection
	c.running = false
	c.from = a.PurgeNext
	n.stats.Purged += uint64(len(a.Purged))
	if len(a.Purged) > 0 {
		c.idle = false
	}
	if c.from == nil {
		c.at = n.now.Mono
	}
	n.answerOpens()
	if c.from != nil {
		n.purgeRound()
	}
}

// noteBlocked remembers since when the same replicas keep everybody waiting.
func (n *Node) noteBlocked(blocked []ReplicaID) {
	c := &n.collection
	same := len(blocked) == len(c.blocked)
	for i := range blocked {
		same = same && blocked[i] == c.blocked[i]
	}
	if !same {
		c.blocked, c.since = blocked, n.now.Wall
	}
}

// onTurnDue lets expired records leave the digest at the end of each minute.
func (n *Node) onTurnDue() {
	const minute = 60_000
	if n.turning || !n.jobs.room() {
		n.arm(timerTurn, turnDelay)
		return
	}
	n.arm(timerTurn, minute-n.wall()%minute)
	n.turning = true
	n.enqueue(job{kind: jobTurn})
}

// onTurned goes on if more has expired than one step takes.
func (n *Node) onTurned(a *keyspace.Applied) {
	n.turning = false
	if !a.Turned && n.jobs.room() {
		n.turning = true
		n.enqueue(job{kind: jobTurn})
	}
}
