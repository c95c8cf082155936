package keyspace

import (
	"encoding/binary"
	"slices"
)

// Apply carries out a batch inside tx: it gives local writes their dots and
// stamps, merges entries, keeps every index, the digest and the vector, and
// reports what became of each. The batch takes effect when the caller commits.
func (s *State) Apply(tx Tx, b *Batch) *Applied {
	assertf(len(b.Writes)+len(b.Entries) <= BatchWritesMax, "batch of %d writes and %d entries",
		len(b.Writes), len(b.Entries))
	assertf(b.Adopt == nil || len(b.Writes)+len(b.Entries) == 0, "an adoption travels alone")
	before := s.vv.Clone()
	s.touched, s.changed, s.ahead = s.touched[:0], false, 0
	s.now = max(s.high, b.Now)
	if len(b.Writes) > 0 {
		s.high = s.now
	}
	out := &Applied{Batch: b.ID, Outcomes: make([]Outcome, 0, len(b.Writes)+len(b.Entries))}
	s.settle(tx, b)
	for i := range b.Writes {
		out.Outcomes = append(out.Outcomes, s.write(tx, b, &b.Writes[i]))
	}
	for i := range b.Entries {
		out.Outcomes = append(out.Outcomes, s.merge(tx, b, &b.Entries[i]))
	}
	out.Claimed = s.adoptClaim(b.Claim)
	s.save(tx, before)
	out.Ahead = s.ahead
	out.VV, out.Sum, out.Live = s.vv.Clone(), s.tree.total, s.live
	out.Cluster, out.Digest, out.Joined = s.id.Cluster, s.id.Digest, s.id.Joined
	return out
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
	}
	if s.id != old {
		tx.Set(keyIdentity, s.id.encode())
	}
	for _, m := range b.Members {
		tx.Set(memberKey(m.Replica), m.encode())
	}
}

// write stamps one local write and stores it. A write whose stamp would leave
// the range of timestamps is refused, and uses no sequence number.
func (s *State) write(tx Tx, b *Batch, w *Write) Outcome {
	kh := s.hasher.Key(w.Key)
	cur := s.header(tx, w.Key)
	dot := Dot{s.stream, s.vv.Head(s.stream) + 1}
	var beat *Version
	if cur != nil && !s.mutant.Is(MutantStamp) {
		beat = &cur.Ver
	}
	c := clocks{now: s.now, hlc: s.hlc}
	v, ok := stamp(c, s.id.Joined, uuidFor(dot.Stream, dot.Seq), beat)
	if !ok {
		return s.outcome(Refused, Header{}, cur, b.Now)
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
	if w.TTL > 0 {
		e.Expires = min(b.Now+w.TTL, TimestampMax-1)
	}
	out := s.outcome(Won, e.Header, cur, b.Now)
	s.store(tx, kh, &e, cur)
	s.vv.Add(dot)
	s.see(b, v.TS)
	return out
}

// merge takes one entry from a peer: the greater version wins, and its dot is
// known from here on. At RangesMax the dot stays unknown, which only means that
// the entry will be sent again; a claim made over its key never depends on it,
// because ReadDots sends what is stored and not what is claimed.
func (s *State) merge(tx Tx, b *Batch, e *Entry) Outcome {
	kh := s.hasher.Key(e.Key)
	cur := s.header(tx, e.Key)
	known := s.vv.Contains(e.Dot)
	if known && !b.Repair {
		return s.outcome(Dup, e.Header, cur, b.Now)
	}
	if !known && e.Dot.Stream == s.stream {
		return s.outcome(Refused, e.Header, cur, b.Now)
	}
	out := s.outcome(Lost, e.Header, cur, b.Now)
	if cur == nil || s.loses(cur, &e.Header) {
		out.Kind = Won
		s.store(tx, kh, e, cur)
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
// base that it was made for (I5), and only if it does not speak of writes of
// this run that were never made.
func (s *State) adoptClaim(c *Claim) bool {
	if c == nil || !s.vv.Covers(c.Base) || s.vv.Foresees(s.stream, c.VV) {
		return false
	}
	return s.vv.Union(c.VV)
}

// store writes a record with all its indexes over cur.
func (s *State) store(tx Tx, kh KeyHash, e *Entry, cur *Header) {
	var was Sum
	s.changed = true
	if cur != nil {
		was = s.digest(e.Key, cur)
		tx.Delete(dotKey(cur.Dot))
		if cur.Expires != 0 {
			tx.Delete(expiryKey(cur.Expires, e.Key))
		}
		if !cur.Tombstone() {
			s.live--
		}
	}
	s.count(kh.Leaf(), s.digest(e.Key, &e.Header).Minus(was))
	if e.Tombstone() && s.mutant.Is(MutantTombstone) {
		tx.Delete(DataKey(e.Key))
		tx.Delete(hashKey(kh, e.Key))
		return
	}
	if !e.Tombstone() {
		s.live++
	}
	if cur == nil {
		tx.Set(hashKey(kh, e.Key), present)
	}
	data := appendHeader(make([]byte, 0, headerBytes+len(e.Value)), &e.Header)
	tx.Set(DataKey(e.Key), append(data, e.Value...))
	tx.Set(dotKey(e.Dot), []byte(e.Key))
	if e.Expires != 0 {
		tx.Set(expiryKey(e.Expires, e.Key), present)
	}
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

// header reads the stored header of a key, nil if there is no record.
func (s *State) header(r Reader, key string) *Header {
	b := r.Get(DataKey(key))
	if b == nil {
		return nil
	}
	h, _, ok := decodeHeader(b)
	assertStored(ok, "record of "+key)
	return &h
}

// save writes the system records that the batch changed, last.
func (s *State) save(tx Tx, before VV) {
	for _, set := range s.vv.sets {
		was := before.Of(set.Stream)
		if set.Head != was.Head || !slices.Equal(set.Ranges, was.Ranges) {
			tx.Set(vectorKey(set.Stream), set.appendBody(nil))
			s.changed = true
		}
	}
	slices.Sort(s.touched)
	for _, l := range slices.Compact(s.touched) {
		tx.Set(leafKey(l), s.tree.Node(LevelLeaf, uint32(l)).bytes())
	}
	tx.Set(keyClock, binary.BigEndian.AppendUint64(
		binary.BigEndian.AppendUint64(nil, uint64(s.hlc)), uint64(s.high)))
	if s.changed {
		s.changes++
	}
	tx.Set(keyCounts, binary.BigEndian.AppendUint64(
		binary.BigEndian.AppendUint64(nil, s.live), s.changes))
}
