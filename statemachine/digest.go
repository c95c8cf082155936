package statemachine

import "kvs/statemachine/keyspace"

// digest says what this node claims, and the sum over its tree at that moment, and
// what the peer need not ask for.
func (n *Node) digest(p *peer) Digest {
	d := Digest{VV: n.vv.Clone(), Sum: n.sum, Wall: n.now.Wall, Self: n.self, AsOf: n.asOf}
	if p.cursor.live {
		d.Epoch, d.Pushed = n.stream.Epoch, p.cursor.acked
	}
	if n.cfg.Async {
		d.Async, d.Durable = true, n.durable.Clone()
	}
	if n.transfer.Active() {
		d.Base = n.transfer.Base.Clone()
	}
	return d
}

func (n *Node) onDigestDue() {
	for _, p := range n.pick(n.gossipFanout()) {
		n.send(p, ClassControl, n.digest(p))
	}
	n.greetAgain()
	n.reshape()
	n.arm(timerDigest, n.jittered(n.cfg.Replication))
}

// onDigest compares a peer's claim with this node's own: missing dots call for
// a delta, equal claims over different data for a scrub. Claims that are short of
// room say too little for that.
func (n *Node) onDigest(p *peer, d Digest) {
	n.learn(d.Self)
	if n.ending {
		return
	}
	if !p.clock.known {
		n.sampleClock(p, d.Wall, 0) // better than nothing until it answers a probe
	}
	n.accepted = n.accepted || p.complete()
	p.claims, p.base, p.durable = d.VV, d.Base, d.VV
	if d.Async {
		p.durable = d.Durable
	}
	n.endCopies()
	n.pullFor(p)
	if d.Epoch != (keyspace.Epoch{}) {
		p.coming = coming{Stream{Replica: p.Replica, Epoch: d.Epoch}, d.Pushed}
	}
	if n.leaving.running {
		n.armBy(timerLeave, 0)
	}
	if n.vv.Foresees(n.stream, d.VV) {
		n.stats.DroppedMalformed++
		return
	}
	n.note(p, d)
	n.aim(p, d.VV)
	n.scrubClaim(d)
	switch {
	case n.transfer.Active() || !p.complete():
		p.owed = VV{}
	case !n.vv.Covers(d.VV):
		n.onBehind(p, d.VV)
	case d.VV.Covers(n.vv) && n.differs(d) && !n.vv.Crowded():
		p.owed = VV{}
		n.onDivergence(p, d.Sum)
	default:
		p.owed = VV{}
		n.onCovered(p)
	}
}

// level says that a peer has come up to all that was purged here. Until then
// nothing is taken from it: what it has may be older than a deletion that nobody
// remembers. It is told so by the floor in any delta that it asks for, and starts
// over. Of a replica that takes a copy, its sources must have come up to it: what it
// writes, and brings from an earlier life, was settled with what they knew.
func (n *Node) level(p *peer) bool {
	switch {
	case n.floor.IsEmpty(), n.cfg.Mutant.Is(keyspace.MutantLevel):
		return true
	case p.claims.Reaches(n.floor):
		return true
	case !p.complete():
		return p.base.Reaches(n.floor) || n.cfg.Mutant.Is(keyspace.MutantSourceLevel)
	}
	r := p.reports.newest
	return r != nil && r.Boot == p.Boot && r.VV.Reaches(n.floor)
}

// differs says that a peer's digest is not this node's of the same minute. If
// the clocks are too far apart to compare, nothing is said.
func (n *Node) differs(d Digest) bool {
	switch back := n.asOf - d.AsOf; {
	case back == 0:
		return d.Sum != n.sum
	case d.AsOf < n.asOf && back <= keyspace.MinutesBack:
		return d.Sum != n.past[back-1]
	}
	return false
}

// scrubClaim is the rule that a digest proves a claim, which is not true: equal
// digests say nothing of tombstones. Only a broken variant has it.
func (n *Node) scrubClaim(d Digest) {
	if n.cfg.Mutant.Is(keyspace.MutantScrubClaims) && d.AsOf == n.asOf && d.Sum == n.sum && n.jobs.room() {
		n.enqueue(job{kind: jobIdentity, claim: &keyspace.Claim{Base: n.vv.Clone(), VV: d.VV}})
	}
}

// onBehind asks the peer for what it has and this node lacks: at once, unless it
// is on its way by push, which then gets pushGrace to bring more of it, and unless
// the peer hardly hears this node, so that another may do better.
func (n *Node) onBehind(p *peer, theirs VV) {
	overdue := n.overdue(p)
	if n.vv.Covers(p.owed) {
		p.owed, p.owing, p.owedAt = theirs, theirs.CountBeyond(n.vv), n.now.Mono
	}
	if overdue && n.many {
		n.graft(p)
	}
	if overdue || p.reach == Reachable && !n.comesByPush(theirs) {
		n.beginDelta(p)
	}
}

// arrived takes note of how much is left of what a peer claimed and this node lacked.
func (n *Node) arrived(p *peer) {
	left := p.owed.CountBeyond(n.vv)
	if left < p.owing {
		p.owing, p.owedAt = left, n.now.Mono
	}
	if left == 0 {
		p.owed = VV{} // so that it is not compared again
	}
}

// overdue says that what a peer claimed some time ago has still not arrived, and
// nothing of it lately. With many peers one of them rarely speaks twice in a row, so
// the word of any counts.
func (n *Node) overdue(p *peer) bool {
	late := func(p *peer) bool {
		n.arrived(p)
		return p.owedAt+pushGrace <= n.now.Mono && p.owing > 0
	}
	return late(p) || n.many && len(n.choose(func(q *peer) bool { return q.linked && late(q) })) > 0
}

// coming is what comes to this node by push, directly or not.
type coming struct {
	stream Stream
	beyond Seq
}

// comesByPush says that all that theirs has beyond this node's vector is on its way
// by push, and the origins are there.
func (n *Node) comesByPush(theirs VV) bool {
	for _, s := range theirs.Beyond(n.vv) {
		o := n.peer(s.Stream.Replica)
		if o == nil || !o.linked || o.reach != Reachable || o.coming.stream != s.Stream ||
			s.Ranges[0].From <= o.coming.beyond {
			return false
		}
	}
	return true
}

// onCatchupDue asks a random peer when this node has been behind for long.
func (n *Node) onCatchupDue() {
	n.arm(timerCatchup, n.cfg.Catchup)
	behind := n.choose(func(p *peer) bool { return p.linked && !n.vv.Covers(p.owed) })
	if len(behind) > 0 {
		n.beginDelta(behind[n.rng.IntN(len(behind))])
	}
}
