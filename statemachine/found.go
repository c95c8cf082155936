package statemachine

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// A node without seeds founds a cluster at its first start. If all nodes have
// seeds, exactly one of them must: two clusters never become one. Nodes may start
// and meet in any order, so who it is follows from their seeds alone. Each says
// which replicas it reached at its own; the electorate of a node is itself, these,
// theirs, and so on. The founder is the smallest of an electorate of which each
// member has the same one. Two founders with a seed in common would have each other
// in their electorates, and so be one.

// electors are the replicas at this node's seeds and itself, in order, none before
// all seeds have answered or once there is a cluster.
func (n *Node) electors() []ReplicaID {
	if n.id.Cluster != (ClusterID{}) || len(n.cfg.Seeds) == 0 {
		return nil
	}
	ids := []ReplicaID{n.id.Replica}
	for i := range n.dials {
		d := &n.dials[i]
		if !slices.Contains(n.cfg.Seeds[:min(len(n.cfg.Seeds), seedsMax)], d.addr) {
			continue
		}
		owner := n.ownerOf(d)
		if owner == (ReplicaID{}) {
			return nil
		}
		ids = append(ids, owner)
	}
	slices.SortFunc(ids, ReplicaID.Compare)
	ids = slices.Compact(ids)
	return ids[:min(len(ids), HelloSeedsMax)]
}

// electorate is what a node's electors come to with theirs, in order, none if one
// of them is not connected, has not said who its electors are, or has a cluster.
func (n *Node) electorate(of ReplicaID) []ReplicaID {
	all := []ReplicaID{of}
	for i := 0; i < len(all); i++ {
		electors := n.electorsOf(all[i])
		if len(electors) == 0 {
			return nil
		}
		for _, id := range electors {
			if !slices.Contains(all, id) {
				all = append(all, id)
			}
		}
	}
	slices.SortFunc(all, ReplicaID.Compare)
	return all
}

func (n *Node) electorsOf(id ReplicaID) []ReplicaID {
	if id == n.id.Replica {
		return n.electors()
	}
	if p := n.peer(id); p != nil && p.up && p.cluster == (ClusterID{}) {
		return p.electors
	}
	return nil
}

// elected says that this node is the one to found a cluster.
func (n *Node) elected() bool {
	all := n.electorate(n.id.Replica)
	if len(all) == 0 || all[0] != n.id.Replica {
		return false
	}
	for _, id := range all {
		if !slices.Equal(all, n.electorate(id)) {
			return false
		}
	}
	return true
}

// foundOrWait mints a cluster at once when there is nobody to ask.
func (n *Node) foundOrWait() {
	switch {
	case n.id.Cluster != ClusterID{}:
	case len(n.cfg.Seeds) == 0:
		n.adopt(n.cfg.Mint)
	default:
		n.arm(timerMint, mintAfter)
	}
}

// onMintDue founds a cluster if this node is elected and all replicas that it
// knows are connected and have none. As long as one is out of reach it may belong
// to a cluster, which this node must join rather than found a second one;
// meanwhile it serves alone.
func (n *Node) onMintDue() {
	if n.id.Cluster != (ClusterID{}) {
		return
	}
	alone := true
	for _, p := range n.peers {
		if p.Standing == keyspace.Active {
			alone = alone && p.up && p.cluster == ClusterID{}
		}
	}
	if alone && n.elected() {
		n.adopt(n.cfg.Mint)
	}
	n.arm(timerMint, mintAfter/10)
}

func (n *Node) seedsConnected() bool {
	for i := range n.dials {
		d := &n.dials[i]
		if slices.Contains(n.cfg.Seeds, d.addr) && !n.satisfied(d) {
			return false
		}
	}
	return true
}
