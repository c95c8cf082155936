package keyspace

import "encoding/binary"

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
	Last    Dot  // the cursor for the next page
	Done    bool // nothing follows
	VV      VV   // of the view that was read
}

// ReadDots collects the entries whose dots are not in the vector not, in the
// order of their dots, behind the dot after. A page holds at most entriesMax
// entries and about bytesMax bytes, but at least one entry if there is any.
func ReadDots(r Reader, not VV, after Dot, entriesMax, bytesMax int) Page {
	p := Page{VV: LoadVV(r), Last: after}
	bytes := 0
	for _, set := range p.VV.Beyond(not) {
		for _, run := range set.Ranges {
			from, to := Dot{set.Stream, run.From}, Dot{set.Stream, run.To}
			if to.Compare(after) <= 0 {
				continue
			}
			if from.Compare(after) <= 0 {
				from.Seq = after.Seq + 1
			}
			end := Dot{to.Stream, to.Seq + 1}
			for dk, key := range r.Ascend(dotKey(from), dotKey(end)) {
				e := readEntry(r, string(key))
				if len(p.Entries) > 0 && (len(p.Entries) >= entriesMax || bytes+e.Size() > bytesMax) {
					return p
				}
				p.Entries = append(p.Entries, e)
				p.Last = dotOf(dk)
				bytes += e.Size()
			}
		}
	}
	p.Done = true
	return p
}

// readEntry reads the record that an index points to, with a value of its own.
func readEntry(r Reader, key string) Entry {
	rec, ok := DecodeRecord(r.Get(DataKey(key)))
	assertStored(ok, "record of "+key)
	e := Entry{Key: key, Header: rec.Header}
	if !rec.Tombstone() {
		e.Value = append([]byte{}, rec.Value...)
	}
	return e
}

// LeafItem is one record in the listing of a leaf.
type LeafItem struct {
	Key       KeyHash
	Digest    uint64 // the first half of the record's digest
	Tombstone bool
}

// ReadLeaf lists the records of one leaf, tombstones included, in the order of
// their key hashes; at most LeafItemsMax of them.
func ReadLeaf(r Reader, h *Hasher, leaf Leaf) []LeafItem {
	var out []LeafItem
	start := hashPrefix(KeyHash(leaf) << (64 - leafBits))
	end := hashPrefix(KeyHash(leaf+1) << (64 - leafBits))
	if leaf == LeafCount-1 {
		end = []byte{classHash + 1}
	}
	for k, v := range r.Ascend(start, end) {
		if len(out) == LeafItemsMax {
			break
		}
		hd, _, ok := decodeHeader(v)
		assertStored(ok, "header of "+string(k[9:]))
		out = append(out, LeafItem{
			Key:       KeyHash(binary.BigEndian.Uint64(k[1:])),
			Digest:    h.Record(string(k[9:]), &hd).Hi,
			Tombstone: hd.Tombstone(),
		})
	}
	return out
}

// ReadRecords returns the records with the given key hashes, in that order, up
// to about bytesMax bytes, but at least one if there is any.
func ReadRecords(r Reader, hashes []KeyHash, bytesMax int) []Entry {
	var out []Entry
	bytes := 0
	for _, kh := range hashes {
		prefix := hashPrefix(kh)
		for k := range r.Ascend(prefix, prefixEnd(prefix)) {
			e := readEntry(r, string(k[9:]))
			if len(out) > 0 && bytes+e.Size() > bytesMax {
				return out
			}
			out = append(out, e)
			bytes += e.Size()
		}
	}
	return out
}
