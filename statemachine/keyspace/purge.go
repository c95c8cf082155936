package keyspace

import (
	"bytes"
	"encoding/binary"
)

// Purge asks to forget tombstones and expired records that nobody needs any
// more: those inside the causally stable frontier (I10) that are old enough.
type Purge struct {
	// Frontier holds, stream by stream, the head up to which every replica of
	// the roster has durably incorporated it, as far as this replica may count.
	Frontier VV
	Before   Millis // only what was deleted, or expired, up to this wall time
	// Settled is the newest minute that no replica counts in its digest any more,
	// whatever its clock: expired records of later ones stay.
	Settled Minute
	From    []byte // where an earlier step of the same round stopped; nil the beginning
}

// Purged names one record that was forgotten.
type Purged struct {
	Key string
	Ver Version
}

// doomed is one record on its way out.
type doomed struct {
	key string
	rec *stored
}

// purge carries out one bounded step. next says where to go on, nil if
// everything was looked at.
func (s *State) purge(tx Tx, p *Purge) (gone []Purged, next []byte) {
	var out []doomed
	budget := budget{keys: purgeStepKeys, bytes: BatchBytesMax}
	for _, class := range []byte{classTomb, classExpiry} {
		if next == nil {
			out, next = s.collect(tx, p, class, &budget, out)
		}
	}
	for _, d := range out {
		s.remove(tx, &d)
		s.floor.raise(d.rec.Dot)
		s.gcTs = max(s.gcTs, d.rec.Ver.TS)
		s.lapsed = max(s.lapsed, d.rec.Expires)
		gone = append(gone, Purged{d.key, d.rec.Ver})
	}
	return gone, next
}

// budget bounds what one transaction of a walk may cost.
type budget struct{ keys, bytes int }

// spend takes one record of a number of bytes, and says whether it fits.
func (b *budget) spend(bytes int) bool {
	b.keys--
	b.bytes -= bytes
	return b.keys >= 0 && b.bytes >= 0
}

// collect walks one of the two indexes, oldest first.
func (s *State) collect(tx Tx, p *Purge, class byte, b *budget, out []doomed) ([]doomed, []byte) {
	end := byNumber(class, uint64(p.Before)+1, "")
	if class == classExpiry {
		end = byNumber(class, uint64(minuteOf(p.Before))+1, "")
	}
	from := []byte{class}
	if bytes.Compare(p.From, from) > 0 {
		from = p.From
	}
	if bytes.Compare(from, end) >= 0 {
		return out, nil
	}
	for k := range tx.Ascend(from, end) {
		key := string(k[9:])
		if !b.spend(Size(key, nil)) {
			return out, append([]byte(nil), k...)
		}
		if rec, _ := s.record(tx, key); rec != nil && s.purgeable(p, key, &rec.Header) {
			out = append(out, doomed{key, rec})
		}
	}
	return out, nil
}

func (s *State) purgeable(p *Purge, key string, h *Header) bool {
	if h.Tombstone() {
		if h.Ver.TS > p.Before {
			return false
		}
	} else if h.Expires == 0 || h.Expires > p.Before || minuteOf(h.Expires) > p.Settled ||
		!s.turn.passed(h.Expires, key) {
		return false
	}
	return h.Dot.Seq <= p.Frontier.Head(h.Dot.Stream) || s.mutant.Is(MutantFrontier)
}

// remove takes a record away, with all its indexes and its history.
func (s *State) remove(tx Tx, d *doomed) {
	s.changed = true
	kh := s.hasher.Key(d.key)
	s.unindex(tx, kh, d.key, &d.rec.Header)
	tx.Delete(DataKey(d.key))
	tx.Delete(hashKey(kh, d.key))
	if d.rec.kept > 0 {
		s.dropHistory(tx, d.key)
	}
}

// unindex takes a record out of the digest, the counts, and all indexes but the
// one that it shares with its successor.
func (s *State) unindex(tx Tx, kh KeyHash, key string, h *Header) {
	s.countRecord(kh, key, h, -1)
	tx.Delete(dotKey(h.Dot))
	if h.Tombstone() {
		tx.Delete(tombKey(h.Ver.TS, key))
		s.tombs--
	}
	if timed(key, h) {
		tx.Delete(TimeKey(h.Ver.TS, key))
	}
	if h.Expires != 0 {
		tx.Delete(expiryKey(h.Expires, key))
		s.expiring--
	}
}

// loadFloor reads the floor of a view: for each stream the greatest number of a
// record that was purged, as heads of a vector.
func loadFloor(r Reader) VV {
	floor := loadHeads(r, keyFloors)
	floor.old = loadRetired(r)
	return floor
}

func loadHeads(r Reader, class []byte) VV {
	var floor VV
	for k, b := range r.Ascend(class, prefixEnd(class)) {
		floor.sets = append(floor.sets, StreamSet{Stream: streamOf(k), Head: Seq(binary.BigEndian.Uint64(b))})
	}
	return floor
}

// loadStamps reads the greatest timestamp of what was purged.
func loadStamps(r Reader) Millis {
	if b := r.Get(keyStamps); b != nil {
		return Millis(binary.BigEndian.Uint64(b))
	}
	return 0
}

// saveFloor writes what has risen.
func (s *State) saveFloor(tx Tx, before VV) {
	at := finger{vv: &before}
	for i := range s.floor.sets {
		set := &s.floor.sets[i]
		if set.Head != at.of(&set.Stream).Head {
			tx.Set(floorKey(set.Stream), binary.BigEndian.AppendUint64(nil, uint64(set.Head)))
		}
	}
	if s.gcTs > 0 {
		b := binary.BigEndian.AppendUint64(nil, uint64(s.gcTs))
		tx.Set(keyStamps, binary.BigEndian.AppendUint64(b, uint64(s.lapsed)))
	}
}
