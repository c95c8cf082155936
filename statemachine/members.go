package statemachine

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// newer says that a is news after b: the owner raises boot, incarnation and
// heartbeat, in that order of weight.
func newer(a, b Member) bool {
	switch {
	case a.Boot.Count != b.Boot.Count:
		return a.Boot.Count > b.Boot.Count
	case a.Incarnation != b.Incarnation:
		return a.Incarnation > b.Incarnation
	}
	return a.Heartbeat > b.Heartbeat
}

// valid says that an entry keeps to the bounds.
func (m Member) valid() bool {
	return m.Replica != ReplicaID{} && len(m.Name) <= NameBytesMax && len(m.Addr) <= AddrBytesMax
}

// learn merges one member entry and reports whether others should hear of it.
// A mere heartbeat is not worth a rumour.
func (n *Node) learn(m Member) bool {
	if m.Replica == n.id.Replica || !m.valid() {
		return false
	}
	i, known := n.find(m.Replica)
	if !known {
		if len(n.peers)+1 >= MembersMax {
			n.stats.DroppedMembers++
			return false
		}
		n.peers = slices.Insert(n.peers, i, &peer{Member: m, seen: n.now, unsaved: true, watch: watch{rtt: -1}})
		n.unsaved = true
		n.notify(MemberChanged{m, MemberAlive})
		n.planDials()
		n.announce()
		n.armView()
		return true
	}
	p := n.peers[i]
	if !newer(m, p.Member) {
		return false
	}
	old := p.Member
	p.Member = m
	if p.Joined == 0 {
		p.Joined = old.Joined
	}
	n.hear(p)
	n.refuted(p, old)
	rumour := old.Boot != m.Boot || old.Addr != m.Addr || old.Name != m.Name || old.Joined != p.Joined
	if rumour {
		p.unsaved, n.unsaved = true, true
		n.planDials()
		n.announce()
	}
	return rumour
}

// remember restores a member from the store, before the first Step.
func (n *Node) remember(m keyspace.Member) {
	if i, known := n.find(m.Replica); !known && len(n.peers)+1 < MembersMax {
		n.peers = slices.Insert(n.peers, i, &peer{Member: Member{
			Replica: m.Replica, Name: m.Name, Addr: m.Addr, Joined: m.Joined,
		}, watch: watch{reach: Unreachable, rtt: -1}})
	}
}

// saveMembers keeps what has changed of the members for the next start.
func (n *Node) saveMembers() {
	var changed []keyspace.Member
	for _, p := range n.peers {
		if p.unsaved {
			p.unsaved = false
			changed = append(changed, keyspace.Member{
				Replica: p.Replica, Name: p.Name, Addr: p.Addr, Joined: p.Joined,
			})
		}
	}
	n.unsaved = false
	n.enqueue(job{kind: jobIdentity, members: changed})
}

// hear notes a sign of life.
func (n *Node) hear(p *peer) {
	p.seen = n.now
	if p.state != MemberAlive {
		p.state = MemberAlive
		n.notify(MemberChanged{p.Member, MemberAlive})
	}
	n.armBy(timerView, n.cfg.FailedAfter)
}

// onViewDue moves silent members on in the members view. Connected ones are not
// silent, however little they have to say.
func (n *Node) onViewDue() {
	for _, p := range n.peers {
		if p.up {
			p.seen = n.now
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
	t := Table{Members: []Member{n.self}}
	for _, p := range n.peers {
		if p.state != MemberGone {
			t.Members = append(t.Members, p.Member)
		}
	}
	return t
}

func (n *Node) onTable(t Table) {
	for _, m := range t.Members[:min(len(t.Members), MembersMax)] {
		n.learn(m)
	}
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
