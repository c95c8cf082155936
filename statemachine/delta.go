package statemachine

import "kvs/statemachine/keyspace"

// L2: a node that misses dots fetches the live entries whose dots it lacks,
// chunk by chunk. The asker keeps all state; the answerer reads one view a
// chunk and forgets it.
//
// A chunk counts only for the dots of its own entries, because a dot whose
// entry was replaced has no record any more. The claim over all of them is made
// at the end: pass 1 fetches what is not in base, pass i what is not in the
// source's vector at the start of pass i-1; a pass that saw one state of the
// source, with vector U, ends the delta with the claim U (core design, "claims
// only at the head"). It did if it was one chunk, or if the source's count of
// changes stayed the same. Without the second a source that stores entries
// which it cannot claim, GapsMax being reached, would send them in every pass
// anew, and the delta would never end.

// delta is this node's one running fetch.
type delta struct {
	running bool
	session uint64 // of the question that is open; every question has its own
	source  ReplicaID
	boot    Boot // of the source: another start may know less

	pin   uint64 // of the copy that this is the tail of, 0 for a plain delta
	base  VV     // this node's vector when the delta began; the claim needs it
	not   VV     // what the running pass leaves out
	start VV     // the source's vector at the start of the running pass
	after Dot    // where the running pass is
	first bool   // the next chunk is the first of its pass
	// changes is the source's count at the start of the pass; steady says that it
	// has stayed the same.
	changes uint64
	steady  bool
	// holes says that the pass has left records out, which its source cannot read:
	// then it ends without a claim.
	holes bool
	over  bool // once the chunk is applied

	applying bool // a chunk waits for the store; the next is asked for then
	entries  uint64
}

// beginDelta starts a fetch, unless one is running.
func (n *Node) beginDelta(p *peer) {
	if n.delta.running || n.transfer.Active() || !p.complete() || n.ending {
		return
	}
	n.delta = delta{
		running: true, session: n.delta.session, source: p.Replica, boot: p.Boot,
		base: n.vv.Clone(), not: n.vv.Clone(), first: true,
	}
	n.ask()
}

// endDelta forgets the fetch. What it brought stays; the next digest starts
// another for the rest.
func (n *Node) endDelta() {
	n.delta = delta{session: n.delta.session}
	n.disarm(timerDelta)
}

// ask requests the next chunk.
func (n *Node) ask() {
	p := n.peer(n.delta.source)
	if p == nil || !p.linked || p.Boot != n.delta.boot {
		n.endDelta()
		return
	}
	// A late copy of an answer to another question must not pass for this one's,
	// even if both asked behind the same dot: passes do.
	n.delta.session++
	n.send(p, ClassControl, Need{n.delta.session, n.delta.not, n.delta.after, n.delta.pin})
	n.arm(timerDelta, deltaTimeout)
}

// onNeed reads one chunk for a peer.
func (n *Node) onNeed(p *peer, m Need) {
	if m.Pin != 0 && !n.pinned(p, m.Pin) {
		n.send(p, ClassControl, Opened{Session: m.Session})
		return
	}
	n.read(pendingRead{kind: readChunk, peer: p.Replica, boot: p.Boot, need: m}, func(op OpID) Effect {
		return ReadDots{op, m.Not, m.After, n.cfg.ChunkEntries}
	})
}

func (n *Node) onDotsRead(in DotsRead) {
	r, p := n.finish(in.Op)
	if p == nil {
		return
	}
	n.stats.DeltaEntries += uint64(len(in.Page.Entries))
	d := Delta{
		Session: r.need.Session, After: r.need.After,
		Entries: in.Page.Entries, Last: in.Page.Last, Done: in.Page.Done, VV: in.Page.VV,
		Changes: in.Page.Changes, Holes: in.Page.Holes,
	}
	if d.Done || r.need.After == (Dot{}) {
		d.Floor, d.Stamps, d.Lapsed, d.Voids = in.Page.Floor, in.Page.Stamps, in.Page.Lapsed, in.Page.Voids
	}
	n.send(p, ClassBulk, d)
}

// onDelta hands one chunk to the store.
func (n *Node) onDelta(p *peer, m Delta) {
	d := &n.delta
	if !d.running || d.applying || d.session != m.Session || d.source != p.Replica ||
		d.after != m.After || malformed(m.Entries) {
		n.stats.DroppedStale++
		return
	}
	if !m.Done && m.Last.Compare(m.After) <= 0 || n.vv.Foresees(n.stream, m.VV) {
		n.stats.DroppedMalformed++
		n.endDelta()
		return
	}
	if !n.jobs.room() {
		n.stats.DroppedOverload++
		return
	}
	if d.pin == 0 && n.apart(p, m) {
		return
	}
	if d.first {
		d.start, d.changes = m.VV, m.Changes
	}
	d.steady = d.first || d.steady && m.Changes != 0 && m.Changes == d.changes
	d.holes = m.Holes || d.holes && !d.first
	j := job{kind: jobDelta, peer: p.Replica, session: d.session, entries: m.Entries}
	switch {
	case m.Done && d.holes && !n.cfg.Mutant.Is(keyspace.MutantHoles):
		d.over = true
	case m.Done && (d.steady || n.cfg.Mutant.Is(keyspace.MutantEarlyClaim)):
		j.claim = &keyspace.Claim{
			Base: d.base, VV: m.VV, Floor: m.Floor, Stamps: m.Stamps, Lapsed: m.Lapsed, Voids: m.Voids,
			Copy: d.pin != 0,
		}
	case m.Done:
		d.not, d.after, d.first = d.start, Dot{}, true
	default:
		d.after, d.first = m.Last, false
	}
	d.applying = true
	d.entries += uint64(len(m.Entries))
	n.enqueue(j)
	n.disarm(timerDelta)
}

// apart says that one of the two has purged what the other may never have seen,
// so that no delta can make them equal: the one below the floor has to start
// over. If both are, as two processes that shared an identity may be, it is the
// one with the greater identity.
func (n *Node) apart(p *peer, m Delta) bool {
	below := n.delta.first && !n.delta.base.Reaches(m.Floor) &&
		!n.cfg.Mutant.Is(keyspace.MutantBehindFloor)
	level := n.level(p)
	switch {
	case below && (level || n.id.Replica.Compare(p.Replica) > 0):
		n.endDelta()
		n.belowFloor(p)
	case below, !level:
		n.endDelta()
	default:
		return false
	}
	return true
}

// belowFloor starts over, unless another peer has all that this one claims and
// can still send it.
func (n *Node) belowFloor(p *peer) {
	p.beyond = true
	for _, q := range n.linked() {
		if q.complete() && !q.beyond && q.claims.Covers(p.claims) {
			return
		}
	}
	n.rejoin(RefusedFenced, keyspace.Evicted)
}

// onChunkApplied asks for the next chunk, or ends the fetch.
func (n *Node) onChunkApplied(j *job, a *keyspace.Applied) {
	d := &n.delta
	if !d.running || d.session != j.session {
		return
	}
	d.applying = false
	if j.claim == nil && !d.over {
		n.ask()
		return
	}
	if a.Claimed {
		n.notify(CaughtUp{d.source, d.entries})
	}
	if d.pin != 0 {
		n.copy.progress = n.now.Mono
	}
	n.endDelta()
}
