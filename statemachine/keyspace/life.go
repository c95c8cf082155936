package keyspace

import (
	"encoding/binary"
	"slices"
	"strings"
)

// A directory outlives replicas. One that is fenced off, or whose disk has proved older
// than what its identity said, goes on as a new replica, which copies the cluster's data
// (transfer.go) and settles each record of the life before against it: nobody's write
// goes without a trace, and what was deleted on either side stays deleted.

// What keyRejoin says of the claims of the life that ends.
const (
	rejoinKeeping  = 1
	rejoinDoubting = 2 // writes that it claims were lost
)

// life is what the earlier life of a directory knew, kept until the copy that the new
// one begins with is whole.
type life struct {
	vv    VV     // what it claimed
	voids VV     // what of it nobody had
	floor VV     // what it had purged
	gcTs  Millis // and the greatest timestamp of that
}

func loadLife(r Reader) life {
	l := life{vv: loadVectors(r, keyFormer), voids: loadVectors(r, keyFormerVo), floor: loadHeads(r, keyFormerFl)}
	if b := r.Get(keyFormerSt); b != nil {
		l.gcTs = Millis(binary.BigEndian.Uint64(b))
	}
	return l
}

func (l *life) store(tx Tx) {
	for _, set := range l.vv.sets {
		tx.Set(streamKey(keyFormer, set.Stream), set.appendBody(nil))
	}
	for _, set := range l.voids.sets {
		tx.Set(streamKey(keyFormerVo, set.Stream), set.appendBody(nil))
	}
	for _, set := range l.floor.sets {
		tx.Set(streamKey(keyFormerFl, set.Stream), binary.BigEndian.AppendUint64(nil, uint64(set.Head)))
	}
	if l.gcTs > 0 {
		tx.Set(keyFormerSt, binary.BigEndian.AppendUint64(nil, uint64(l.gcTs)))
	}
}

// end adds the life that ends to those before it. Of one whose copy was not whole
// yet, what it had purged is only its source's word, which its source keeps.
func (l *life) end(r Reader) {
	l.voids.Union(loadVectors(r, keyVoids))
	l.vv.Union(LoadVV(r))
	l.floor.RaiseHeads(loadFloor(r))
	l.vv, l.floor = l.vv.Expanded(), l.floor.Expanded()
	if t := loadTransfer(r); !t.Active() {
		l.gcTs = max(l.gcTs, loadStamps(r))
	}
}

// beginLife makes the directory that of a new replica. Its records stay, as
// those of an earlier life: the vector claims none of them, and the transfer
// that begins settles each. What the earlier life claimed is kept, in case there
// is nobody to copy from.
func beginLife(tx Tx, id *Identity, birth Birth) {
	id.Replica, id.Joined, id.Boot = birth.Replica, 0, Boot{}
	var former life
	if tx.Get(keyRejoin)[0] == rejoinKeeping {
		former = loadLife(tx)
		former.end(tx)
	}
	for _, class := range [][]byte{keyVectors, keyFloors, keyVoids, keyRetired} {
		deleteAll(tx, class)
	}
	deleteLife(tx)
	former.store(tx)
	tx.Delete(keyRejoin)
	tx.Delete(keySource)
	tx.Set(keyTransfer, append([]byte{transferFormat, byte(PhaseOpen), 1}, make([]byte, 8)...))
}

func deleteLife(tx Tx) {
	for _, class := range [][]byte{keyFormer, keyFormerFl, keyFormerVo, keyFormerSt} {
		deleteAll(tx, class)
	}
}

func deleteAll(tx Tx, class []byte) {
	var stale [][]byte
	for k := range tx.Ascend(class, prefixEnd(class)) {
		stale = append(stale, slices.Clone(k))
	}
	for _, k := range stale {
		tx.Delete(k)
	}
}

// restoreLife claims again what an earlier life claimed. The records have moved
// only forward since, or were dropped because they had been deleted elsewhere,
// so the claim holds as it did.
func (s *State) restoreLife(tx Tx) {
	s.vv.Union(s.former.vv)
	s.addVoids(tx, s.former.voids)
	s.floor.RaiseHeads(s.former.floor)
}

func (s *State) forgetLife(tx Tx) {
	if !s.former.vv.IsEmpty() {
		s.former = life{}
		deleteLife(tx)
	}
}

// reconcile settles the records of an earlier life in the chunk's keys, a
// bounded number of them, and returns up to where it came. A record that the
// source lacks was deleted there if the source claims it and it is not void; else
// nobody has seen it, and it goes on under a new dot with its old version, unless it lies below
// what the source has purged: then it might be older than its deletion, and goes
// to the losers' log. Of a key that the source has, the greater version wins.
func (s *State) reconcile(tx Tx, b *Batch, out *Applied) (to string, done bool) {
	c := b.Chunk
	olds, to, done := s.earlier(tx, c)
	for i := range olds {
		d := &olds[i]
		at, found := slices.BinarySearchFunc(b.Entries, d.key, func(e Entry, key string) int {
			return strings.Compare(e.Key, key)
		})
		switch {
		case found:
			if supersedes(&d.rec.Header, &b.Entries[at].Header) {
				s.salvage(tx, d, out)
			}
		case c.View.Contains(d.rec.Dot) && !c.Voids.Contains(d.rec.Dot):
			s.remove(tx, d)
		case d.rec.Ver.TS > c.Stamps || s.mutant.Is(MutantSalvageStamps):
			s.salvage(tx, d, out)
		default:
			s.unplace(tx, &Entry{Key: d.key, Header: d.rec.Header, Value: d.rec.value}, out)
			s.remove(tx, d)
		}
	}
	return to, done
}

// earlier lists the records of an earlier life in the chunk's keys. If there are
// too many for one transaction, it stops and says where.
func (s *State) earlier(tx Tx, c *Chunk) (olds []doomed, to string, done bool) {
	budget := budget{keys: reconcileStepKeys, bytes: BatchBytesMax / 4}
	end := DataEnd()
	if !c.Done {
		end = DataKey(c.To + "\x00")
	}
	last := c.After
	for k, v := range tx.Ascend(DataKey(c.After+"\x00"), end) {
		if IsDamaged(v) {
			continue // what it was is not known; the source's takes its place
		}
		rec, ok := decodeStored(v)
		key := UserKey(k)
		assertStored(ok, "record of "+key)
		if s.vv.Contains(rec.Dot) {
			continue // of this life
		}
		if !budget.spend(Size(key, rec.value)) && len(olds) > 0 {
			return olds, last, false
		}
		olds = append(olds, doomed{key, &rec})
		last = key
	}
	return olds, c.To, c.Done
}

// salvage gives a record of an earlier life a dot of this one.
func (s *State) salvage(tx Tx, d *doomed, out *Applied) {
	e := Entry{Key: d.key, Header: d.rec.Header}
	if !e.Tombstone() {
		e.Value = append([]byte{}, d.rec.value...)
	}
	e.Dot = Dot{s.stream, s.vv.Head(s.stream) + 1}
	e.Flags |= Salvaged
	s.store(tx, s.hasher.Key(d.key), &e, d.rec)
	s.vv.Add(e.Dot)
	out.Salvaged = append(out.Salvaged, e)
}

// ended says that a record of the source, which is not here, is not to come back, and
// sees to that.
func (s *State) ended(tx Tx, c *Chunk, e *Entry, out *Applied) bool {
	switch {
	case e.Tombstone():
		return false
	case s.buried(e):
		s.bury(tx, e, out)
	case s.outlived(c, e):
		if s.bury(tx, e, out) {
			s.unplace(tx, e, out)
		}
	default:
		return false
	}
	return true
}

// buried says that the earlier life had a record, or what beats it, and that it
// was deleted there and the deletion forgotten: the source has not heard of that.
// An expired one needs no deletion.
func (s *State) buried(e *Entry) bool {
	return e.Expires == 0 && s.former.vv.Contains(e.Dot) && !s.former.voids.Contains(e.Dot)
}

// outlived says that a record of the source, which the earlier life never saw, may be
// older than a deletion that only the earlier life knew of: the source has not come up
// to what was purged here, as neither may have to that of the other if both disks went
// on under one identity. It goes the way it would if the source had to start over, and
// not this directory.
func (s *State) outlived(c *Chunk, e *Entry) bool {
	return e.Ver.TS <= s.former.gcTs && !s.former.vv.Contains(e.Dot) && !c.View.Reaches(s.former.floor) &&
		!s.mutant.Is(MutantOutlived)
}

// bury repeats a forgotten deletion, with the smallest version that beats the
// record: whatever else was written to the key since stands.
func (s *State) bury(tx Tx, e *Entry, out *Applied) (ok bool) {
	dot := Dot{s.stream, s.vv.Head(s.stream) + 1}
	v, ok := stamp(clocks{}, s.id.Joined, uuidFor(dot.Stream, dot.Seq), &e.Ver)
	if !ok {
		return false
	}
	t := Entry{Key: e.Key, Header: Header{Ver: v, Dot: dot, Flags: Tombstone, Base: e.Ver}}
	s.store(tx, s.hasher.Key(e.Key), &t, nil)
	s.vv.Add(dot)
	out.Salvaged = append(out.Salvaged, t)
	return true
}

// unplace keeps a record in the log of losers.
func (s *State) unplace(tx Tx, e *Entry, out *Applied) {
	rev := Revision{Record: Record{e.Header, e.Value}, Fate: Unplaced, At: s.wall}
	tx.Set(unplacedKey(e.Key, e.Ver), encodeRevision(&rev))
	out.Unplaced = append(out.Unplaced, Purged{e.Key, e.Ver})
}
