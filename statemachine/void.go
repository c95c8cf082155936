package statemachine

import "kvs/statemachine/keyspace"

// Voids. A replica that was evicted, or whose disk was lost or set back, may
// take some of its writes with it while later ones of the same stream have
// spread. Their numbers would keep the heads of the stream back for ever, and
// with them the frontier. Once every replica of the roster has reported, after it
// stopped taking anything from that start of the replica, nobody who counts can
// have them any more: then they are void, and claimed. For a replica that is
// still there it is the one to say so. If a departed one comes back, it brings
// them under new dots.

// voidGaps claims what nobody can have. It does one stream at a time.
func (n *Node) voidGaps() {
	if n.transfer.Active() || !n.jobs.room() {
		return
	}
	for _, set := range n.vv.Sets() {
		if len(set.Ranges) == 0 || !n.silenced(set.Stream) && !n.cfg.Mutant.Is(keyspace.MutantVoid) {
			continue
		}
		if v, ok := n.gaps(set); ok {
			n.stats.Voided += v.CountBeyond(VV{})
			n.enqueue(job{kind: jobIdentity, claim: &keyspace.Claim{VV: v, Voids: v}})
			return
		}
	}
}

// silenced says that nobody of the roster takes anything any more from the start
// of a replica whose stream this is, and that this node may speak for it.
func (n *Node) silenced(s Stream) bool {
	if s.Replica != n.id.Replica {
		z := n.peer(s.Replica)
		return z != nil && z.Standing != keyspace.Active && n.knownGone(z)
	}
	if s == n.stream {
		return false
	}
	for _, p := range n.peers {
		if !p.active() {
			continue
		}
		if p.reports.counted == nil {
			return false
		}
		if l, ok := p.reports.counted.line(n.id.Replica); !ok || l.Boot != n.id.Boot {
			return false
		}
	}
	return true
}

// gaps are the numbers of a stream that are in no counted vector, unless some
// counted vector has what this node's lacks: that will come first.
func (n *Node) gaps(set keyspace.StreamSet) (VV, bool) {
	own := n.vv.Only(set.Stream)
	for _, p := range n.peers {
		if !p.active() {
			continue
		}
		if p.reports.counted == nil {
			return VV{}, n.cfg.Mutant.Is(keyspace.MutantVoid)
		}
		if !own.Covers(p.reports.counted.VV.Only(set.Stream)) {
			return VV{}, false
		}
	}
	return own.Gaps(), true
}
