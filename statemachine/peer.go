package statemachine

import (
	"slices"
)

// peer is all that this node knows of another replica. It outlives connections.
type peer struct {
	Member        // as gossiped; Boot is the newest known
	seen   Time   // when it was last heard of, directly or through others
	heard  Millis // wall time of that, kept across restarts
	kept   Millis // what of it the store knows
	state  MemberState

	watch
	branch

	unsaved bool // the store does not know of its last change

	up      bool      // a connection stands
	upAt    Millis    // since when
	cluster ClusterID // what it said of its cluster
	linked  bool      // up, and of this cluster

	coming   coming // of its running stream
	cursor   cursor // how far this node's own stream has come there
	owed     VV     // what it claimed at owedAt and this node lacked
	owing    uint64 // so many writes of that were still lacking
	owedAt   Millis // when that last became less
	claim    claim  // what it said last
	compared Time   // when a scrub with it last began
	asked    bool   // an operator wants one

	standstill standstill
	electors   []ReplicaID // what it said in Hello.Seeds
	claims     VV          // the newest claim that came from it over this link
	durable    VV          // of that, what no crash takes from it
	has        Seq         // of this node's running stream, durably, as it acknowledged over this link
	base       VV          // and what its copy starts from, if it makes one
	reports    reports
	lists      foreignList
	fenced     uint64 // of a departed one: jobs that were waiting when it was fenced
	beyond     bool   // it has purged what this node may not have seen
	shunned    Millis // not asked for a copy before this
}

// complete says that the replica has all that it claims to have, so that it may
// be asked for data.
func (p *peer) complete() bool { return p.Stage == StageComplete }

// hello is what the peer would say of itself.
func (p *peer) hello() Hello {
	return Hello{Cluster: p.cluster, Replica: p.Replica, Boot: p.Boot, Member: p.Member}
}

func (n *Node) find(id ReplicaID) (int, bool) {
	return slices.BinarySearchFunc(n.peers, id, func(p *peer, id ReplicaID) int {
		return p.Replica.Compare(id)
	})
}

// peer returns the peer with the given identity, nil if it was never heard of.
func (n *Node) peer(id ReplicaID) *peer {
	if i, ok := n.find(id); ok {
		return n.peers[i]
	}
	return nil
}

// choose returns the peers for which keep holds, in the order of their ids.
func (n *Node) choose(keep func(*peer) bool) []*peer {
	var out []*peer
	for _, p := range n.peers {
		if keep(p) {
			out = append(out, p)
		}
	}
	return out
}

// pick draws up to k linked peers, reachable ones as long as there are any.
func (n *Node) pick(k int) []*peer {
	ps := n.draw(n.choose(func(p *peer) bool { return p.linked && p.reach == Reachable }), k)
	if len(ps) < k {
		rest := n.choose(func(p *peer) bool { return p.linked && p.reach != Reachable })
		ps = append(ps, n.draw(rest, k-len(ps))...)
	}
	return ps
}

// draw picks up to k of some peers, and disorders them.
func (n *Node) draw(ps []*peer, k int) []*peer {
	k = min(k, len(ps))
	for i := range k {
		j := i + n.rng.IntN(len(ps)-i)
		ps[i], ps[j] = ps[j], ps[i]
	}
	return ps[:k]
}

// gossipFanout draws how many peers a round of gossip goes to.
func (n *Node) gossipFanout() int { return 1 + n.rng.IntN(gossipFanoutMax) }
