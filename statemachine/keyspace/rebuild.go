package keyspace

// The hashes of the tree are keyed by the cluster's digest key. A replica that
// had records before it joined a cluster rebuilds what depends on the key, in
// steps of one bounded transaction each, and can be interrupted anywhere: the
// record keyRebuild holds the phase and how far it got.
const (
	rebuildDrop = 1 // delete h/ and m/
	rebuildFill = 2 // walk d/, write h/, sum up the tree
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

// Rebuild does one step of a pending rebuild inside tx and reports whether all
// is done. The executor repeats it, a transaction a step, after Start and after
// a batch with an Adoption, before it does anything else.
func (s *State) Rebuild(tx Tx) bool {
	mark := tx.Get(keyRebuild)
	if mark == nil {
		return true
	}
	s.touched = s.touched[:0]
	if mark[0] == rebuildDrop {
		s.rebuildDrop(tx)
	} else {
		s.rebuildFill(tx, mark[1:])
	}
	for _, l := range s.touched {
		tx.Set(leafKey(l), s.tree.Node(LevelLeaf, uint32(l)).bytes())
	}
	s.saveCounts(tx)
	return false
}

func (s *State) rebuildDrop(tx Tx) {
	var stale [][]byte
	for _, class := range []byte{classHash, classLeaf} {
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
		s.tree, s.leavings, s.live = Tree{}, [MinutesBack + 2]leaving{}, 0
		tx.Set(keyRebuild, []byte{rebuildFill})
	}
}

func (s *State) rebuildFill(tx Tx, from []byte) {
	start := append([]byte{classData}, from...)
	type row struct {
		key string
		hdr Header
	}
	var rows []row
	next := []byte(nil)
	for k, v := range tx.Ascend(start, DataEnd()) {
		if len(rows) == rebuildStepKeys {
			next = append([]byte{rebuildFill}, k[1:]...)
			break
		}
		h, _, ok := decodeHeader(v)
		assertStored(ok, "record of "+UserKey(k))
		rows = append(rows, row{UserKey(k), h})
	}
	for i := range rows {
		r := &rows[i]
		kh := s.hasher.Key(r.key)
		tx.Set(hashKey(kh, r.key), present)
		s.countRecord(kh, r.key, &r.hdr, +1)
	}
	if next == nil {
		tx.Delete(keyRebuild)
		return
	}
	tx.Set(keyRebuild, next)
}
