package statemachine

import "kvs/statemachine/keyspace"

// accuse begins a suspicion of this node's own, or joins one.
func (n *Node) accuse(p *peer) {
	if n.cfg.Mutant.Is(keyspace.MutantBlindProbe) {
		return
	}
	if n.suspect(p, n.id.Replica, p.Incarnation) {
		n.rumour(p, n.id.Replica)
	}
}

// rumour tells a suspect what is said of it, so that it can refute it, and a
// few others, who do the same: news spreads to all in a few steps.
func (n *Node) rumour(p *peer, by ReplicaID) {
	m := Suspicion{Replica: p.Replica, Boot: p.Boot, Incarnation: p.blamed, By: by}
	if p.linked {
		n.send(p, ClassControl, m)
	}
	others := n.choose(func(q *peer) bool { return q.linked && q != p })
	for _, q := range n.draw(others, gossipFanoutMax) {
		n.send(q, ClassControl, m)
	}
}

// onSuspicion takes over a suspicion, unless it is of this node, or older than
// what is known of its subject; then it is answered.
func (n *Node) onSuspicion(from *peer, m Suspicion) {
	if m.Replica == n.id.Replica {
		switch {
		case m.Boot != n.id.Boot || m.Incarnation > n.self.Incarnation:
			// Of another run, or of nobody.
		case m.Incarnation == n.self.Incarnation:
			n.refute()
		default:
			n.send(from, ClassControl, Table{Members: []Member{n.self}})
		}
		return
	}
	p := n.peer(m.Replica)
	switch {
	case p == nil || p.Boot != m.Boot || m.By == n.id.Replica || m.By == m.Replica:
	case m.Incarnation < p.Incarnation:
		n.send(from, ClassControl, Table{Members: []Member{p.Member}})
	case n.suspect(p, m.By, m.Incarnation):
		n.rumour(p, m.By)
	}
}

// refute tells everybody that this node is there, in a new incarnation. That it
// had to is a sign that it may be slow itself.
func (n *Node) refute() {
	n.self.Incarnation++
	n.stats.Refutations++
	n.worse()
	for _, p := range n.linked() {
		n.send(p, ClassControl, Table{Members: []Member{n.self}})
	}
}

// refuted ends the suspicion of a peer whose new entry comes from after it.
func (n *Node) refuted(p *peer, old Member) {
	if p.Boot.Compare(old.Boot) > 0 || p.Incarnation > p.blamed {
		n.vindicate(p)
	}
}
