package statemachine

import (
	"slices"
)

// peer is all that this node knows of another replica. It outlives connections.
type peer struct {
	Member      // as gossiped; Boot is the newest known
	seen   Time // when it was last heard of, directly or through others
	state  MemberState

	watch
	branch

	unsaved bool // the store does not know of its last change

	up      bool      // a connection stands
	cluster ClusterID // what it said of its cluster
	linked  bool      // up, and of this cluster

	pushes   Stream // its stream that comes by push, directly or not
	cursor   cursor // how far this node's own stream has come there
	owed     VV     // what it claimed at owedAt and this node lacked
	owedAt   Millis
	compared Millis // when a scrub with it last began
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
