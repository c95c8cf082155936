package keyspace

import (
	"encoding/binary"
	"iter"
)

// Record is one stored record as a reader sees it.
type Record struct {
	Header
	Value []byte // valid until the view ends
}

// DecodeRecord reads the stored value of a DataKey. ok is false if it is
// malformed.
func DecodeRecord(b []byte) (rec Record, ok bool) {
	rec.Header, rec.Value, ok = decodeHeader(b)
	return rec, ok
}

// Page is a part of the answer to a delta: entries whose dots the asker lacks.
type Page struct {
	Entries []Entry
	Last    Dot    // the cursor for the next page
	Done    bool   // nothing follows
	Holes   bool   // some records are damaged: no claim can be made of what is here
	VV      VV     // of the view that was read
	Voids   VV     // the part of VV that nobody has
	Floor   VV     // what had been purged then
	Stamps  Millis // and the greatest timestamp of that
	Lapsed  Millis // and the latest expiry
	Changes uint64 // pages with one number, not 0, come from the same store
}

// ReadDots collects the stored entries whose dots are not in the vector not,
// in the order of their dots, behind the dot after. A page holds at most
// entriesMax entries and about bytesMax bytes, but at least one entry if there
// is any. It sends what is stored whether or not its dot is claimed: an entry
// that replaced a claimed one must reach whoever takes over the claim.
func ReadDots(r Reader, not VV, after Dot, entriesMax, bytesMax int) Page {
	p := Page{VV: LoadVV(r), Voids: loadVectors(r, keyVoids), Floor: loadFloor(r), Stamps: loadStamps(r), Lapsed: loadLapsed(r), Changes: loadCounts(r).changes, Last: after}
	bytes := 0
	for dot, key := range dotsBeyond(r, not, Dot{after.Stream, min(after.Seq, seqMax) + 1}) {
		e, ok := readEntry(r, key)
		if !ok || e.Dot != dot {
			p.Holes = true
		}
		if !ok {
			p.Last = dot
			continue
		}
		if n := len(p.Entries); n > 0 && (n >= entriesMax || bytes+e.Size() > bytesMax) {
			return p
		}
		p.Entries = append(p.Entries, e)
		p.Last = dot
		bytes += e.Size()
	}
	p.Done = true
	return p
}

// dotsBeyond walks the dot index from a dot on and leaps over the runs that are
// in not.
func dotsBeyond(r Reader, not VV, from Dot) iter.Seq2[Dot, string] {
	return func(yield func(Dot, string) bool) {
		for leap := true; leap; {
			leap = false
			for dk, key := range r.Ascend(dotKey(from), []byte{classDot + 1}) {
				dot := dotOf(dk)
				if end := not.Reach(dot.Stream, dot.Seq-1); end >= dot.Seq {
					from, leap = Dot{dot.Stream, end + 1}, true
					break
				}
				if !yield(dot, string(key)) {
					return
				}
			}
		}
	}
}

// readEntry reads the record that an index points to, with a value of its own.
// ok is false if the record is damaged, or the index points to nothing.
func readEntry(r Reader, key string) (e Entry, ok bool) {
	stored := r.Get(DataKey(key))
	if stored == nil || IsDamaged(stored) {
		return Entry{}, false
	}
	rec, ok := DecodeRecord(stored)
	assertStored(ok, "record of "+key)
	e = Entry{Key: key, Header: rec.Header}
	if !rec.Tombstone() {
		e.Value = append([]byte{}, rec.Value...)
	}
	return e, true
}

// ReadKey returns the record of one key, a tombstone too, or none if there is
// none. damaged says that there is one that cannot be read.
func ReadKey(r Reader, key string) (es []Entry, damaged bool) {
	switch stored := r.Get(DataKey(key)); {
	case stored == nil:
		return nil, false
	case IsDamaged(stored):
		return nil, true
	}
	e, ok := readEntry(r, key)
	assertf(ok, "no record of %s", key)
	return []Entry{e}, false
}

// LeafItem is one record in the listing of a leaf.
type LeafItem struct {
	Key    KeyHash
	Digest uint64 // the first half of the record's digest
	Hidden bool   // deleted, or expired by the minute that was asked about: in no sum
}

// ReadLeaf lists the records of one leaf, hidden ones included, in the order of
// their key hashes, as of the end of a minute; at most LeafItemsMax of them. It
// leaves out damaged ones.
func ReadLeaf(r Reader, h *Hasher, leaf Leaf, asOf Minute) []LeafItem {
	var out []LeafItem
	for kh, key := range leafKeys(r, leaf) {
		if len(out) == LeafItemsMax {
			break
		}
		stored := r.Get(DataKey(key))
		if stored == nil || IsDamaged(stored) {
			continue
		}
		rec, ok := DecodeRecord(stored)
		assertStored(ok, "record of "+key)
		out = append(out, LeafItem{
			Key:    kh,
			Digest: h.Record(key, &rec.Header).Hi,
			Hidden: rec.Tombstone() || rec.Expires != 0 && minuteOf(rec.Expires) <= asOf,
		})
	}
	return out
}

// leafKeys walks the keys of one leaf that have a record.
func leafKeys(r Reader, leaf Leaf) iter.Seq2[KeyHash, string] {
	start := hashPrefix(KeyHash(leaf) << (64 - leafBits))
	end := hashPrefix(KeyHash(leaf+1) << (64 - leafBits))
	if leaf == LeafCount-1 {
		end = []byte{classHash + 1}
	}
	return func(yield func(KeyHash, string) bool) {
		for k := range r.Ascend(start, end) {
			if !yield(KeyHash(binary.BigEndian.Uint64(k[1:])), string(k[9:])) {
				return
			}
		}
	}
}

// ReadRecords returns the records with the given key hashes, in that order: at
// most entriesMax of them and about bytesMax bytes, but at least one if there is
// any. It leaves out damaged ones.
func ReadRecords(r Reader, hashes []KeyHash, entriesMax, bytesMax int) []Entry {
	var out []Entry
	bytes := 0
	for _, kh := range hashes {
		prefix := hashPrefix(kh)
		for k := range r.Ascend(prefix, prefixEnd(prefix)) {
			e, ok := readEntry(r, string(k[9:]))
			if !ok {
				continue
			}
			if n := len(out); n > 0 && (n >= entriesMax || bytes+e.Size() > bytesMax) {
				return out
			}
			out = append(out, e)
			bytes += e.Size()
		}
	}
	return out
}
