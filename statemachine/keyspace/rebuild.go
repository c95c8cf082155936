package keyspace

// The hashes of the tree are keyed by the cluster's digest key. A replica that
// had records before it joined a cluster rebuilds what depends on the key, in
// steps of one bounded transaction each, and can be interrupted anywhere: the
// record keyRebuild holds the phase and how far it got.
//
// After a gap all indexes are rebuilt: a newer transaction that survived has
// overwritten sums and counts with such that include the lost one, and deleted
// what the lost one had indexed.
//
// A copy touches about as many leaves as it brings records. They are written once, at
// its end; a start in the middle of it sums them up from the records.
const (
	rebuildDrop    = 1 // delete h/ and m/
	rebuildFill    = 2 // walk d/, write h/, sum up the tree
	rebuildDropAll = 3 // delete o/, x/, z/ and t/ too
	rebuildFillAll = 4 // walk d/, write h/, o/, x/, z/ and t/, sum up the tree, count
	rebuildTimes   = 5 // walk d/, write t/
	rebuildOwed    = 6 // m/ is behind the tree of the run that wrote this: write it; else delete m/
	rebuildSums    = 7 // walk d/, sum up the tree
)

// beginRebuild marks the indexes as stale. An empty store has none.
func (s *State) beginRebuild(tx Tx) {
	s.hasher = NewHasher(s.id.Digest)
	stale := false
	for range tx.Ascend([]byte{classHash}, []byte{classHash + 1}) {
		stale = true
		break
	}
	if stale {
		tx.Set(keyRebuild, []byte{rebuildDrop})
	}
}

// beginTimes has the index of times filled in a store from before there was one. A
// rebuild that was cut short comes first; the next start looks again.
func beginTimes(tx Tx) {
	if tx.Get(keyTimes) != nil || tx.Get(keyRebuild) != nil {
		return
	}
	tx.Set(keyTimes, present)
	for range tx.Ascend([]byte{classHash}, []byte{classHash + 1}) {
		tx.Set(keyRebuild, []byte{rebuildTimes})
		break
	}
}

// Rebuild does one step of a pending rebuild inside tx and reports whether all
// is done. The executor repeats it, a transaction a step, after Start and after
// a batch with an Adoption, before it does anything else.
func (s *State) Rebuild(tx Tx) bool {
	mark := tx.Get(keyRebuild)
	if mark == nil {
		return true
	}
	s.touched = s.touched[:0]
	switch mark[0] {
	case rebuildDrop:
		s.rebuildDrop(tx, rebuildFill, classHash, classLeaf)
	case rebuildDropAll:
		s.tombs, s.expiring = 0, 0
		s.rebuildDrop(tx, rebuildFillAll, classHash, classLeaf, classDot, classExpiry, classTomb, classTime)
	case rebuildOwed:
		if s.owed == nil {
			s.rebuildDrop(tx, rebuildSums, classLeaf)
			break
		}
		if s.transfer.takesChunks() {
			return true
		}
		s.payLeaves(tx)
	default:
		s.rebuildFill(tx, mark)
	}
	s.finish(tx)
	return false
}

// oweLeaves leaves the writing of leaves to the end of a copy.
func (s *State) oweLeaves(tx Tx) {
	if s.owed == nil {
		s.owed = new(leafSet)
		tx.Set(keyRebuild, []byte{rebuildOwed})
	}
}

// payLeaves writes the next of the leaves that are owed.
func (s *State) payLeaves(tx Tx) {
	for range leavesStep {
		l, ok := s.owed.take()
		if !ok {
			s.owed = nil
			tx.Delete(keyRebuild)
			return
		}
		s.writeLeaf(tx, l)
	}
}

// owesLeaves says that the stored leaves of a view are not those of its records.
func owesLeaves(r Reader) bool {
	mark := r.Get(keyRebuild)
	return len(mark) > 0 && mark[0] == rebuildOwed
}

func (s *State) rebuildDrop(tx Tx, next byte, classes ...byte) {
	var stale [][]byte
	for _, class := range classes {
		for k := range tx.Ascend([]byte{class}, []byte{class + 1}) {
			if len(stale) == rebuildStepKeys {
				break
			}
			stale = append(stale, append([]byte(nil), k...))
		}
	}
	for _, k := range stale {
		tx.Delete(k)
	}
	if len(stale) < rebuildStepKeys {
		s.tree, s.leavings, s.live, s.owed = Tree{}, [MinutesBack + 2]leaving{}, 0, nil
		tx.Set(keyRebuild, []byte{next})
	}
}

// rebuildFill goes on where mark, phase and key, says.
func (s *State) rebuildFill(tx Tx, mark []byte) {
	start := append([]byte{classData}, mark[1:]...)
	type row struct {
		key     string
		hdr     Header
		damaged bool
	}
	var rows []row
	next := []byte(nil)
	for k, v := range tx.Ascend(start, DataEnd()) {
		if len(rows) == rebuildStepKeys {
			next = append([]byte{mark[0]}, k[1:]...)
			break
		}
		if IsDamaged(v) {
			rows = append(rows, row{key: UserKey(k), damaged: true})
			continue
		}
		h, _, ok := decodeHeader(v)
		assertStored(ok, "record of "+UserKey(k))
		rows = append(rows, row{key: UserKey(k), hdr: h})
	}
	for i := range rows {
		r := &rows[i]
		if mark[0] == rebuildTimes {
			if !r.damaged && timed(r.key, &r.hdr) {
				tx.Set(TimeKey(r.hdr.Ver.TS, r.key), present)
			}
			continue
		}
		kh := s.hasher.Key(r.key)
		if mark[0] != rebuildSums {
			tx.Set(hashKey(kh, r.key), present)
		}
		if r.damaged {
			continue // there is something, and nothing to be counted
		}
		s.countRecord(kh, r.key, &r.hdr, +1)
		if mark[0] == rebuildFillAll {
			s.index(tx, r.key, &r.hdr)
		}
	}
	if next == nil {
		tx.Delete(keyRebuild)
		return
	}
	tx.Set(keyRebuild, next)
}

// index writes the other indexes of a record, and counts it in them.
func (s *State) index(tx Tx, key string, h *Header) {
	tx.Set(dotKey(h.Dot), []byte(key))
	if h.Tombstone() {
		tx.Set(tombKey(h.Ver.TS, key), present)
		s.tombs++
	}
	if timed(key, h) {
		tx.Set(TimeKey(h.Ver.TS, key), present)
	}
	if h.Expires != 0 {
		tx.Set(expiryKey(h.Expires, key), present)
		s.expiring++
	}
}
