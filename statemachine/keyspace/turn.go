package keyspace

import (
	"encoding/binary"
)

// Expiry in the digest. A record leaves the digest tree at the end of the
// minute in which it expires, so that replicas whose clocks differ a little
// compare equal. How far a replica has come is its turn; whether a record is
// counted follows from the two alone, however far a turn got when it was cut
// short. Comparing replicas name the minute that they mean, and the last few
// minutes can be added back, because digests form a group.

// minute is the grain of expiry in the digest.
const minute Millis = 60_000

// Minute counts minutes of wall time since the Unix epoch.
type Minute uint64

// minuteOf is the minute at the end of which a record that expires then leaves.
func minuteOf(expires Millis) Minute { return Minute((expires + minute - 1) / minute) }

// MinuteAt is the newest minute whose records have left at that time.
func MinuteAt(now Millis) Minute { return Minute(max(now, 0) / minute) }

// turn is the position up to which expired records have left the tree: all of
// the minutes before, and of this one the keys before.
type turn struct {
	minute Minute
	key    string
}

// passed says that a record has left the tree.
func (t turn) passed(expires Millis, key string) bool {
	m := minuteOf(expires)
	return m < t.minute || m == t.minute && key < t.key
}

func (t turn) encode() []byte {
	return append(binary.BigEndian.AppendUint64(nil, uint64(t.minute)), t.key...)
}

func decodeTurn(b []byte) turn {
	assertStored(len(b) >= 8, "turn")
	return turn{Minute(binary.BigEndian.Uint64(b)), string(b[8:])}
}

func loadTurn(r Reader) turn {
	if b := r.Get(keyTurn); b != nil {
		return decodeTurn(b)
	}
	return turn{}
}

// leaving holds what left the tree at the end of one minute, by leaf.
type leaving struct {
	minute Minute
	total  Sum
	leaves map[Leaf]Sum
}

func (l *leaving) add(leaf Leaf, delta Sum) {
	if l.leaves == nil {
		l.leaves = make(map[Leaf]Sum)
	}
	l.total = l.total.Plus(delta)
	if sum := l.leaves[leaf].Plus(delta); sum.IsZero() {
		delete(l.leaves, leaf)
	} else {
		l.leaves[leaf] = sum
	}
}

// clear takes a leaf out.
func (l *leaving) clear(leaf Leaf) {
	if sum, ok := l.leaves[leaf]; ok {
		l.add(leaf, Sum{}.Minus(sum))
	}
}

// left is where a minute's leavings are kept, nil if they are too old.
func (s *State) left(m Minute) *leaving {
	newest := s.turn.minute // its records may be leaving right now
	if m > newest || m+MinutesBack+1 < newest {
		return nil
	}
	l := &s.leavings[m%Minute(len(s.leavings))]
	if l.minute != m {
		*l = leaving{minute: m}
	}
	return l
}

// countRecord adds a record to the digest or takes it out, wherever it stands.
func (s *State) countRecord(kh KeyHash, key string, h *Header, sign int) {
	if h.Tombstone() {
		return
	}
	delta := s.digest(key, h)
	if sign < 0 {
		delta = Sum{}.Minus(delta)
	}
	if h.Expires != 0 && s.turn.passed(h.Expires, key) {
		if l := s.left(minuteOf(h.Expires)); l != nil {
			l.add(kh.Leaf(), delta)
		}
		return
	}
	s.count(kh.Leaf(), delta)
	s.live += uint64(sign)
}

// turnTo lets records leave whose minute has ended, at most turnStepKeys of
// them, and reports whether that was all.
func (s *State) turnTo(tx Tx, now Millis) (done bool) {
	next := turn{minute: MinuteAt(now) + 1}
	if s.turn.minute >= next.minute {
		s.turnBack(tx, next)
		return true
	}
	type row struct {
		minute Minute
		key    string
	}
	var rows []row
	from := byNumber(classExpiry, uint64(s.turn.minute), s.turn.key)
	for k := range tx.Ascend(from, byNumber(classExpiry, uint64(next.minute), "")) {
		if len(rows) == turnStepKeys {
			next = turn{Minute(binary.BigEndian.Uint64(k[1:])), string(k[9:])}
			break
		}
		rows = append(rows, row{Minute(binary.BigEndian.Uint64(k[1:])), string(k[9:])})
	}
	for _, r := range rows {
		h, damaged := s.header(tx, r.key)
		if damaged {
			s.suspect(tx, r.key)
		}
		if h == nil || h.Tombstone() || minuteOf(h.Expires) != r.minute {
			continue // the record behind the index is damaged, or was
		}
		kh := s.hasher.Key(r.key)
		s.countRecord(kh, r.key, h, -1)
		s.turn = turn{r.minute, r.key + "\x00"}
		s.countRecord(kh, r.key, h, +1)
	}
	s.turn = next
	tx.Set(keyTurn, s.turn.encode())
	s.changed = true
	return next.key == ""
}

// turnBack undoes turns that a wrong clock has made, once it is set right: what is
// counted again is found by a rebuild of the tree. A clock that is only a little
// behind catches up by itself.
func (s *State) turnBack(tx Tx, to turn) {
	if to.minute+MinutesBack >= s.turn.minute {
		return
	}
	s.turn = to
	tx.Set(keyTurn, s.turn.encode())
	s.beginRebuild(tx)
}

// loadLeavings finds again, after a start, what left within MinutesBack.
func (s *State) loadLeavings(r Reader) {
	oldest := s.turn.minute - min(s.turn.minute, MinutesBack+1)
	end := byNumber(classExpiry, uint64(s.turn.minute), s.turn.key)
	for k := range r.Ascend(byNumber(classExpiry, uint64(oldest), ""), end) {
		key := string(k[9:])
		if h, _ := s.header(r, key); h != nil {
			if l := s.left(minuteOf(h.Expires)); l != nil {
				l.add(s.hasher.Key(key).Leaf(), s.digest(key, h))
			}
		}
	}
}

// AsOf is the newest minute whose expired records have all left the tree.
func (s *State) AsOf() Minute { return s.turn.minute - min(s.turn.minute, 1) }

// SumsAt are the sums of nodes of one level of the digest tree as they were at
// the end of a minute. ok is false if the minute lies ahead of AsOf or further
// back than MinutesBack.
func (s *State) SumsAt(level int, index []uint32, m Minute) (sums []Sum, ok bool) {
	if m > s.AsOf() || m+MinutesBack < s.AsOf() {
		return nil, false
	}
	sums = s.Sums(level, index)
	for i := range s.leavings {
		if l := &s.leavings[i]; l.minute > m && l.minute <= s.turn.minute {
			l.addBack(level, index, sums)
		}
	}
	return sums, true
}

// Sums are the sums of nodes of one level of the digest tree as it is.
func (s *State) Sums(level int, index []uint32) []Sum {
	sums := make([]Sum, len(index))
	for i, node := range index {
		sums[i] = s.tree.Node(level, node)
	}
	return sums
}

// rootAt is the sum of all as of a minute, zero if SumsAt has none.
func (s *State) rootAt(m Minute) Sum {
	if sums, ok := s.SumsAt(LevelRoot, []uint32{0}, m); ok {
		return sums[0]
	}
	return Sum{}
}

// addBack adds to the sums of nodes what has left them. It costs one look at each
// node or, above the leaves, at each leaf that something has left.
func (l *leaving) addBack(level int, index []uint32, sums []Sum) {
	switch level {
	case LevelRoot:
		for i := range sums {
			sums[i] = sums[i].Plus(l.total)
		}
		return
	case LevelLeaf:
		for i, leaf := range index {
			sums[i] = sums[i].Plus(l.leaves[Leaf(leaf)])
		}
		return
	}
	below := make(map[uint32]Sum)
	for leaf, d := range l.leaves { // order cannot matter: addition commutes
		node := uint32(leaf) >> (6 * (LevelLeaf - level))
		below[node] = below[node].Plus(d)
	}
	for i, node := range index {
		sums[i] = sums[i].Plus(below[node])
	}
}

// Turning says that a turn was cut short: some records of the minute after AsOf
// have left the tree already.
func (s *State) Turning() bool { return s.turn.key != "" }
