package statemachine

import "kvs/statemachine/keyspace"

// L3: two replicas compare their digest trees. Each message goes one level
// down: the node that began asks at the root, the other answers with the sums
// below, and so on to the leaves. Leaves that still differ a while later are
// listed, and the records that differ exchanged and merged by version. A scrub
// adopts no claim: equal trees say nothing of tombstones.
//
// The node that began keeps all state and asks one question at a time; whoever
// is asked reads, answers and forgets. So a scrub that was cut off has lost
// nothing: what it repaired compares equal the next time.

// scrub is the comparison that this node began.
//
// Invariant while running: of an open question, a read, and an armed timer's
// pause, exactly one is what the scrub waits for.
type scrub struct {
	running bool
	partner ReplicaID
	asOf    keyspace.Minute // what is compared, 0 now
	idle    Millis          // no scrub for a mere divergence before this

	dry     bool      // a person asked what differs: nothing is repaired
	request RequestID // of that person
	opened  int       // how often the root was asked about
	found   []Difference
	more    bool // found is full, and there is more

	round   uint64 // numbers the questions
	open    Message
	tries   int    // at the open question
	asked   Millis // when it was asked first
	reading bool   // the store owes an answer before the next question
	lag     Millis // the longest that the partner took to answer

	deep              bool   // the trees differ, so the partner keeps a place for this node
	compared, fetched Millis // when the last question of each sort went out

	// inner are the nodes of LevelInner that may differ and are not compared yet;
	// window is how many of them the open question is about.
	inner    []uint32
	window   int
	suspects []suspect          // leaves that differed, the longest known first
	give     []keyspace.KeyHash // records that the partner lacks or has in another version
	want     []keyspace.KeyHash // records that this node lacks or has in another version
	again    bool               // ask about the root again, as the partner was busy
}

// suspect is a leaf that differed.
type suspect struct {
	leaf         uint32
	mine, theirs uint64 // the sums at that time
	at           Millis
}

// onSyncDue compares with the peer that was compared with the longest ago.
func (n *Node) onSyncDue() {
	n.arm(timerSync, n.jittered(n.cfg.Sync))
	var oldest *peer
	for _, p := range n.linkedFirst() {
		if oldest == nil || p.compared.Mono < oldest.compared.Mono {
			oldest = p
		}
	}
	if oldest != nil {
		n.beginScrub(oldest)
	}
}

// onDivergence scrubs at once, because equal claims with different data mean
// that a layer below has failed.
func (n *Node) onDivergence(p *peer, theirs Sum) {
	if n.scrub.running || n.now.Mono < n.scrub.idle || n.serves(p) || n.hopeless(p, theirs) {
		return
	}
	n.stats.Divergences++
	n.notify(Diverged{p.Replica})
	n.beginScrub(p)
}

// standstill is the difference that the last scrub for a divergence began with.
type standstill struct {
	mine, theirs Sum
	wait         Millis // from one scrub for it to the next
	until        Millis
}

// hopeless says that a scrub began with the very same difference, so that the
// next one need not hurry: each time twice as long, up to the interval of scrubs.
func (n *Node) hopeless(p *peer, theirs Sum) bool {
	s := &p.standstill
	switch {
	case s.mine != n.sum || s.theirs != theirs:
		*s = standstill{mine: n.sum, theirs: theirs, wait: scrubAgainAfter}
	case n.now.Mono < s.until:
		return true
	default:
		s.wait = min(2*s.wait, n.cfg.Sync)
	}
	s.until = n.now.Mono + s.wait
	return false
}

func (n *Node) beginScrub(p *peer) {
	if n.scrub.running || n.serves(p) || n.transfer.Active() || !p.complete() || n.ending {
		return
	}
	p.compared, p.asked = n.now, false
	n.scrub = scrub{running: true, partner: p.Replica, round: n.scrub.round, asOf: n.minuteWith(p)}
	n.stats.Scrubs++
	n.openScrub()
}

// openScrub asks about the root.
func (n *Node) openScrub() {
	n.scrub.again = false
	n.scrub.opened++
	n.loadSums(readRoot, keyspace.LevelRoot, []uint32{0})
}

// endScrub forgets the comparison, and begins the next that is asked for.
func (n *Node) endScrub(why Refusal) {
	n.stopScrub(why)
	n.scrubAsked()
}

// stopScrub forgets the comparison; what it repaired stays. A person who waits
// for it learns why it ended.
func (n *Node) stopScrub(why Refusal) {
	s := &n.scrub
	if p := n.peer(s.partner); s.deep && p != nil && p.linked {
		n.send(p, ClassControl, Compare{Round: s.round}) // makes room for other visitors
	}
	if s.dry {
		n.answerDiff(why)
	}
	// The next round, so that what the store still reads for this one is stale.
	n.scrub = scrub{round: s.round + 1, idle: n.now.Mono + scrubAgainAfter}
	n.disarm(timerScrub)
}

// load reads the store for the next question.
func (n *Node) load(kind readKind, effect func(OpID) Effect) {
	p := n.peer(n.scrub.partner)
	n.scrub.reading = true
	n.arm(timerScrub, scrubTimeout)
	n.read(pendingRead{kind: kind, peer: p.Replica, boot: p.Boot, round: n.scrub.round}, effect)
}

// loadSums reads this node's sums for the next question.
func (n *Node) loadSums(kind readKind, level int, index []uint32) {
	asOf := n.scrub.asOf
	n.load(kind, func(op OpID) Effect { return ReadDigest{op, level, index, asOf} })
}

// loaded says that a read was for the scrub that still runs, at the point where
// it still is.
func (n *Node) loaded(r *pendingRead) bool {
	s := &n.scrub
	if !s.running || !s.reading || s.partner != r.peer || s.round != r.round {
		return false
	}
	s.reading = false
	return true
}

// question sends what the partner has to answer before the scrub goes on. m is
// made with round, which numbers it.
func (n *Node) question(class Class, make func(round uint64) Message) {
	s := &n.scrub
	s.round++
	s.open, s.tries, s.asked = make(s.round), 1, n.now.Mono
	if class == ClassBulk {
		s.fetched = n.now.Mono
	} else {
		s.compared = n.now.Mono
	}
	n.send(n.peer(s.partner), class, s.open)
	n.arm(timerScrub, questionTimeout)
}

// answered takes the answer to the open question, nil if it is to none.
func (n *Node) answered(p *peer, round uint64) Message {
	s := &n.scrub
	if !s.running || s.partner != p.Replica || s.open == nil || s.round != round {
		n.stats.DroppedStale++
		return nil
	}
	q := s.open
	s.open = nil
	s.lag = max(s.lag, n.now.Mono-s.asked)
	n.disarm(timerScrub)
	return q
}

// onScrubDue goes on after a pause, or asks again when the partner is silent.
func (n *Node) onScrubDue() {
	s := &n.scrub
	p := n.peer(s.partner)
	switch {
	case p == nil || !p.linked:
		n.endScrub(RefusedUnknown)
	case s.open != nil && s.tries < questionTries:
		s.tries++
		n.send(p, ClassBulk, s.open)
		n.arm(timerScrub, questionTimeout)
	case s.open != nil || s.reading:
		n.endScrub(RefusedTimeout)
	default:
		n.goOn()
	}
}

// goOn takes the next step of a scrub to which nobody owes an answer: first what
// costs memory, and the descent last.
func (n *Node) goOn() {
	s := &n.scrub
	switch {
	case s.again:
		n.openScrub()
	case len(s.give)+len(s.want) > 0:
		n.paced(s.fetched+n.pace.of(n.cfg.FetchDelay), n.exchange)
	case n.ripe() == 0 || len(s.suspects) >= suspectsMax:
		n.paced(max(s.compared+n.pace.of(n.cfg.Throttle), n.now.Mono+n.ripe()), n.confirm)
	case len(s.inner) > 0:
		n.paced(s.compared+n.pace.of(n.cfg.Throttle), n.compareInner)
	case len(s.suspects) > 0:
		n.arm(timerScrub, n.ripe())
	default:
		n.endScrub(RefusedNot)
	}
}

// paced takes a step if it is due, and else comes back when it is.
func (n *Node) paced(due Millis, step func()) {
	if due > n.now.Mono {
		n.arm(timerScrub, due-n.now.Mono)
		return
	}
	n.pace.adapt(n.congested())
	step()
}

// ripe is how long the first suspect has to wait until it is looked at again,
// never if there is none. Whatever is on its way by push or delta has arrived by
// then, and a leaf that has changed meanwhile is left for another time.
func (n *Node) ripe() Millis {
	s := &n.scrub
	switch {
	case len(s.suspects) == 0:
		return never
	case s.dry:
		return 0
	}
	wait := min(max(confirmMin, 4*s.lag), confirmMax)
	return max(s.suspects[0].at+wait-n.now.Mono, 0)
}
