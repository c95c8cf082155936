package statemachine

// The failure detector follows SWIM: every interval one member in turn is
// asked for a sign of life. If it does not answer in half of that, others are
// asked to ask it, because the way there may be at fault; if that brings
// nothing either, it is suspected (suspicion.go). From Lifeguard comes the
// doubt about oneself: a node whose own questions fail, or that has to refute
// suspicions, or that stood still, judges more slowly.

// probe is a question to a peer that is under way.
type probe struct {
	seq     uint64 // 0: none is under way
	sent    Millis
	pace    Millis // it fails after this time, and is relayed after half of it
	relayed bool   // others have been asked to ask
	routine bool   // in its turn, so that a failure says something of this node too
}

// detector is what the failure detector keeps beside the peers.
type detector struct {
	last   uint64      // number of the last probe
	turn   []ReplicaID // who is still to be asked in this round, drawn
	next   Millis      // when the next member is asked in its turn
	again  Millis      // when doubtful ones are asked again, if there are any
	due    Millis      // what the timer was set to
	health int         // 0 well, up to healthMax: so many times slower is this node
}

// onProbeDue follows up the probes under way, and begins those that are due.
func (n *Node) onProbeDue() {
	d := &n.detector
	if late := n.now.Mono - d.due; late > n.cfg.Probe/2 {
		n.stoodStill(late)
	}
	for _, p := range n.peers {
		n.followUp(p)
	}
	if d.next <= n.now.Mono {
		if p := n.nextInTurn(); p != nil {
			n.inquiry(p, p.linked)
		}
		d.next = n.now.Mono + n.jittered(n.slowed(n.cfg.Probe))
	}
	if d.again <= n.now.Mono {
		for _, p := range n.choose((*peer).doubtful) {
			n.inquiry(p, false)
			d.again = n.now.Mono + n.jittered(n.cfg.Probe)
		}
	}
	n.armProbe()
}

// armProbe sets the timer to the next moment at which a probe has work.
func (n *Node) armProbe() {
	at := n.detector.next
	for _, p := range n.peers {
		switch pr := &p.probe; {
		case pr.seq == 0 && p.doubtful():
			at = min(at, max(n.detector.again, n.now.Mono))
		case pr.seq == 0:
		case pr.relayed:
			at = min(at, pr.sent+pr.pace)
		default:
			at = min(at, pr.sent+pr.pace/2)
		}
	}
	n.detector.due, n.timers[timerProbe] = at, at
}

// stoodStill makes up for time in which this node could neither ask nor hear:
// such time proves nothing against anybody else.
func (n *Node) stoodStill(late Millis) {
	for _, p := range n.peers {
		p.probe = probe{}
		p.since += late
	}
	n.worse()
}

// slowed stretches a time by how unwell this node is.
func (n *Node) slowed(d Millis) Millis { return d * Millis(1+n.detector.health) }

func (n *Node) worse()  { n.detector.health = min(n.detector.health+1, healthMax) }
func (n *Node) better() { n.detector.health = max(n.detector.health-1, 0) }

// nextInTurn is the member to ask now, nil if there is none. Everybody has a
// turn before anybody has another, in an order that is drawn anew each time.
func (n *Node) nextInTurn() *peer {
	d := &n.detector
	if len(d.turn) == 0 {
		for _, p := range n.choose((*peer).watched) {
			d.turn = append(d.turn, p.Replica)
		}
		n.rng.Shuffle(len(d.turn), func(i, j int) { d.turn[i], d.turn[j] = d.turn[j], d.turn[i] })
	}
	for len(d.turn) > 0 {
		p := n.peer(d.turn[0])
		d.turn = d.turn[1:]
		if p != nil && p.watched() {
			return p
		}
	}
	return nil
}

// watched says that a peer is to be probed: it is connected, or it is a member
// that others may be connected to.
func (p *peer) watched() bool { return p.linked || p.Joined != 0 && p.state != MemberGone }

// doubtful says that a peer is to be asked out of turn, because an answer would
// make a difference: a suspect, or one that is connected all the same.
func (p *peer) doubtful() bool {
	return p.reach == Suspect && p.watched() || p.reach == Unreachable && p.linked
}

// inquiry begins to ask a peer for a sign of life: directly, or through others
// if there is no connection to it.
func (n *Node) inquiry(p *peer, routine bool) {
	if p.probe.seq != 0 {
		return
	}
	n.detector.last++
	// A node that is unwell waits longer before it thinks badly of somebody, but
	// not to find out that it was wrong.
	pace := n.cfg.Probe
	if p.reach == Reachable {
		pace = n.slowed(pace)
	}
	p.probe = probe{seq: n.detector.last, sent: n.now.Mono, pace: pace, routine: routine}
	n.stats.Probes++
	if !p.linked {
		n.askThrough(p)
		return
	}
	n.send(p, ClassControl, Ping{
		Seq: p.probe.seq, Suspect: p.reach != Reachable, Incarnation: p.Incarnation,
	})
}

// askThrough lets others ask a peer.
func (n *Node) askThrough(p *peer) {
	p.probe.relayed = true
	ways := n.choose(func(q *peer) bool { return q.linked && q != p && q.reach == Reachable })
	for _, q := range n.draw(ways, relaysMax) {
		n.send(q, ClassControl, PingReq{Seq: p.probe.seq, Target: p.Replica})
	}
}

// followUp takes the next step with a probe that was not answered.
func (n *Node) followUp(p *peer) {
	pr := &p.probe
	age := n.now.Mono - pr.sent
	switch {
	case pr.seq == 0:
	case age >= pr.pace:
		if pr.routine {
			n.worse()
		}
		*pr = probe{}
		n.stats.ProbesFailed++
		n.accuse(p)
	case !pr.relayed && age >= pr.pace/2:
		n.askThrough(p)
	}
}

// onPing answers, and refutes the suspicion that the question may come with.
func (n *Node) onPing(p *peer, m Ping) {
	n.send(p, ClassControl, PingAck{Seq: m.Seq, Origin: m.Origin, Wall: n.now.Wall})
	if m.Suspect && m.Incarnation == n.self.Incarnation {
		n.refute()
	}
}

// onPingReq asks on behalf of a peer. The answer finds its way back by itself,
// so nothing is kept.
func (n *Node) onPingReq(p *peer, m PingReq) {
	if t := n.peer(m.Target); t != nil && t.linked && t != p {
		n.send(t, ClassControl, Ping{Seq: m.Seq, Origin: p.Replica})
	}
}

// onPingAck ends a probe, or passes the answer on to whoever asked.
func (n *Node) onPingAck(p *peer, m PingAck) {
	none := ReplicaID{}
	if m.Origin != none {
		if to := n.peer(m.Origin); to != nil && to.linked {
			n.send(to, ClassControl, PingAck{Seq: m.Seq, Target: p.Replica})
		}
		return
	}
	direct := m.Target == none
	if !direct {
		p = n.peer(m.Target)
	}
	if p == nil || p.probe.seq == 0 || p.probe.seq != m.Seq {
		return // late, or told before
	}
	if direct {
		p.rtt = n.now.Mono - p.probe.sent
		n.sampleClock(p, m.Wall, p.rtt)
	}
	if p.probe.routine {
		n.better()
	}
	p.probe, p.answered = probe{}, true
	n.hear(p)
	n.vindicate(p)
}
