package statemachine

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// L3: two replicas compare their digest trees. Each message goes one level
// down; leaves that differ are listed, and the records that differ are
// exchanged and merged by version. A scrub adopts no claim: equal trees say
// nothing of tombstones.
//
// Every message holds all that its receiver needs, so only the node that began
// keeps state, and that only for pace: one scrub at a time.

// scrub is the comparison that this node began.
type scrub struct {
	running bool
	round   uint64
	partner ReplicaID
	idle    Millis // no scrub for a mere divergence before this
}

// onSyncDue compares with the peer that was compared with the longest ago.
func (n *Node) onSyncDue() {
	n.arm(timerSync, n.jittered(n.cfg.Sync))
	var oldest *peer
	for _, p := range n.linkedFirst() {
		if oldest == nil || p.compared < oldest.compared {
			oldest = p
		}
	}
	if oldest != nil {
		n.beginScrub(oldest)
	}
}

// onDivergence scrubs at once, because equal claims with different data mean
// that a layer below has failed.
func (n *Node) onDivergence(p *peer) {
	if n.scrub.running || n.now.Mono < n.scrub.idle {
		return
	}
	n.stats.Divergences++
	n.notify(Diverged{p.Replica})
	n.beginScrub(p)
}

func (n *Node) beginScrub(p *peer) {
	if n.scrub.running {
		return
	}
	p.compared = n.now.Mono
	n.scrub.running = true
	n.scrub.round++
	n.scrub.partner = p.Replica
	n.stats.Scrubs++
	n.arm(timerScrub, scrubTimeout)
	r := pendingRead{kind: readOpening, peer: p.Replica, boot: p.Boot, round: n.scrub.round}
	n.read(r, func(op OpID) Effect { return ReadDigest{op, keyspace.LevelRoot, []uint32{0}} })
}

func (n *Node) endScrub() {
	n.scrub.running = false
	n.scrub.idle = n.now.Mono + scrubAgainAfter
	n.disarm(timerScrub)
}

// mine says that a message belongs to the scrub that this node began.
func (n *Node) mine(p *peer, round uint64) bool {
	return n.scrub.running && n.scrub.partner == p.Replica && n.scrub.round == round
}

// onCompare compares a peer's sums with this node's own.
func (n *Node) onCompare(p *peer, m Compare) {
	if len(m.Nodes) == 0 {
		if n.mine(p, m.Round) {
			n.endScrub()
		}
		return
	}
	if !validCompare(m) {
		n.stats.DroppedMalformed++
		return
	}
	index := make([]uint32, len(m.Nodes))
	for i := range m.Nodes {
		index[i] = m.Nodes[i].Index
	}
	r := pendingRead{kind: readCompare, peer: p.Replica, boot: p.Boot, round: m.Round, compare: m}
	n.read(r, func(op OpID) Effect { return ReadDigest{op, m.Level, index} })
}

func validCompare(m Compare) bool {
	if m.Level < keyspace.LevelRoot || m.Level > keyspace.LevelLeaf || len(m.Nodes) > compareNodesMax {
		return false
	}
	for i := range m.Nodes {
		if m.Nodes[i].Index >= keyspace.LevelWidth(m.Level) {
			return false
		}
	}
	return true
}

func (n *Node) onDigestRead(in DigestRead) {
	r, p := n.finish(in.Op)
	if p == nil {
		return
	}
	switch r.kind {
	case readOpening, readChildren:
		nodes := r.compare.Nodes
		if r.kind == readOpening {
			nodes = []TreeNode{{Index: 0}}
		}
		for i := range nodes {
			nodes[i].Sum = in.Sums[i].Hi
		}
		n.send(p, ClassControl, Compare{r.round, r.compare.Level, nodes})
	case readCompare:
		n.descend(p, r, in.Sums)
	}
}

// descend goes one level down where the sums differ, or lists the leaves.
func (n *Node) descend(p *peer, r pendingRead, sums []Sum) {
	var differ []uint32
	for i, node := range r.compare.Nodes {
		if node.Sum != sums[i].Hi && len(differ) < leavesMax {
			differ = append(differ, node.Index)
		}
	}
	next := pendingRead{peer: r.peer, boot: r.boot, round: r.round}
	switch {
	case len(differ) == 0:
		n.send(p, ClassControl, Compare{Round: r.round, Level: r.compare.Level})
		if n.mine(p, r.round) {
			n.endScrub()
		}
	case r.compare.Level == keyspace.LevelLeaf:
		next.kind = readListing
		for _, i := range differ {
			next.list.Leaves = append(next.list.Leaves, keyspace.Leaf(i))
		}
		n.read(next, func(op OpID) Effect { return ReadLeaf{op, next.list.Leaves} })
	default:
		next.kind = readChildren
		next.compare.Level = r.compare.Level + 1
		index := children(differ)
		for _, i := range index {
			next.compare.Nodes = append(next.compare.Nodes, TreeNode{Index: i})
		}
		n.read(next, func(op OpID) Effect { return ReadDigest{op, next.compare.Level, index} })
	}
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

func (n *Node) onLeafList(p *peer, m LeafList) {
	if len(m.Leaves) == 0 || len(m.Leaves) > leavesMax || len(m.Items) > leafItemsMax {
		n.stats.DroppedMalformed++
		return
	}
	for _, l := range m.Leaves {
		if l >= keyspace.LeafCount {
			n.stats.DroppedMalformed++
			return
		}
	}
	r := pendingRead{kind: readDiff, peer: p.Replica, boot: p.Boot, round: m.Round, list: m}
	n.read(r, func(op OpID) Effect { return ReadLeaf{op, m.Leaves} })
}

func (n *Node) onLeafRead(in LeafRead) {
	r, p := n.finish(in.Op)
	if p == nil {
		return
	}
	if r.kind == readListing {
		list := LeafList{Round: r.round, Leaves: r.list.Leaves}
		for _, leaf := range in.Leaves {
			for _, it := range leaf {
				if !it.Tombstone && len(list.Items) < leafItemsMax {
					list.Items = append(list.Items, LeafItem{it.Key, it.Digest})
				}
			}
		}
		n.send(p, ClassBulk, list)
		return
	}
	give, want := compareLeaves(r.list, in.Leaves)
	r.kind, r.want, r.list = readItems, want, LeafList{}
	n.read(r, func(op OpID) Effect { return ReadRecords{op, give} })
}

// compareLeaves decides what to give for a peer's listing and what to want: of
// records that differ both, because only versions decide; a tombstone for a
// record that is deleted here.
func compareLeaves(theirs LeafList, mine [][]keyspace.LeafItem) (give, want []keyspace.KeyHash) {
	listed := slices.Clone(theirs.Items)
	slices.SortFunc(listed, func(a, b LeafItem) int { return compareHash(a.Key, b.Key) })
	mineAt := make(map[keyspace.KeyHash]keyspace.LeafItem)
	for _, leaf := range mine {
		for _, it := range leaf {
			mineAt[it.Key] = it
			if _, found := findItem(listed, it.Key); !found && !it.Tombstone {
				give = append(give, it.Key)
			}
		}
	}
	for _, it := range listed {
		own, have := mineAt[it.Key]
		switch {
		case !have:
			want = append(want, it.Key)
		case own.Tombstone:
			give = append(give, it.Key)
		case own.Digest != it.Digest:
			give = append(give, it.Key)
			want = append(want, it.Key)
		}
	}
	return give, want
}

func findItem(items []LeafItem, k keyspace.KeyHash) (int, bool) {
	return slices.BinarySearchFunc(items, k, func(a LeafItem, k keyspace.KeyHash) int {
		return compareHash(a.Key, k)
	})
}

func compareHash(a, b keyspace.KeyHash) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (n *Node) onRecordsRead(in RecordsRead) {
	r, p := n.finish(in.Op)
	if p != nil {
		n.stats.ScrubEntries += uint64(len(in.Entries))
		n.send(p, ClassBulk, Items{r.round, in.Entries, r.want})
	}
}

// onItems merges what a scrub brought, and gives what it asked for.
func (n *Node) onItems(p *peer, m Items) {
	if malformed(m.Entries) || len(m.Want) > leafItemsMax {
		n.stats.DroppedMalformed++
		return
	}
	if len(m.Want) > 0 {
		r := pendingRead{kind: readItems, peer: p.Replica, boot: p.Boot, round: m.Round}
		n.read(r, func(op OpID) Effect { return ReadRecords{op, m.Want} })
	}
	switch {
	case len(m.Entries) == 0:
	case !n.jobs.room():
		n.stats.DroppedOverload++
	default:
		n.enqueue(job{kind: jobItems, peer: p.Replica, session: m.Round, entries: m.Entries})
	}
	if n.mine(p, m.Round) {
		n.endScrub()
	}
}

// onItemsApplied counts what was news, and gives back what is newer here: a
// tombstone is in no listing, so its holder learns only now that the peer still
// has the record.
func (n *Node) onItemsApplied(j *job, outcomes []keyspace.Outcome) {
	repaired := uint64(0)
	var newer []keyspace.KeyHash
	hasher := keyspace.NewHasher(n.id.Digest)
	for i := range outcomes {
		o := &outcomes[i]
		switch {
		case o.Kind == keyspace.Won:
			repaired++
		case o.Kind == keyspace.Lost && o.Prev != o.Header.Ver:
			newer = append(newer, hasher.Key(j.entries[i].Key))
		}
	}
	if repaired > 0 {
		n.stats.Repaired += repaired
		n.notify(Repaired{j.peer, repaired})
	}
	if p := n.peer(j.peer); p != nil && p.linked && len(newer) > 0 {
		r := pendingRead{kind: readItems, peer: p.Replica, boot: p.Boot, round: j.session}
		n.read(r, func(op OpID) Effect { return ReadRecords{op, newer} })
	}
}
