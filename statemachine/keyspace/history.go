package keyspace

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Revision history. A version that loses its place to another, or arrives when
// another stands there already, is kept beside the record: the newest few of a key,
// in a ring of slots, so that no transaction has to look for the one that goes. How
// many were kept so far stands in the record itself. They go when the record is
// collected.
//
// History is each replica's own: what it wrote and what it received. Nothing of it
// is hashed, claimed or replicated, so that replicas may keep different amounts.

// Fate says how a version came into the history.
type Fate uint8

// The fates.
const (
	Replaced Fate = 1 // it stood, and another took its place
	Late     Fate = 2 // when it came, another stood there that beats it
	Unplaced Fate = 3 // it is from an earlier life, and might be older than a deletion
)

// String names the fate.
func (f Fate) String() string {
	switch f {
	case Replaced:
		return "replaced"
	case Late:
		return "late"
	case Unplaced:
		return "unplaced"
	}
	return "current"
}

// Revision is a version that does not stand, or not any more.
type Revision struct {
	Record
	Fate Fate
	At   Millis  // when it was replaced, or came too late, by this replica's clock
	By   Version // what took its place, or stood there; zero of unplaced ones

	at []byte // the stored key, for Load
}

// stored is a record as it lies in the store.
type stored struct {
	Header
	kept  uint32 // how many revisions of its key were kept so far
	value []byte
}

// keep puts a version of a key into its ring, and returns how many there were.
func (s *State) keep(tx Tx, key string, rev *Revision, kept uint32) uint32 {
	cost := keepBytes + len(key) + len(rev.Value)
	if s.revisions == 0 || IsReserved(key) || cost > s.room {
		return kept
	}
	s.room -= cost
	s.spent += cost
	tx.Set(revisionKey(key, kept%s.revisions), encodeRevision(rev))
	return kept + 1
}

func encodeRevision(rev *Revision) []byte {
	b := append(make([]byte, 0, revisionBytes+len(rev.Value)), byte(rev.Fate))
	b = binary.BigEndian.AppendUint64(b, uint64(rev.At))
	b = appendHeader(appendVersion(b, rev.By), &rev.Header)
	return append(b, rev.Value...)
}

// replace keeps what e takes the place of.
func (s *State) replace(tx Tx, e *Entry, cur *stored) (kept uint32) {
	if cur == nil {
		return 0
	}
	if cur.Ver == e.Ver { // one write under another dot
		return cur.kept
	}
	rev := &Revision{Record: Record{cur.Header, cur.value}, Fate: Replaced, At: s.wall, By: e.Ver}
	return s.keep(tx, e.Key, rev, cur.kept)
}

// tooLate keeps an entry that arrived after what beats it.
func (s *State) tooLate(tx Tx, e *Entry, cur *stored) {
	if cur == nil || cur.Ver == e.Ver {
		return
	}
	rev := &Revision{Record: Record{e.Header, e.Value}, Fate: Late, At: s.wall, By: cur.Ver}
	if kept := s.keep(tx, e.Key, rev, cur.kept); kept != cur.kept {
		tx.Set(DataKey(e.Key), encodeStored(&cur.Header, kept, cur.value))
		s.spent += len(e.Key) + len(cur.value)
	}
}

// header is that of a record, nil for none.
func (r *stored) header() *Header {
	if r == nil {
		return nil
	}
	return &r.Header
}

// dropHistory forgets all revisions of a key. It walks.
func (s *State) dropHistory(tx Tx, key string) {
	var stale [][]byte
	prefix := revisionPrefix(key)
	for k := range tx.Ascend(prefix, prefixEnd(prefix)) {
		if len(k) == len(prefix)+slotBytes {
			stale = append(stale, slices.Clone(k))
		}
	}
	for _, k := range stale {
		tx.Delete(k)
	}
}

// ReadHistory reads the record of a key, nil if there is none that can be read,
// and its revisions, newest version first, each once, without their values: they may
// be many and large. Values are valid until the view ends.
func ReadHistory(r Reader, key string) (cur *Record, revs []Revision) {
	if rec, ok := DecodeRecord(r.Get(DataKey(key))); ok {
		cur = &rec
	}
	prefix := revisionPrefix(key)
	for k, v := range r.Ascend(prefix, prefixEnd(prefix)) {
		rev, ok := decodeRevision(v)
		switch n := len(k) - len(prefix); {
		case n != slotBytes && n != versionBytes, !ok:
		case cur != nil && cur.Ver == rev.Ver:
		default:
			rev.Value, rev.at = nil, bytes.Clone(k)
			revs = append(revs, rev)
		}
	}
	slices.SortStableFunc(revs, func(a, b Revision) int { return compare(b.Ver, a.Ver) })
	return cur, slices.CompactFunc(revs, func(a, b Revision) bool { return a.Ver == b.Ver })
}

// Load reads the value of a revision, in the view that it is from.
func (rev *Revision) Load(r Reader) {
	if full, ok := decodeRevision(r.Get(rev.at)); ok {
		rev.Value = full.Value
	}
}

// At finds the version that stood at a time: the newest of those that are not newer
// than it. known is false if there may have been one that is not kept.
func At(cur *Record, revs []Revision, at Millis) (stood *Revision, known bool) {
	all := revs
	if cur != nil {
		all = append([]Revision{{Record: *cur}}, revs...)
	}
	whole := true // all that is newer goes back to one that is kept
	for i := range all {
		v := &all[i]
		gap := i > 0 && Less(v.Ver, all[i-1].Base)
		switch whole = whole && !gap; {
		case v.Ver.TS > at:
		case gap && (v.Fate != Replaced || v.By.TS <= at):
			return nil, false // what took its place, or kept it from standing, is not kept
		default:
			return v, true
		}
	}
	oldest := len(all) - 1
	return nil, oldest < 0 || whole && all[oldest].Base == (Version{})
}

// decodeRevision reads what encodeRevision made; ok is false if it is damaged.
func decodeRevision(b []byte) (rev Revision, ok bool) {
	if len(b) < revisionBytes || b[0] < byte(Replaced) || b[0] > byte(Unplaced) {
		return Revision{}, false
	}
	rev.Fate, rev.At = Fate(b[0]), Millis(binary.BigEndian.Uint64(b[1:]))
	rev.By, b = decodeVersion(b[9:])
	rev.Record, ok = DecodeRecord(b)
	return rev, ok
}

func revisionPrefix(key string) []byte {
	b := append(make([]byte, 0, 2+len(key)+versionBytes), classRevision)
	return append(append(b, key...), 0)
}

func revisionKey(key string, slot uint32) []byte {
	return append(revisionPrefix(key), byte(slot>>8), byte(slot))
}

// unplacedKey is that of a revision outside of the ring.
func unplacedKey(key string, v Version) []byte { return appendVersion(revisionPrefix(key), v) }

const (
	slotBytes     = 2
	versionBytes  = 8 + 8 + 16
	revisionBytes = 1 + 8 + versionBytes + headerBytes

	// keepBytes estimates what a revision takes of a transaction beside its key and
	// its value.
	keepBytes = 400
)

// Rule is what decided between two versions.
type Rule uint8

// The rules, in the order in which they are asked; see Less.
const (
	ByTimestamp Rule = iota + 1
	ByJoined
	ByUUID
)

// String names the rule.
func (r Rule) String() string {
	return [...]string{"none", "timestamp", "joined", "uuid"}[r]
}

// Decided names the rule that decides between two versions of one key.
func Decided(a, b Version) Rule {
	switch {
	case a.TS != b.TS:
		return ByTimestamp
	case a.Joined != b.Joined:
		return ByJoined
	}
	return ByUUID
}

// Concurrent says that neither of two versions of one key was written by somebody
// who saw the other: the winner's origin replaced something older than the loser,
// and whoever has seen a version replaces nothing older. If it says no, they may
// have been concurrent still: the winner's origin may have replaced something newer
// that nobody had shown to the loser's.
func Concurrent(loser, winner *Header) bool {
	return Less(winner.Base, loser.Ver) && Less(loser.Ver, winner.Ver)
}

func compare(a, b Version) int {
	switch {
	case a == b:
		return 0
	case Less(a, b):
		return -1
	}
	return 1
}

// Conflict is one entry of the log of conflicts: two concurrent versions met here.
type Conflict struct {
	Number        uint64 // of this replica's log, from 1
	At            Millis // when they met, by this replica's clock
	Key           string
	Winner, Loser Header
}

// Rule is what decided it.
func (c *Conflict) Rule() Rule { return Decided(c.Winner.Ver, c.Loser.Ver) }

// meet notes that two versions met. Two that say the same are no conflict for
// anybody.
func (s *State) meet(tx Tx, key string, a, b *Header) {
	winner, loser := a, b
	if Less(a.Ver, b.Ver) {
		winner, loser = b, a
	}
	same := a.ValHash == b.ValHash && a.Flags&Tombstone == b.Flags&Tombstone && a.Expires == b.Expires
	if same || !Concurrent(loser, winner) {
		return
	}
	s.conflicts++
	c := Conflict{s.conflicts, s.wall, key, *winner, *loser}
	s.met = append(s.met, c)
	b8 := binary.BigEndian.AppendUint64(make([]byte, 0, 16+2*headerBytes+len(key)), c.Number)
	b8 = binary.BigEndian.AppendUint64(b8, uint64(c.At))
	b8 = append(appendHeader(appendHeader(b8, winner), loser), key...)
	tx.Set(conflictKey(c.Number), b8)
	s.spent += keepBytes + len(key)
}

// conflictKey is where number n of the log lies: the newest conflictsMax are kept.
func conflictKey(n uint64) []byte {
	slot := n % conflictsMax
	return []byte{classConflict, byte(slot >> 8), byte(slot)}
}

// ReadConflicts lists the conflicts with numbers below before, newest first, at most
// limit of them; before 0 means all.
func ReadConflicts(r Reader, before uint64, limit int) (cs []Conflict) {
	newest := loadCounts(r).conflicts
	n := newest
	if before > 0 {
		n = min(n, before-1)
	}
	for ; n > 0 && n+conflictsMax > newest && len(cs) < limit; n-- {
		if c, ok := decodeConflict(r.Get(conflictKey(n))); ok && c.Number == n {
			cs = append(cs, c)
		}
	}
	return cs
}

func decodeConflict(b []byte) (c Conflict, ok bool) {
	if len(b) < 16+2*headerBytes {
		return Conflict{}, false
	}
	c.Number, c.At = binary.BigEndian.Uint64(b), Millis(binary.BigEndian.Uint64(b[8:]))
	var oks [2]bool
	c.Winner, b, oks[0] = decodeHeader(b[16:])
	c.Loser, b, oks[1] = decodeHeader(b)
	c.Key = string(bytes.Clone(b))
	return c, oks[0] && oks[1]
}
