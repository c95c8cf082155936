package statemachine

import (
	"kvs/statemachine/keyspace"
)

// Hello is what this node says first on every connection.
func (n *Node) Hello() Hello {
	return Hello{
		ProtocolMin: ProtocolMin, ProtocolMax: ProtocolMax,
		Cluster: n.id.Cluster, Replica: n.id.Replica, Boot: n.id.Boot, Member: n.self,
		ClusterName: n.cfg.ClusterName, AuthMode: n.cfg.AuthMode, Seeds: n.electors(),
	}
}

// onPeerUp admits a peer or shows it the door.
func (n *Node) onPeerUp(h Hello) {
	h.Member.Replica, h.Member.Boot = h.Replica, h.Boot
	switch reason := n.judge(h); {
	case n.self.Standing != keyspace.Active:
		n.emit(Disconnect{h.Replica, RefusedLeaving})
		return
	case h.Replica == n.id.Replica:
		n.onDouble(h)
		return
	case reason == RefusedFenced || reason == RefusedBoot:
		n.refused = refusal{PeerRefused{h.Member, reason}, n.now.Mono}
		n.notify(n.refused.PeerRefused)
		n.fence(h, reason)
		return
	case reason != RefusedNot:
		n.refused = refusal{PeerRefused{h.Member, reason}, n.now.Mono}
		n.notify(n.refused.PeerRefused)
		n.emit(Disconnect{h.Replica, reason})
		n.shun(h.Member)
		return
	}
	n.dropGuest(h.Replica)
	n.learn(h.Member)
	p := n.peer(h.Replica)
	if p == nil {
		n.emit(Disconnect{h.Replica, RefusedFull})
		return
	}
	p.Boot = h.Boot
	p.up, p.upAt = true, n.now.Mono
	p.linked = false
	p.coming = coming{}
	p.cursor.live = false
	n.hear(p)
	n.vindicate(p)
	n.settled(p.Addr)
	n.onHello(p, h)
}

// judge says why a peer must not be talked to, RefusedNot if it may.
func (n *Node) judge(h Hello) Refusal {
	if h.ProtocolMin > ProtocolMax || h.ProtocolMax < ProtocolMin || !h.Member.valid() {
		return RefusedProtocol
	}
	none := ClusterID{}
	if h.Cluster != n.id.Cluster && h.Cluster != none && n.id.Cluster != none {
		return RefusedCluster
	}
	if h.ClusterName != n.cfg.ClusterName {
		return RefusedCluster
	}
	if h.AuthMode != n.cfg.AuthMode && !n.cfg.MixedAuth {
		return RefusedAuth
	}
	p := n.peer(h.Replica)
	switch {
	case h.Member.Standing != keyspace.Active:
		return RefusedFenced
	case p == nil && n.tableFull():
		return RefusedFull
	case p == nil:
		return RefusedNot
	case p.Standing != keyspace.Active && !n.cfg.Mutant.Is(keyspace.MutantFence):
		return RefusedFenced
	case n.outdated(p, h.Boot):
		// An older start of a replica is a ghost (I9).
		return RefusedBoot
	}
	return RefusedNot
}

// onDouble meets another process with this node's own identity: a disk was
// copied. The newer start keeps the identity; the other begins another life.
func (n *Node) onDouble(h Hello) {
	if h.Boot.Compare(n.id.Boot) > 0 {
		n.rejoin(RefusedBoot, keyspace.Active)
	}
}

// onHello takes note of a peer's cluster, which may have changed from none.
func (n *Node) onHello(p *peer, h Hello) {
	if h.Replica != p.Replica || h.Boot != p.Boot || n.judge(h) != RefusedNot {
		n.emit(Disconnect{p.Replica, RefusedCluster})
		return
	}
	n.learn(h.Member)
	p.cluster, p.electors = h.Cluster, h.Seeds
	n.tryLink(p)
}

// tryLink begins replication with a peer of the same cluster, and hands the
// cluster to one that has none.
func (n *Node) tryLink(p *peer) {
	none := ClusterID{}
	switch {
	case !p.up || p.linked:
	case n.id.Cluster == none && p.cluster == none:
		// Whoever has no cluster yet must know all others like that, so that
		// only one of them founds one.
		n.send(p, ClassControl, n.table())
	case n.id.Cluster == none:
	case p.cluster == none:
		n.send(p, ClassControl, Welcome{n.id.Cluster, n.id.Digest})
	case p.cluster == n.id.Cluster:
		p.linked = true
		p.owed, p.claims, p.durable, p.base, p.has, p.beyond = VV{}, VV{}, VV{}, VV{}, 0, false
		n.leaveGap()
		n.reshape()
		n.steer(p)
		n.askAgain()
		n.send(p, ClassControl, n.table())
		n.send(p, ClassControl, n.digest(p))
	}
}

// greetAgain repeats what peers need to know before replication can begin, for
// those where it has not: the first time may have been lost.
func (n *Node) greetAgain() {
	for _, p := range n.peers {
		if p.up && !p.linked {
			n.send(p, ClassControl, n.Hello())
			n.tryLink(p)
		}
	}
	n.refuseAgain()
}

// onWelcome joins the cluster that a peer belongs to. A node that has one says
// so again: the peer missed it.
func (n *Node) onWelcome(p *peer, m Welcome) {
	switch none := (ClusterID{}); {
	case n.id.Cluster != none:
		n.send(p, ClassControl, n.Hello())
	case m.Cluster != none:
		n.adopt(keyspace.Adoption{Cluster: m.Cluster, Digest: m.Digest, Copy: true})
	}
}

// adopt asks the store to join a cluster. The first adoption applied counts.
func (n *Node) adopt(a keyspace.Adoption) {
	n.enqueue(job{kind: jobIdentity, adopt: &a, join: n.joinTime()})
}

// joinTime is a join time later than that of all known replicas.
func (n *Node) joinTime() Millis {
	joined := max(n.now.Wall, 1)
	for _, p := range n.peers {
		joined = max(joined, p.Joined+1)
	}
	return joined
}

// onIdentity takes note of what the store now says of this replica.
func (n *Node) onIdentity(a *keyspace.Applied) {
	chosen := n.id.Cluster != a.Cluster
	changed := chosen || n.id.Joined != a.Joined
	n.id.Cluster, n.id.Digest, n.id.Joined = a.Cluster, a.Digest, a.Joined
	if !changed {
		return
	}
	n.self.Joined = n.id.Joined
	n.self.Incarnation++
	if chosen {
		n.disarm(timerMint)
		n.notify(ClusterChosen{n.id.Cluster, n.id.Cluster == n.cfg.Mint.Cluster})
	}
	for _, p := range n.choose(func(p *peer) bool { return p.up }) {
		n.send(p, ClassControl, n.Hello())
		n.tryLink(p)
	}
	n.announce()
}
