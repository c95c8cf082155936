package keyspace

import "bytes"

// How old a revision may get is each replica's own choice, like how many are kept, and
// nobody else learns of it. A version from an earlier life stays: it is all that is left
// of a write.

// Aged says that a revision was replaced, or came too late, before a time.
func (rev *Revision) Aged(before Millis) bool { return rev.Fate != Unplaced && rev.At < before }

// AgedRevisions looks at no more than limit revisions behind a stored key, nil for the
// first, and returns the stored keys of those that are aged, and the last one that it
// has looked at, nil if there are no more.
func AgedRevisions(r Reader, after []byte, before Millis, limit int) (aged [][]byte, last []byte) {
	start := []byte{classRevision}
	if after != nil {
		start = append(bytes.Clone(after), 0)
	}
	seen := 0
	for k, v := range r.Ascend(start, []byte{classRevision + 1}) {
		if seen++; seen > limit {
			return aged, last
		}
		last = append(last[:0], k...)
		if rev, ok := decodeRevision(v); ok && rev.Aged(before) {
			aged = append(aged, bytes.Clone(k))
		}
	}
	return aged, nil
}

// DropRevisions deletes those of the revisions under stored keys that are aged still: a
// newer one may have taken the place of one that was. It returns how many.
func DropRevisions(tx Tx, keys [][]byte, before Millis) (dropped int) {
	for _, k := range keys {
		if rev, ok := decodeRevision(tx.Get(k)); ok && rev.Aged(before) {
			tx.Delete(k)
			dropped++
		}
	}
	return dropped
}
