package statemachine

import "kvs/statemachine/keyspace"

// Expired records leave the digest tree by the minute, at a time of each node's
// own clock. So a scrub names the minute that it is about, and both nodes turn
// their sums back to it: the smaller of the two nodes' minutes. A listing hides
// what had expired by then. Minute 0 is whatever the tree has now: of a node that
// has never looked at its clock yet.

// commonMinute is the smaller of this node's minute and another's. ok is false if
// one of the two trees cannot be turned back so far.
func (n *Node) commonMinute(theirs keyspace.Minute) (m keyspace.Minute, ok bool) {
	switch {
	case theirs == 0 || n.asOf == 0:
		return n.asOf, true
	case theirs > n.asOf:
		return n.asOf, theirs-n.asOf <= keyspace.MinutesBack
	}
	return theirs, n.asOf-theirs <= keyspace.MinutesBack
}

// minuteWith is the minute in which to compare with a peer, by its last digest.
// If that is too old to tell, the peer will.
func (n *Node) minuteWith(p *peer) keyspace.Minute {
	if m, ok := n.commonMinute(p.claim.asOf); ok {
		return m
	}
	return n.asOf
}

// minuteToAnswer is the minute in which to answer a question about another. ok is
// false if the question must be asked again, about a minute that this node can be
// turned back to.
func (n *Node) minuteToAnswer(asked keyspace.Minute) (m keyspace.Minute, ok bool) {
	if asked == 0 || n.asOf == 0 {
		return 0, true
	}
	m, ok = n.commonMinute(asked)
	return m, ok && m == asked
}

// minuteToList is the minute of a listing that goes with sums of a minute.
func (n *Node) minuteToList(asOf keyspace.Minute) keyspace.Minute {
	if asOf == 0 {
		return n.asOf
	}
	return asOf
}

// onOtherMinute begins again at the root, as the partner cannot answer for the
// minute that it was asked about and says at which it is. If the clocks are too
// far apart, nothing can be compared.
func (n *Node) onOtherMinute(theirs keyspace.Minute) {
	s := &n.scrub
	m, ok := n.commonMinute(theirs)
	switch {
	case !ok:
		n.stats.ScrubsSkewed++
		n.endScrub(RefusedSkew)
		return
	case s.opened >= opensMax:
		n.endScrub(RefusedTimeout)
		return
	}
	s.asOf, s.again, s.more = m, true, false
	s.inner, s.suspects, s.found = nil, nil, nil
	n.goOn()
}

// onMinuteGone begins again at the root, as this node's own tree has come too far
// for the minute of a scrub that takes long. What it repaired compares equal now.
func (n *Node) onMinuteGone() {
	s := &n.scrub
	if s.opened >= opensMax {
		n.endScrub(RefusedTimeout)
		return
	}
	s.asOf, s.again, s.more = n.minuteWith(n.peer(s.partner)), true, false
	s.inner, s.suspects, s.found = nil, nil, nil
	n.arm(timerScrub, scrubAgainAfter)
}
