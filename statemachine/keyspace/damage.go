package keyspace

// A stored value can fail its checksum. What it said is gone, but not that there
// was something: the record counts in the digest tree until its leaf is summed
// up anew, its dot stands in the index, and the vector claims it. Such a record
// is never served, never hashed and never passed on; any entry of its key takes
// its place; and whoever takes over this replica's claims must get it elsewhere.
//
// Its version is unknown, so what takes its place may be older. That is found
// and mended like any divergence: the digest does not count what is not there.

// Damaged is what a Reader returns for a stored value that fails its checksum.
// No value that this package stores is equal to it.
func Damaged() []byte { return []byte{0} }

// IsDamaged says that a stored value is Damaged.
func IsDamaged(stored []byte) bool { return len(stored) == 1 && stored[0] == 0 }

// IsSystem says that a stored key is one of those without which a replica does
// not know what it is: a Reader stops at their damage.
func IsSystem(key []byte) bool { return len(key) > 0 && key[0] == classSystem }

// suspect notes that the running batch met the damaged record of a key: its leaf
// must be summed up before anything else happens, in a transaction that can read
// more than records. The note is stored until the key is forsaken, so that it
// outlives the process.
func (s *State) suspect(tx Tx, key string) {
	s.suspects = append(s.suspects, key)
	tx.Set(suspectKey(key), present)
}

// giveUp lets Mend drop the dots of what was damaged under a key.
func (s *State) giveUp(key string) {
	if s.forsaken == nil {
		s.forsaken = make(map[string]bool)
	}
	s.forsaken[key] = true
}

// Suspects says that Mend has work.
func (s *State) Suspects() bool { return len(s.suspects)+len(s.stale)+len(s.forsaken) > 0 }

// SuspectKeys are the keys that Mend will look at.
func (s *State) SuspectKeys() []string { return s.suspects }

// Suspect asks Mend to look at a key, whatever made the caller doubt it.
func (s *State) Suspect(key string) { s.suspects = append(s.suspects, key) }

// Mend sums up the leaves of all suspect keys from the records that can be read,
// so that no damaged record is counted, and returns the keys that are damaged
// still. The executor calls it, in a transaction of its own, before the answer to
// a batch that leaves Suspects, and before it reports a damaged record.
func (s *State) Mend(tx Tx) (damaged []string) {
	s.touched = s.touched[:0]
	for _, key := range s.suspects {
		if s.examine(tx, key) {
			damaged = append(damaged, key)
			tx.Set(suspectKey(key), present)
		}
		if leaf := s.hasher.Key(key).Leaf(); s.resum(tx, leaf) {
			s.live-- // what was counted and cannot be read was no tombstone
		}
	}
	for _, leaf := range s.stale {
		s.resum(tx, leaf)
	}
	s.forsake(tx)
	s.suspects, s.stale = nil, nil
	s.changes++
	s.finish(tx)
	return damaged
}

// resum sums up one leaf anew, and reports whether its sum was another.
func (s *State) resum(r Reader, leaf Leaf) bool {
	was, sum := s.tree.Node(LevelLeaf, uint32(leaf)), Sum{}
	for i := range s.leavings {
		s.leavings[i].clear(leaf)
	}
	for _, key := range leafKeys(r, leaf) {
		rec, ok := DecodeRecord(r.Get(DataKey(key)))
		switch {
		case !ok || rec.Tombstone():
		case rec.Expires != 0 && s.turn.passed(rec.Expires, key):
			if l := s.left(minuteOf(rec.Expires)); l != nil {
				l.add(leaf, s.digest(key, &rec.Header))
			}
		default:
			sum = sum.Plus(s.digest(key, &rec.Header))
		}
	}
	s.count(leaf, sum.Minus(was))
	return sum != was
}

// forsake drops what the indexes still say of lost records whose places others
// have taken, once the protocol has asked for them wherever it could: as long as
// the dot of such a record is in the index, no claim is made out of this store.
// It walks the indexes, which damage is rare enough for.
func (s *State) forsake(tx Tx) {
	if len(s.forsaken) == 0 {
		return
	}
	var stale [][]byte
	for dk, key := range tx.Ascend([]byte{classDot}, []byte{classDot + 1}) {
		if h := s.replacement(tx, string(key)); h != nil && h.Dot != dotOf(dk) {
			stale = append(stale, append([]byte(nil), dk...))
		}
	}
	dots := len(stale)
	for xk := range tx.Ascend([]byte{classExpiry}, []byte{classExpiry + 1}) {
		key := string(xk[9:])
		if h := s.replacement(tx, key); h != nil &&
			(h.Expires == 0 || string(expiryKey(h.Expires, key)) != string(xk)) {
			stale = append(stale, append([]byte(nil), xk...))
		}
	}
	s.expiring -= uint64(len(stale) - dots)
	expired := len(stale)
	for zk := range tx.Ascend([]byte{classTomb}, []byte{classTomb + 1}) {
		key := string(zk[9:])
		if h := s.replacement(tx, key); h != nil &&
			(!h.Tombstone() || string(tombKey(h.Ver.TS, key)) != string(zk)) {
			stale = append(stale, append([]byte(nil), zk...))
		}
	}
	s.tombs -= uint64(len(stale) - expired)
	for tk := range tx.Ascend([]byte{classTime}, []byte{classTime + 1}) {
		key := string(tk[9:])
		if h := s.replacement(tx, key); h != nil && (!timed(key, h) || string(TimeKey(h.Ver.TS, key)) != string(tk)) {
			stale = append(stale, append([]byte(nil), tk...))
		}
	}
	for _, k := range stale {
		tx.Delete(k)
	}
	for key := range s.forsaken { // order cannot matter: each key is its own
		if s.replacement(tx, key) != nil {
			tx.Delete(suspectKey(key))
		}
	}
	s.forsaken = nil
}

// replacement is the header of what took the place of a forsaken key's record.
func (s *State) replacement(r Reader, key string) *Header {
	if !s.forsaken[key] {
		return nil
	}
	h, _ := s.header(r, key)
	return h
}
