package statemachine

// ring holds this node's own fresh writes for push, oldest first: one ring for
// all peers, so that memory does not grow with their number.
//
// Invariant: the entries' numbers are consecutive, and the last one is the head
// of the running stream.
type ring struct {
	entries []Entry
	ends    []uint64 // bytes ever added up to and with each entry
	start   int      // of the live part; the front is reclaimed in bulk
	total   uint64
	limit   int
}

// last is the number of the newest entry, 0 if there never was one.
func (r *ring) last() Seq {
	if len(r.entries) == 0 {
		return 0
	}
	return r.entries[len(r.entries)-1].Dot.Seq
}

// first is the number of the oldest entry still held.
func (r *ring) first() Seq {
	if len(r.entries) == 0 {
		return 1
	}
	return r.entries[r.start].Dot.Seq
}

// add appends an entry, and forgets the oldest beyond the limit.
func (r *ring) add(e Entry) {
	e.Value = e.Value[:len(e.Value):len(e.Value)]
	assertf(len(r.entries) == 0 || e.Dot.Seq == r.last()+1, "ring: %d after %d", e.Dot.Seq, r.last())
	r.total += uint64(e.Size())
	r.entries = append(r.entries, e)
	r.ends = append(r.ends, r.total)
	for r.start < len(r.entries)-1 && r.size() > uint64(r.limit) {
		r.entries[r.start] = Entry{}
		r.start++
	}
	if r.start > 1024 && r.start > len(r.entries)/2 {
		r.entries = append([]Entry(nil), r.entries[r.start:]...)
		r.ends = append([]uint64(nil), r.ends[r.start:]...)
		r.start = 0
	}
}

// size is the bytes of the entries still held.
func (r *ring) size() uint64 {
	e := &r.entries[r.start]
	return r.total - r.ends[r.start] + uint64(e.Size())
}

// from returns the entries behind number seq, at most limit of them and about
// pushBytesMax bytes.
func (r *ring) from(seq Seq, limit int) []Entry {
	i := r.start + int(seq+1-r.first())
	j, bytes := i, 0
	for j < len(r.entries) && j-i < limit {
		bytes += r.entries[j].Size()
		if j > i && bytes > pushBytesMax {
			break
		}
		j++
	}
	return append([]Entry(nil), r.entries[i:j]...)
}

// bytesBetween is the size of the entries behind number a up to number b, as
// far as they are still held.
func (r *ring) bytesBetween(a, b Seq) uint64 { return r.endOf(b) - r.endOf(a) }

func (r *ring) endOf(seq Seq) uint64 {
	if len(r.entries) == 0 || seq < r.first() {
		if len(r.entries) == 0 {
			return 0
		}
		e := &r.entries[r.start]
		return r.ends[r.start] - uint64(e.Size())
	}
	return r.ends[r.start+int(seq-r.first())]
}
