package statemachine

import "kvs/statemachine/keyspace"

// The steps of the node that began a scrub, from the root down to the leaves.

// onDigestRead goes on with whatever the sums were read for.
func (n *Node) onDigestRead(in DigestRead) {
	r, p := n.finish(in.Op)
	switch {
	case p == nil:
	case in.Sums == nil && (r.kind == readCompare || r.kind == readChildren):
		// The minute has gone meanwhile; the asker comes again and hears of it.
	case r.kind == readCompare:
		n.answerCompare(p, r, in.Sums)
	case r.kind == readChildren:
		n.answerSums(p, r, in.Sums)
	case !n.loaded(&r):
	case in.Sums == nil:
		n.onMinuteGone()
	case r.kind == readRoot:
		n.askSums(keyspace.LevelRoot, []TreeNode{{Sum: in.Sums[0].Hi}})
	case r.kind == readTop:
		n.onTopRead(r.compare.Nodes, in.Sums)
	case r.kind == readInner:
		n.onInnerRead(in.Sums)
	case r.kind == readLeaves:
		n.onLeavesRead(r.compare.Nodes, in.Sums)
	case r.kind == readConfirm:
		n.onConfirmRead(in.Sums)
	}
}

func (n *Node) askSums(level int, nodes []TreeNode) {
	n.question(ClassControl, func(round uint64) Message {
		return Compare{Round: round, Level: level, Nodes: nodes, AsOf: n.scrub.asOf}
	})
}

// onCompared takes the partner's sums of the level below the one asked about.
func (n *Node) onCompared(p *peer, m Compare) {
	q, ok := n.answered(p, m.Round).(Compare)
	switch {
	case !ok:
	case m.Retry > 0:
		n.onBusy(m.Retry)
	case m.AsOf != q.AsOf && m.AsOf != 0:
		n.onOtherMinute(m.AsOf)
	case q.Level == keyspace.LevelRoot && len(m.Nodes) == 0:
		n.endScrub(RefusedNot)
	case q.Level == keyspace.LevelRoot && m.Level == keyspace.LevelTop:
		n.loadBeside(readTop, m)
	case q.Level == keyspace.LevelInner:
		n.onInnerCompared(q, m)
	default:
		n.goOn()
	}
}

// loadBeside reads this node's sums of the nodes that the partner sent.
func (n *Node) loadBeside(kind readKind, m Compare) {
	index := make([]uint32, len(m.Nodes))
	for i := range m.Nodes {
		index[i] = m.Nodes[i].Index
	}
	p := n.peer(n.scrub.partner)
	n.scrub.reading = true
	n.arm(timerScrub, scrubTimeout)
	asOf := n.scrub.asOf
	n.read(pendingRead{
		kind: kind, peer: p.Replica, boot: p.Boot, round: n.scrub.round, compare: m,
	}, func(op OpID) Effect { return ReadDigest{op, m.Level, index, asOf} })
}

// onTopRead plans to compare all that is below the top nodes that differ.
func (n *Node) onTopRead(theirs []TreeNode, mine []Sum) {
	var differ []uint32
	for i, node := range theirs {
		if node.Sum != mine[i].Hi {
			differ = append(differ, node.Index)
		}
	}
	n.scrub.deep, n.scrub.inner = true, children(differ)
	n.goOn()
}

// compareInner asks about the next few nodes above the leaves.
func (n *Node) compareInner() {
	s := &n.scrub
	s.window = min(len(s.inner), innerMax)
	n.loadSums(readInner, keyspace.LevelInner, s.inner[:s.window])
}

func (n *Node) onInnerRead(mine []Sum) {
	nodes := make([]TreeNode, len(mine))
	for i := range mine {
		nodes[i] = TreeNode{Index: n.scrub.inner[i], Sum: mine[i].Hi}
	}
	n.askSums(keyspace.LevelInner, nodes)
}

// onInnerCompared crosses off what the answer is about: all that was asked, or,
// as an answer has room for leavesMax nodes' children, what comes before the
// next one.
func (n *Node) onInnerCompared(q, m Compare) {
	s := &n.scrub
	done := s.window
	if len(m.Nodes) >= 64*leavesMax {
		last := m.Nodes[len(m.Nodes)-1].Index / 64
		for i, node := range q.Nodes {
			if node.Index > last {
				done = max(i, 1)
				break
			}
		}
	}
	s.inner = s.inner[done:]
	if len(m.Nodes) == 0 || m.Level != keyspace.LevelLeaf {
		n.goOn()
		return
	}
	n.loadBeside(readLeaves, m)
}

// onLeavesRead remembers the leaves that differ, to look at them again.
func (n *Node) onLeavesRead(theirs []TreeNode, mine []Sum) {
	s := &n.scrub
	for i, node := range theirs {
		if node.Sum != mine[i].Hi {
			s.suspects = append(s.suspects, suspect{node.Index, mine[i].Hi, node.Sum, n.now.Mono})
		}
	}
	n.goOn()
}

// confirm looks again at the leaves that have been suspects for long enough.
func (n *Node) confirm() {
	s := &n.scrub
	index := make([]uint32, 0, leavesMax)
	for i := 0; i < len(s.suspects) && i < leavesMax; i++ {
		index = append(index, s.suspects[i].leaf)
	}
	n.loadSums(readConfirm, keyspace.LevelLeaf, index)
}

// onConfirmRead asks for the listings of those that have not changed here. The
// partner lists those that have not changed there either.
func (n *Node) onConfirmRead(mine []Sum) {
	s := &n.scrub
	var nodes []TreeNode
	for i := range mine {
		if c := s.suspects[i]; mine[i].Hi == c.mine {
			nodes = append(nodes, TreeNode{Index: c.leaf, Sum: c.mine, Theirs: c.theirs})
		}
	}
	n.stats.ScrubInFlight += uint64(len(mine) - len(nodes))
	s.suspects = s.suspects[len(mine):]
	if len(nodes) == 0 {
		n.goOn()
		return
	}
	n.stats.ScrubLeaves += uint64(len(nodes))
	n.askSums(keyspace.LevelLeaf, nodes)
}

// onBusy gives up for now; a person's question is asked again.
func (n *Node) onBusy(retry Millis) {
	s := &n.scrub
	n.stats.ScrubsBusy++
	if s.dry && s.opened < opensMax {
		s.again, s.inner, s.suspects, s.found = true, nil, nil, nil
		n.arm(timerScrub, min(retry, busyRetry))
		return
	}
	n.endScrub(RefusedOverloaded)
	n.scrub.idle = n.now.Mono + min(retry, busyRetry)
	n.armBy(timerSync, min(retry, busyRetry))
}

// children returns the 64 nodes below each of the given ones.
func children(index []uint32) []uint32 {
	out := make([]uint32, 0, 64*len(index))
	for _, i := range index {
		for c := range uint32(64) {
			out = append(out, 64*i+c)
		}
	}
	return out
}
