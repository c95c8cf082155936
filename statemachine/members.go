package statemachine

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// newer says that a is news after b: the owner raises boot, incarnation and
// heartbeat, in that order of weight.
func newer(a, b *Member) bool {
	switch {
	case a.Boot != b.Boot:
		return a.Boot.Compare(b.Boot) > 0
	case a.Incarnation != b.Incarnation:
		return a.Incarnation > b.Incarnation
	}
	return a.Heartbeat > b.Heartbeat
}

// valid says that an entry keeps to the bounds.
func (m Member) valid() bool {
	return m.Replica != ReplicaID{} && len(m.Name) <= NameBytesMax && len(m.Addr) <= AddrBytesMax &&
		m.Standing <= keyspace.Evicted && m.Stage <= StageRejoining && m.Joined >= 0
}

// learn merges one member entry and reports whether others should hear of it.
// A mere heartbeat is not worth a rumour.
func (n *Node) learn(m Member) bool {
	if m.Replica == n.id.Replica {
		if m.Standing == keyspace.Evicted && n.self.Standing == keyspace.Active {
			n.rejoin(RefusedFenced, keyspace.Evicted)
		}
		return false
	}
	if !m.valid() {
		return false
	}
	i, known := n.find(m.Replica)
	if !known {
		return n.meet(i, m)
	}
	p := n.peers[i]
	raised := m.Standing > p.Standing
	if raised {
		n.raise(p, m.Standing)
	}
	if !newer(&m, &p.Member) {
		return raised
	}
	return n.renew(p, m) || raised
}

// meet takes a replica into the table that nobody here has heard of.
func (n *Node) meet(at int, m Member) bool {
	if len(n.peers)+1 >= RosterMax || m.Standing == keyspace.Active && n.tableFull() {
		n.stats.DroppedMembers++
		return false
	}
	p := &peer{
		Member: m, seen: n.now, heard: n.now.Wall, unsaved: true, watch: watch{rtt: -1},
	}
	n.peers = slices.Insert(n.peers, at, p)
	n.unsaved = true
	switch {
	case m.Standing != keyspace.Active:
		n.notify(Departed{m})
	case m.Addr == "":
		p.state = MemberGone // only the roster speaks of it
	default:
		n.notify(MemberChanged{m, MemberAlive})
	}
	n.planDials()
	n.announce()
	n.armView()
	return true
}

// renew takes over a newer entry of a known replica.
func (n *Node) renew(p *peer, m Member) bool {
	old := p.Member
	p.Member = m
	p.Standing = max(old.Standing, m.Standing)
	if p.Joined == 0 {
		p.Joined = old.Joined
	}
	if m.Addr == "" && m.Name == "" {
		p.Addr, p.Name, p.Stage = old.Addr, old.Name, old.Stage
	}
	n.hear(p)
	n.refuted(p, old)
	rumour := old.Boot != p.Boot || old.Addr != p.Addr || old.Name != p.Name || old.Joined != p.Joined ||
		old.Stage != p.Stage
	if rumour {
		p.unsaved, n.unsaved = true, true
		n.planDials()
		n.announce()
	}
	if p.linked && old.Stage.syncing() && !p.Stage.syncing() {
		n.steer(p)
	}
	return rumour
}

// tableFull says that there is no room for another replica of the roster.
func (n *Node) tableFull() bool {
	return len(n.choose(func(p *peer) bool { return p.Standing == keyspace.Active }))+1 >= MembersMax
}

// remember restores a member from the store, before the first Step. An entry of
// this very replica says that it has left.
func (n *Node) remember(m keyspace.Member) {
	if m.Replica == n.id.Replica {
		n.self.Standing = m.Standing
		return
	}
	if i, known := n.find(m.Replica); !known && len(n.peers)+1 < RosterMax {
		n.peers = slices.Insert(n.peers, i, &peer{heard: m.Seen, kept: m.Seen, Member: Member{
			Replica: m.Replica, Name: m.Name, Addr: m.Addr, Joined: m.Joined, Boot: m.Boot,
			Standing: m.Standing,
		}, watch: watch{reach: Unreachable, rtt: -1}})
	}
}

// beginStanding goes on from what the store remembers of this replica.
func (n *Node) beginStanding() {
	switch {
	case n.loss.Kind == keyspace.LossGap && n.id.Cluster != ClusterID{} && n.others() > 0:
		n.leaveGap()
	case n.self.Standing != keyspace.Active:
		n.rejoin(RefusedLeaving, n.self.Standing) // it was started to come back
	case n.id.Joined == 0 && n.id.Cluster != ClusterID{}:
		n.enqueue(job{kind: jobIdentity, join: n.joinTime()})
	}
	if n.transfer.Active() {
		n.arm(timerCopy, 0)
	}
}

// memory is what the store keeps of a peer.
func (n *Node) memory(p *peer) keyspace.Member {
	p.kept = p.heard
	m := keyspace.Member{
		Replica: p.Replica, Name: p.Name, Addr: p.Addr, Joined: p.Joined, Boot: p.Boot,
		Standing: p.Standing, Seen: p.heard,
	}
	if p.Standing != keyspace.Active {
		m.Name, m.Addr = "", ""
	}
	return m
}

// saveMembers keeps what has changed of the members for the next start.
func (n *Node) saveMembers() {
	var changed []keyspace.Member
	for _, p := range n.peers {
		if p.unsaved {
			p.unsaved = false
			changed = append(changed, n.memory(p))
		}
	}
	if n.self.Standing != keyspace.Active {
		changed = append(changed, n.memory(&peer{Member: n.self}))
	}
	n.unsaved = false
	n.enqueue(job{kind: jobIdentity, members: changed})
}

// hear notes a sign of life.
func (n *Node) hear(p *peer) {
	p.seen, p.heard = n.now, n.now.Wall
	if p.heard-p.kept > n.cfg.Horizon/64 || p.heard < p.kept {
		p.unsaved, n.unsaved = true, true
		p.kept = p.heard
	}
	if p.state != MemberAlive && p.Standing == keyspace.Active {
		p.state = MemberAlive
		n.notify(MemberChanged{p.Member, MemberAlive})
	}
	n.armBy(timerView, n.cfg.FailedAfter)
}

// onViewDue moves silent members on in the members view. Connected ones are not
// silent, however little they have to say.
func (n *Node) onViewDue() {
	for _, p := range n.peers {
		if p.Standing != keyspace.Active {
			continue
		}
		if p.up {
			n.hear(p)
		}
		silence := n.now.Mono - p.seen.Mono
		state := MemberAlive
		switch {
		case silence >= n.cfg.RemovedAfter:
			state = MemberGone
		case silence >= n.cfg.FailedAfter:
			state = MemberFailed
		}
		if state > p.state {
			p.state = state
			n.notify(MemberChanged{p.Member, state})
		}
	}
	n.armView()
}

// armView sets the timer to the next moment at which a member's state can
// change by silence.
func (n *Node) armView() {
	at := never
	for _, p := range n.peers {
		if p.Standing != keyspace.Active {
			continue
		}
		switch p.state {
		case MemberAlive:
			at = min(at, p.seen.Mono+n.cfg.FailedAfter)
		case MemberFailed:
			at = min(at, p.seen.Mono+n.cfg.RemovedAfter)
		}
	}
	n.timers[timerView] = at
}

// table is the whole member table, self included.
func (n *Node) table() Table {
	n.self.Heartbeat++
	t := Table{Members: append(make([]Member, 0, len(n.peers)+1), n.self)}
	for _, p := range n.peers {
		switch m := p.Member; {
		case p.Standing != keyspace.Active:
			m.Name, m.Addr = "", "" // what matters is that it never comes back
			t.Members = append(t.Members, m)
		case p.state != MemberGone:
			t.Members = append(t.Members, m)
		}
	}
	return t
}

// onTable learns what is news in a table. Most of it is not: behind the sender's own
// entry the members are walked over in the order in which this node has them.
func (n *Node) onTable(t Table) {
	at := 0
	for i := range t.Members[:min(len(t.Members), RosterMax)] {
		m := &t.Members[i]
		if i == 0 {
			n.learn(*m)
			continue
		}
		for at < len(n.peers) && n.peers[at].Replica.Compare(m.Replica) < 0 {
			at++
		}
		if at == len(n.peers) || !n.peers[at].knows(m) {
			n.learn(*m)
		}
	}
}

// knows says that an entry is about this peer, and no news.
func (p *peer) knows(m *Member) bool {
	return p.Replica == m.Replica && m.Standing <= p.Standing && !newer(m, &p.Member)
}

// announce lets changes of the table gather for a moment, then tells everybody.
func (n *Node) announce() { n.armBy(timerAnnounce, announceDelay) }

func (n *Node) onAnnounceDue() {
	t := n.table()
	for _, p := range n.linked() {
		n.send(p, ClassControl, t)
	}
}

// onTableDue is the seed's gossip: the whole table to one to three peers.
func (n *Node) onTableDue() {
	t := n.table()
	for _, p := range n.pick(n.gossipFanout()) {
		n.send(p, ClassControl, t)
	}
	n.arm(timerTable, n.between(n.cfg.GossipMin, n.cfg.GossipMax))
}
