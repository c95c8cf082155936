package statemachine

// nameTaken is the member with this node's name that came first, nil if there is
// none. Two nodes of one name are a mistake of their operator that nobody would
// notice otherwise, so the later one serves no writes as long as both live. One
// that is out of reach or gone is no hindrance: a node whose disk was lost
// comes back under its old name as another replica, and replaces it.
func (n *Node) nameTaken() *peer {
	for _, p := range n.peers {
		if p.active() && p.Name == n.self.Name && p.lives() && n.yields(p) {
			return p
		}
	}
	return nil
}

// lives says that a peer is there beyond hearsay: it is connected or has answered
// a probe, and is not known to have gone since.
func (p *peer) lives() bool {
	return (p.linked || p.answered) && p.state == MemberAlive && p.reach != Unreachable
}

// yields says that a member joined before this node.
func (n *Node) yields(p *peer) bool {
	switch {
	case p.Joined == 0:
		return false
	case n.self.Joined == 0 || p.Joined < n.self.Joined:
		return true
	}
	return p.Joined == n.self.Joined && p.Replica.Compare(n.self.Replica) < 0
}
