package statemachine

import (
	"kvs/statemachine/keyspace"
)

// L4: a replica that has nothing, or has lost its place, takes over a copy of
// the cluster's data. A source pins what it has; the records come in the order
// of their keys, each chunk from one view; at the end passes of deltas bring
// what changed since the pin was made, and the last of them claims it all. The
// state of the copy is stored with the records, so it goes on after a crash, and
// with another source if that one reaches far enough.

// copying is the exchange with the source. The copy itself is n.transfer.
type copying struct {
	source   ReplicaID
	boot     Boot
	former   ReplicaID // the source before, in this run
	opening  bool
	pin      uint64 // 0 no source
	session  uint64 // of the open question
	after    string // the open question asks for what is behind this
	applying int    // chunks that the store has not applied yet
	next     string // the last chunk covered all up to here
	more     bool   // and there is more behind it
	progress Millis // when something came last
	looking  Millis // since when there is no source
	seen     VV     // of the last chunk's view; only a broken variant looks at it
}

// stage is what this node says of itself to the others.
func (n *Node) stage() Stage {
	switch t := &n.transfer; {
	case !t.Active():
		return StageComplete
	case t.Reconcile:
		return StageRejoining
	case t.Phase < keyspace.PhaseRest:
		return StageSyncing
	}
	return StagePartial
}

// onTransfer takes note of how far the copy has come.
func (n *Node) onTransfer(t keyspace.Transfer) {
	was, moved := n.transfer.Phase, !t.Base.Equal(n.transfer.Base)
	n.transfer = t
	if was != t.Phase {
		n.notify(CopyChanged{n.copy.source, t.Phase})
	}
	if s := n.stage(); s != n.self.Stage {
		n.self.Stage = s
		n.self.Incarnation++
		n.announce()
	}
	if moved && t.Active() { // the others take no writes from here until they know it
		for _, p := range n.linked() {
			n.send(p, ClassControl, n.digest(p))
		}
	}
	switch {
	case was != keyspace.PhaseNone && !t.Active():
		n.copy = copying{session: n.copy.session, applying: n.copy.applying}
		n.disarm(timerCopy)
		n.armBy(timerCollect, announceDelay)
		n.armBy(timerDigest, announceDelay)
	case was == keyspace.PhaseNone && t.Active():
		n.copy.looking = n.now.Mono
		n.armBy(timerCopy, 0)
	}
}

// onCopyDue looks for a source, or for another one if this one is silent.
func (n *Node) onCopyDue() {
	if !n.transfer.Active() || n.ending {
		return
	}
	n.arm(timerCopy, n.jittered(copyPoll))
	c := &n.copy
	if silence := n.now.Mono - c.progress; n.hasSource() && silence < copyTimeout {
		switch p := n.peer(c.source); {
		case silence < copyPoll || c.applying > 0:
		case c.opening:
			n.send(p, ClassControl, Open{c.session})
		default:
			n.fetch(n.transfer.Phase, n.transfer.After)
		}
		return
	}
	if p := n.peer(c.source); p != nil && (c.pin != 0 || c.opening) {
		p.shunned = n.now.Mono + copyShun
	}
	n.openAt(n.pickSource())
}

// hasSource says that the source, or who was asked to be one, is still there.
func (n *Node) hasSource() bool {
	p := n.peer(n.copy.source)
	return p != nil && p.linked && p.Boot == n.copy.boot && (n.copy.pin != 0 || n.copy.opening)
}

// pickSource draws a complete peer, nil if there is none. If all of the roster
// is here and none is complete, the first of them has to become so by itself; and
// a node that finds no source for long goes on alone. Neither does harm: should
// there be replicas that have purged what is still here, they take nothing from
// this one before it has copied from them (level).
func (n *Node) pickSource() *peer {
	var able []*peer
	alone := true
	for _, p := range n.linked() {
		if p.active() && p.complete() && p.shunned <= n.now.Mono {
			able = append(able, p)
		}
	}
	for _, p := range n.peers {
		if p.active() {
			alone = alone && p.linked && !p.complete() && n.firstOf(p)
		}
	}
	if len(able) > 0 {
		return able[n.rng.IntN(len(able))]
	}
	lost := n.now.Mono-n.copy.looking >= copyGiveUp
	if len(n.linked()) > 0 && alone && n.seedsConnected() || lost {
		n.settleAlone()
	}
	return nil
}

// firstOf says that this node settles alone rather than a peer: one with the data
// of an earlier life goes first, then the smaller identity.
func (n *Node) firstOf(p *peer) bool {
	mine, theirs := n.self.Stage == StageRejoining, p.Stage == StageRejoining
	if mine != theirs {
		return mine
	}
	return n.id.Replica.Compare(p.Replica) < 0
}

func (n *Node) openAt(p *peer) {
	if n.delta.running && n.delta.pin != 0 {
		n.endDelta()
	}
	looking := n.copy.looking
	if n.copy.pin != 0 {
		looking = n.now.Mono
	}
	former := n.copy.former
	if n.copy.pin != 0 {
		former = n.copy.source
	}
	n.copy = copying{
		session: n.copy.session + 1, applying: n.copy.applying, progress: n.now.Mono, looking: looking,
		former: former,
	}
	if p == nil {
		return
	}
	n.copy.source, n.copy.boot, n.copy.opening = p.Replica, p.Boot, true
	n.send(p, ClassControl, Open{n.copy.session})
}

// fromSource says that an answer is to the open question.
func (n *Node) fromSource(p *peer, session uint64) bool {
	return n.hasSource() && n.copy.source == p.Replica && n.copy.session == session && !n.ending
}

// onOpened begins to fetch, or goes on where another source has stopped. If it
// cannot, it starts over, as another replica, so that nothing which is still on its
// way to this one reaches the next.
func (n *Node) onOpened(p *peer, m Opened) {
	if !n.fromSource(p, m.Session) {
		if n.delta.running && n.delta.source == p.Replica && n.delta.session == m.Session && m.Pin == 0 {
			n.endDelta()
			n.openAt(nil)
		}
		return
	}
	if m.Pin == 0 {
		p.shunned = n.now.Mono + copyPoll
		n.openAt(nil)
		return
	}
	c := &n.copy
	if !c.opening || !n.jobs.room() {
		return
	}
	t := n.transfer.Clone()
	switch {
	case t.Phase == keyspace.PhaseOpen:
		t.Base, t.Floor = m.VV, m.Floor
		t.Cutoff = n.wall() - n.cfg.Horizon
		t.Phase = keyspace.PhaseRecent
		if t.Reconcile {
			t.Phase = keyspace.PhaseWhole
		}
	case n.cfg.Mutant.Is(keyspace.MutantStaleBase) && t.Base.Reaches(m.Floor) && m.VV.Reaches(t.Floor):
	case t.GoOnWith(m.VV, m.Floor, c.former == p.Replica || n.cfg.Mutant.Is(keyspace.MutantOnePass)), n.cfg.Mutant.Is(keyspace.MutantResume):
	default:
		n.rejoin(RefusedSyncing, keyspace.Evicted)
		return
	}
	c.opening, c.pin, c.progress = false, m.Pin, n.now.Mono
	c.applying++
	n.enqueue(job{kind: jobTransfer, session: c.session, transfer: &t})
}

// fetch asks for the next chunk, or begins the tail.
func (n *Node) fetch(phase keyspace.Phase, after string) {
	c := &n.copy
	if phase == keyspace.PhaseTail {
		n.beginTail()
		return
	}
	p := n.peer(c.source)
	if !n.hasSource() || c.opening || p == nil {
		return
	}
	c.session++
	c.after = after
	n.send(p, ClassControl, Fetch{c.session, c.pin, phase, n.transfer.Cutoff, after})
}

// onChunk hands one chunk to the store, and asks for the next meanwhile, unless
// the store may settle less than the chunk holds.
func (n *Node) onChunk(p *peer, m Chunk) {
	c := &n.copy
	if !n.fromSource(p, m.Session) || c.opening || c.pin == 0 {
		n.stats.DroppedStale++
		return
	}
	if malformed(m.Entries) || !m.Done && m.To <= c.after || len(m.To) > keyspace.KeyBytesMax {
		n.stats.DroppedMalformed++
		return
	}
	if !n.jobs.room() {
		n.stats.DroppedOverload++
		return
	}
	c.progress = n.now.Mono
	c.seen = m.VV
	c.applying++
	phase := n.transfer.Phase
	n.enqueue(job{kind: jobCopy, session: c.session + 1, entries: m.Entries, chunk: &keyspace.Chunk{
		Phase: phase, After: c.after, To: m.To, Done: m.Done,
		Reconcile: n.transfer.Reconcile, View: m.VV, Voids: m.Voids, Stamps: m.Stamps,
	}})
	c.session++ // a second copy of the chunk is stale
	c.next, c.more = m.To, !m.Done && !n.transfer.Reconcile
	if c.more && c.applying < copyAhead {
		c.more = false
		n.fetch(phase, m.To)
	}
}

// onCopied goes on behind what the store has taken.
func (n *Node) onCopied(j *job, a *keyspace.Applied) {
	c := &n.copy
	c.applying--
	n.onSalvaged(a)
	c.progress = n.now.Mono
	switch {
	case !n.transfer.Active() || n.ending:
	case c.more:
		c.more = false
		n.fetch(n.transfer.Phase, c.next)
	case c.applying == 0 && c.session == j.session:
		n.fetch(n.transfer.Phase, n.transfer.After)
	}
}

// onSalvaged pushes what came over from an earlier life.
func (n *Node) onSalvaged(a *keyspace.Applied) {
	for i := range a.Salvaged {
		n.ring.add(a.Salvaged[i])
	}
	n.stats.Salvaged += uint64(len(a.Salvaged))
	if len(a.Unplaced) > 0 {
		n.stats.Unplaced += uint64(len(a.Unplaced))
		n.notify(Unplaced{uint64(len(a.Unplaced))})
	}
}

// beginTail fetches what has changed since the first pin was made, and claims
// all at the end.
func (n *Node) beginTail() {
	p := n.peer(n.copy.source)
	if n.delta.running || p == nil || !n.hasSource() || n.copy.opening {
		return
	}
	n.delta = delta{
		running: true, session: n.delta.session, source: p.Replica, boot: p.Boot, pin: n.copy.pin,
		base: n.transfer.Base.Clone(), not: n.transfer.Base.Clone(), first: true,
	}
	if n.cfg.Mutant.Is(keyspace.MutantBlindTail) {
		n.delta.not = n.copy.seen.Clone()
	}
	n.ask()
}

// settleAlone makes this node complete from what it has, because nobody has
// more, or nobody who has is to be found. What it claimed in an earlier life, it
// claims again.
func (n *Node) settleAlone() {
	if n.jobs.room() && n.copy.applying == 0 {
		n.copy.applying++
		n.notify(SettledAlone{})
		n.enqueue(job{kind: jobTransfer, transfer: &keyspace.Transfer{}, restore: true})
	}
}
