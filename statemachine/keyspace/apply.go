package keyspace

import (
	"encoding/binary"
	"math"
	"slices"
)

// Apply carries out a batch inside tx, or as much of it as fits one transaction: it
// gives local writes their dots and stamps, merges entries, keeps every index, the
// digest and the vector, and adds to out what became of each. What it did takes
// effect when the caller commits. Unless it returns true, which with small values it
// does at once, the caller goes on in the next transaction with the same out: old
// values go to the history, and how large they are is seen only here.
func (s *State) Apply(tx Tx, b *Batch, out *Applied) (done bool) {
	assertf(len(b.Writes)+len(b.Entries) <= BatchWritesMax, "batch of %d writes and %d entries",
		len(b.Writes), len(b.Entries))
	assertf(b.Adopt == nil || len(b.Writes)+len(b.Entries) == 0, "an adoption travels alone")
	before, floor := s.vv.Clone(), s.floor.Clone()
	s.begin(b)
	if len(out.Outcomes) == 0 {
		out.Batch, out.Outcomes = b.ID, make([]Outcome, 0, len(b.Writes)+len(b.Entries))
		s.settle(tx, b)
	}
	if b.Chunk != nil {
		s.copyChunk(tx, b, out)
		done = true
	} else {
		done = s.items(tx, b, out)
	}
	if done {
		s.conclude(tx, b, out)
	}
	s.save(tx, before, floor)
	out.Ahead += s.ahead
	out.Conflicts = append(out.Conflicts, s.met...)
	out.News = append(out.News, s.news...)
	if done {
		s.report(out)
	}
	return done
}

// begin sets what one transaction of a batch counts.
func (s *State) begin(b *Batch) {
	s.touched, s.changed, s.ahead, s.met, s.news = s.touched[:0], false, 0, nil, s.news[:0]
	s.revisions, s.wall, s.room, s.spent = b.Revisions, b.Now, math.MaxInt, 0
	s.now = max(s.high, b.Now)
	if len(b.Writes) > 0 {
		s.high = s.now
	}
}

// items carries out the writes and entries that have no outcome yet, until the
// transaction is full, and says whether that was all.
func (s *State) items(tx Tx, b *Batch, out *Applied) bool {
	for first := len(out.Outcomes); len(out.Outcomes) < len(b.Writes)+len(b.Entries); {
		i := len(out.Outcomes)
		key, size := b.item(i)
		cur, damaged := s.record(tx, key)
		cost := size
		if cur != nil && s.revisions > 0 {
			cost += 2*keepBytes + len(cur.value)
		}
		if i > first && s.spent+cost > BatchBytesMax {
			return false
		}
		s.spent += size
		if i < len(b.Writes) {
			out.Outcomes = append(out.Outcomes, s.write(tx, b, &b.Writes[i], cur, damaged))
		} else {
			e := &b.Entries[i-len(b.Writes)]
			out.Outcomes = append(out.Outcomes, s.merge(tx, b, e, cur, damaged))
		}
	}
	return true
}

// item is the key of the i-th write or entry, and about what it takes of a
// transaction; what the executor notes of it too.
func (b *Batch) item(i int) (key string, size int) {
	if i < len(b.Writes) {
		w := &b.Writes[i]
		return w.Key, Size(w.Key, w.Value) + len(w.Note) + 2*len(w.Key)
	}
	e := &b.Entries[i-len(b.Writes)]
	return e.Key, e.Size()
}

// conclude does what comes after all writes and entries of a batch.
func (s *State) conclude(tx Tx, b *Batch, out *Applied) {
	out.Claimed = s.adoptClaim(tx, b.Claim)
	s.retire(tx, b.Retire)
	if b.Turn {
		out.Turned = s.turnTo(tx, b.Now)
	}
	if b.Purge != nil {
		out.Purged, out.PurgeNext = s.purge(tx, b.Purge)
	}
}

// report copies what the protocol needs to know of the state.
func (s *State) report(out *Applied) {
	out.VV, out.Live, out.Floor, out.Stamps = s.vv.Clone(), s.live, s.floor.Clone(), s.gcTs
	out.Tombstones, out.Expiring = s.tombs, s.expiring
	out.Cluster, out.Digest, out.Joined = s.id.Cluster, s.id.Digest, s.id.Joined
	out.Transfer = s.transfer.Clone()
	s.sums(out)
}

// sums reports the digest of all, as of now and of the last minutes.
func (s *State) sums(out *Applied) {
	out.Sum, out.AsOf = s.tree.total, s.AsOf()
	for i := range out.Past {
		out.Past[i] = s.rootAt(out.AsOf - min(out.AsOf, Minute(i+1)))
	}
}

// settle applies what a batch says of the replica itself and of its peers.
func (s *State) settle(tx Tx, b *Batch) {
	old := s.id
	if s.id.Joined == 0 {
		s.id.Joined = b.Join
		if s.id.Joined == 0 && len(b.Writes) > 0 {
			s.id.Joined = s.high
		}
	}
	if b.Adopt != nil && s.id.Cluster == (ClusterID{}) {
		s.id.Cluster, s.id.Digest = b.Adopt.Cluster, b.Adopt.Digest
		s.beginRebuild(tx)
		if b.Adopt.Copy && s.empty() {
			s.setTransfer(tx, Transfer{Phase: PhaseOpen})
		}
	}
	if b.Rejoin && s.loss.Kind == LossGap {
		tx.Set(keyRejoin, []byte{rejoinDoubting})
	} else if b.Rejoin {
		tx.Set(keyRejoin, []byte{rejoinKeeping})
	}
	if b.Restore {
		s.restoreLife(tx)
	}
	if b.Transfer != nil {
		s.setTransfer(tx, b.Transfer.Clone())
	}
	if s.id != old {
		tx.Set(keyIdentity, s.id.encode())
	}
	for _, m := range b.Members {
		tx.Set(memberKey(m.Replica), m.encode())
	}
	for _, key := range b.Forsake {
		s.giveUp(key)
	}
	if b.Whole && s.loss.Kind != LossNone {
		s.loss = Loss{}
		tx.Delete(keyLoss)
	}
}

// write stamps one local write and stores it. A write whose condition does not hold,
// or whose stamp would leave the range of timestamps, is refused and uses no sequence
// number.
func (s *State) write(tx Tx, b *Batch, w *Write, cur *stored, damaged bool) Outcome {
	kh := s.hasher.Key(w.Key)
	if w.unmet(cur.header(), damaged, b.Now) {
		return s.outcome(Unmet, Header{}, cur.header(), b.Now)
	}
	dot := Dot{s.stream, s.vv.Head(s.stream) + 1}
	var beat *Version
	if cur != nil && !s.mutant.Is(MutantStamp) {
		beat = &cur.Ver
	}
	c := clocks{now: s.now, hlc: s.hlc, gc: s.gcTs}
	if w.Seen <= s.now+b.MaxSkew {
		c.hlc = max(c.hlc, w.Seen+1)
	}
	if s.mutant.Is(MutantStampFloor) {
		c.gc = 0
	}
	if damaged {
		// Whatever the record said, it moved the clock: one more beats it.
		c.hlc++
		s.suspect(tx, w.Key)
		s.giveUp(w.Key)
	}
	v, ok := stamp(c, s.id.Joined, uuidFor(dot.Stream, dot.Seq), beat)
	if !ok {
		return s.outcome(Refused, Header{}, cur.header(), b.Now)
	}
	e := Entry{Key: w.Key, Header: Header{Ver: v, Dot: dot}}
	if cur != nil {
		e.Base = cur.Ver
	}
	if w.Delete {
		e.Flags = Tombstone
	} else {
		e.Value, e.ValHash = w.Value, HashValue(w.Value)
	}
	if w.TTL > 0 && !w.Delete {
		e.Expires = min(b.Now+w.TTL, TimestampMax-1)
	}
	out := s.outcome(Won, e.Header, cur.header(), b.Now)
	s.store(tx, kh, &e, cur)
	s.vv.Add(dot)
	s.see(b, v.TS)
	return out
}

// merge takes one entry from a peer: the greater version wins, and its dot is
// known from here on. At GapsMax the dot stays unknown, which only means that
// the entry will be sent again; a claim made over its key never depends on it,
// because ReadDots sends what is stored and not what is claimed.
func (s *State) merge(tx Tx, b *Batch, e *Entry, cur *stored, damaged bool) Outcome {
	if s.mutant.Is(MutantLocalExpiry) && e.Expires != 0 {
		e.Expires += b.Now - e.Ver.TS
	}
	kh := s.hasher.Key(e.Key)
	known := s.vv.Contains(e.Dot)
	if known && !b.Repair && !damaged && !s.mutant.Is(MutantKnownDots) {
		return s.outcome(Dup, e.Header, cur.header(), b.Now)
	}
	if known && cur == nil && !damaged && e.Expires != 0 && s.turn.passed(e.Expires, e.Key) {
		return s.outcome(Dup, e.Header, cur.header(), b.Now) // expired here, and purged: nothing to repair
	}
	if known && cur == nil && !b.View.Reaches(s.floor) && !s.mutant.Is(MutantFloor) &&
		!s.mutant.Is(MutantKnownDots) {
		// The record may have been purged here, and its sender may not know (I7).
		return s.outcome(Refused, e.Header, cur.header(), b.Now)
	}
	if !known && e.Dot.Stream == s.stream {
		return s.outcome(Refused, e.Header, cur.header(), b.Now)
	}
	out := s.outcome(Lost, e.Header, cur.header(), b.Now)
	if cur != nil && !known {
		s.meet(tx, e.Key, &cur.Header, &e.Header)
	}
	late := s.mutant.Is(MutantRights) && s.rightsLose(tx, e)
	if (cur == nil || s.loses(&cur.Header, &e.Header)) && !late {
		out.Kind = Won
		s.store(tx, kh, e, cur)
		if s.mutant.Is(MutantMetadata) {
			overwriteRights(tx, e)
		}
		if damaged {
			s.suspect(tx, e.Key)
		}
	} else if !known {
		s.tooLate(tx, e, cur)
	}
	if s.vv.Admits(e.Dot) {
		s.vv.Add(e.Dot)
	}
	if !s.see(b, e.Ver.TS) {
		s.ahead++
	}
	return out
}

// loses says that b takes the place of a, unless the simulator broke the rule.
func (s *State) loses(a, b *Header) bool {
	if s.mutant.Is(MutantLastArrival) {
		return a.Ver != b.Ver
	}
	if s.mutant.Is(MutantTieBreak) && a.Ver.TS == b.Ver.TS {
		return supersedes(a, b)
	}
	return supersedes(b, a)
}

func (s *State) outcome(kind OutcomeKind, h Header, cur *Header, now Millis) Outcome {
	o := Outcome{Kind: kind, Header: h}
	if cur != nil {
		o.Prev, o.Existed = cur.Ver, cur.Live(now)
	}
	return o
}

// see moves the clock floor to a timestamp, unless it is too far ahead: one
// node with a wrong clock must not drag the others along. It reports which.
func (s *State) see(b *Batch, ts Millis) bool {
	if ts > s.now+b.MaxSkew && !s.mutant.Is(MutantFollow) {
		return false
	}
	s.hlc = max(s.hlc, ts)
	return true
}

// adoptClaim takes over the claim of a finished delta, but only on top of the
// base that it was made for (I5), only if the base reaches what the source has
// purged, and only if it does not speak of writes of this run that were never
// made. With the claim comes the source's floor: what it purged, this replica
// claims without ever having seen it.
func (s *State) adoptClaim(tx Tx, c *Claim) bool {
	if c == nil || s.vv.Foresees(s.stream, c.VV) {
		return false
	}
	whole := c.Copy && s.transfer.Phase == PhaseTail && c.Base.Equal(s.transfer.Base)
	if !whole && !s.mutant.Is(MutantBase) && !s.vv.Covers(c.Base) {
		return false
	}
	if !whole && !s.mutant.Is(MutantBehindFloor) && !c.Base.Reaches(c.Floor) {
		return false
	}
	s.vv.Union(c.VV)
	s.addVoids(tx, c.Voids)
	if !s.mutant.Is(MutantClaimFloor) {
		s.raiseFloor(c.Floor, c.Stamps)
		s.lapsed = max(s.lapsed, min(c.Lapsed, s.wall))
	}
	if whole {
		if !s.mutant.Is(MutantClaimFloor) {
			s.raiseFloor(s.transfer.Floor, 0)
		}
		s.setTransfer(tx, Transfer{})
	}
	return true
}

// addVoids remembers which of the claimed dots nobody has. Forgetting them does
// no harm to anybody but a replica that comes back with just these writes.
func (s *State) addVoids(tx Tx, voids VV) {
	if s.voids.Covers(voids) {
		return
	}
	s.voids.Union(voids)
	for _, set := range voids.sets {
		tx.Set(streamKey(keyVoids, set.Stream), s.voids.Of(set.Stream).appendBody(nil))
	}
}

// raiseFloor takes over what another replica has purged.
func (s *State) raiseFloor(floor VV, stamps Millis) {
	s.floor.RaiseHeads(floor)
	s.gcTs = max(s.gcTs, stamps)
}

// store writes a record with all its indexes over cur.
func (s *State) store(tx Tx, kh KeyHash, e *Entry, cur *stored) {
	s.changed = true
	if cur != nil {
		s.unindex(tx, kh, e.Key, &cur.Header)
	}
	if e.Tombstone() && s.mutant.Is(MutantTombstone) {
		tx.Delete(DataKey(e.Key))
		tx.Delete(hashKey(kh, e.Key))
		return
	}
	s.countRecord(kh, e.Key, &e.Header, +1)
	if cur == nil {
		tx.Set(hashKey(kh, e.Key), present)
	}
	s.news = append(s.news, *e)
	tx.Set(DataKey(e.Key), encodeStored(&e.Header, s.replace(tx, e, cur), e.Value))
	s.index(tx, e.Key, &e.Header)
}

func (s *State) digest(key string, h *Header) Sum {
	if s.mutant.Is(MutantDigest) {
		h = &Header{Flags: h.Flags}
	}
	return s.hasher.Record(key, h)
}

func (s *State) count(l Leaf, delta Sum) {
	if delta.IsZero() {
		return
	}
	s.tree.Add(l, delta)
	s.touched = append(s.touched, l)
}

// header reads the stored header of a key, nil if there is no record, or one
// that is damaged.
func (s *State) header(r Reader, key string) (h *Header, damaged bool) {
	rec, damaged := s.record(r, key)
	return rec.header(), damaged
}

// record reads the stored record of a key, as header does.
func (s *State) record(r Reader, key string) (rec *stored, damaged bool) {
	b := r.Get(DataKey(key))
	if b == nil || IsDamaged(b) {
		return nil, b != nil
	}
	got, ok := decodeStored(b)
	assertStored(ok, "record of "+key)
	return &got, false
}

// save writes the system records that the batch changed, last.
func (s *State) save(tx Tx, before, floor VV) {
	at := finger{vv: &before}
	for i := range s.vv.sets {
		set := &s.vv.sets[i]
		was := at.of(&set.Stream)
		if set.Head != was.Head || !slices.Equal(set.Ranges, was.Ranges) {
			tx.Set(vectorKey(set.Stream), set.appendBody(nil))
			s.changed = true
		}
	}
	s.saveFloor(tx, floor)
	tx.Set(keyClock, binary.BigEndian.AppendUint64(
		binary.BigEndian.AppendUint64(nil, uint64(s.hlc)), uint64(s.high)))
	if s.changed {
		s.changes++
	}
	s.finish(tx)
}

// finish writes what every transaction ends with: its number, the leaves that it
// touched, and the counts.
func (s *State) finish(tx Tx) {
	s.mark(tx)
	slices.Sort(s.touched)
	for _, l := range slices.Compact(s.touched) {
		if s.owed != nil {
			s.owed.add(l)
		} else {
			s.writeLeaf(tx, l)
		}
	}
	counts := make([]byte, 0, 5*8)
	for _, n := range []uint64{s.live, s.changes, s.tombs, s.expiring, s.conflicts} {
		counts = binary.BigEndian.AppendUint64(counts, n)
	}
	tx.Set(keyCounts, counts)
}

func (s *State) writeLeaf(tx Tx, l Leaf) {
	tx.Set(leafKey(l), s.tree.Node(LevelLeaf, uint32(l)).bytes())
}
