package statemachine

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// visitor is a peer whose scrub this node serves. There are at most visitorsMax, so
// that a cluster which compares itself leaves room for its clients.
type visitor struct {
	peer  ReplicaID
	until Millis // gone by then if nothing more is heard
}

// serves says that a peer compares itself with this node right now.
func (n *Node) serves(p *peer) bool {
	return slices.ContainsFunc(n.visitors, func(v visitor) bool {
		return v.peer == p.Replica && v.until > n.now.Mono
	})
}

// admit takes a peer in, or keeps it, and reports whether there was room.
func (n *Node) admit(p *peer) bool {
	n.visitors = slices.DeleteFunc(n.visitors, func(v visitor) bool {
		return v.peer == p.Replica || v.until <= n.now.Mono
	})
	if len(n.visitors) >= visitorsMax {
		return false
	}
	n.visitors = append(n.visitors, visitor{p.Replica, n.now.Mono + visitorStay})
	return true
}

func (n *Node) leaves(p *peer) {
	n.visitors = slices.DeleteFunc(n.visitors, func(v visitor) bool { return v.peer == p.Replica })
}

// welcomes says that a peer whose tree differs may go on. Of two nodes that
// compare with each other at the same time the greater gives way: one scrub
// repairs both.
func (n *Node) welcomes(p *peer, level int) bool {
	s := &n.scrub
	if level == keyspace.LevelRoot && s.running && !s.dry && s.partner == p.Replica {
		if n.id.Replica.Compare(p.Replica) < 0 {
			return false
		}
		n.endScrub(RefusedOverloaded)
	}
	return n.admit(p)
}

// onCompare answers a peer's sums with this node's own, one level down.
func (n *Node) onCompare(p *peer, m Compare) {
	switch {
	case !validCompare(m):
		n.stats.DroppedMalformed++
	case m.Answer:
		n.onCompared(p, m)
	case len(m.Nodes) == 0:
		n.leaves(p)
	default:
		n.readCompared(p, m)
	}
}

// readCompared reads this node's own sums beside those of a question, or says
// that it cannot be turned to the minute that they are of.
func (n *Node) readCompared(p *peer, m Compare) {
	asOf, ok := n.minuteToAnswer(m.AsOf)
	if !ok {
		n.send(p, ClassControl, Compare{Round: m.Round, Level: m.Level, Answer: true, AsOf: n.asOf})
		return
	}
	m.AsOf = asOf
	index := make([]uint32, len(m.Nodes))
	for i := range m.Nodes {
		index[i] = m.Nodes[i].Index
	}
	r := pendingRead{kind: readCompare, peer: p.Replica, boot: p.Boot, round: m.Round, compare: m}
	n.read(r, func(op OpID) Effect { return ReadDigest{op, m.Level, index, asOf} })
}

func validCompare(m Compare) bool {
	if m.Level < keyspace.LevelRoot || m.Level > keyspace.LevelLeaf || len(m.Nodes) > compareNodesMax ||
		m.Retry < 0 || !m.Answer && m.Level == keyspace.LevelLeaf && len(m.Nodes) > leavesMax {
		return false
	}
	for i := range m.Nodes {
		if m.Nodes[i].Index >= keyspace.LevelWidth(m.Level) {
			return false
		}
	}
	return true
}

// answerCompare reads what lies below the nodes that differ: sums, or the
// records of leaves. Of more nodes than one answer has room for, the first ones.
func (n *Node) answerCompare(p *peer, r pendingRead, sums []Sum) {
	var differ []uint32
	for i, node := range r.compare.Nodes {
		stable := r.compare.Level < keyspace.LevelLeaf || sums[i].Hi == node.Theirs
		if node.Sum != sums[i].Hi && stable && len(differ) < leavesMax {
			differ = append(differ, node.Index)
		}
	}
	answer := Compare{Round: r.round, Level: r.compare.Level, Answer: true, AsOf: r.compare.AsOf}
	if len(differ) > 0 && !n.welcomes(p, r.compare.Level) {
		answer.Retry = busyRetry
		differ = nil
	}
	next := pendingRead{peer: r.peer, boot: r.boot, round: r.round}
	switch {
	case len(differ) == 0:
		n.send(p, ClassControl, answer)
	case r.compare.Level == keyspace.LevelLeaf:
		next.kind = readListing
		for _, i := range differ {
			next.list.Leaves = append(next.list.Leaves, keyspace.Leaf(i))
		}
		asOf := n.minuteToList(r.compare.AsOf)
		n.read(next, func(op OpID) Effect { return ReadLeaf{op, next.list.Leaves, asOf} })
	default:
		next.kind = readChildren
		answer.Level++
		index := children(differ)
		for _, i := range index {
			answer.Nodes = append(answer.Nodes, TreeNode{Index: i})
		}
		next.compare = answer
		n.read(next, func(op OpID) Effect { return ReadDigest{op, answer.Level, index, answer.AsOf} })
	}
}

// answerSums sends the sums below the nodes that differ.
func (n *Node) answerSums(p *peer, r pendingRead, sums []Sum) {
	for i := range sums {
		r.compare.Nodes[i].Sum = sums[i].Hi
	}
	n.send(p, ClassBulk, r.compare)
}

// answerListing lists the visible records of leaves. If they are too many, the
// last leaves are left out, never a part of one.
func (n *Node) answerListing(p *peer, r pendingRead, leaves [][]keyspace.LeafItem) {
	list := LeafList{Round: r.round}
	for i, leaf := range leaves {
		if i > 0 && len(list.Items)+len(leaf) > leafItemsMax {
			list.More = true
			break
		}
		list.Leaves = append(list.Leaves, r.list.Leaves[i])
		for _, it := range leaf {
			if !it.Hidden {
				list.Items = append(list.Items, LeafItem{it.Key, it.Digest})
			}
		}
	}
	n.send(p, ClassBulk, list)
}
