package storage

import (
	"bytes"

	"github.com/dgraph-io/badger/v4"
)

// olderMax is how many older versions of a key a cursor walks over before it
// seeks. A step is cheaper than a seek, but copies the older value.
const olderMax = 2

// cursor walks the newest versions of keys. Badger keeps the older ones until a
// compaction drops them, and its own iterator reads them all: a record that
// every batch replaces, like the vector, cost 4 ms to walk over after 30,000
// batches. The cursor asks for all versions and seeks past the older ones. So
// it also sees deletes, which its caller skips.
//
// Values are not prefetched: they lie beside their keys, and Badger prefetches
// by starting a goroutine for every one.
type cursor struct {
	it   *badger.Iterator
	key  []byte // where it is, a copy
	seek []byte // scratch
	back bool   // from the greatest key to the smallest
}

// cursorAt returns a cursor on the first key from start on, among the keys that
// begin with prefix. The caller closes its iterator.
func (r *reader) cursorAt(start, prefix []byte) *cursor {
	c := &cursor{it: r.txn.NewIterator(badger.IteratorOptions{Prefix: prefix, AllVersions: true})}
	c.it.Seek(start)
	c.arrive()
	return c
}

// cursorBefore returns a cursor that walks backwards, from the last key before end
// on. Against its order Badger meets the oldest version of a key first, so this one
// leaves the versions to Badger's iterator: a key that was replaced a thousand times
// since the last compaction costs 0.1 ms to walk over.
func (r *reader) cursorBefore(end, prefix []byte) *cursor {
	c := &cursor{it: r.txn.NewIterator(badger.IteratorOptions{Prefix: prefix, Reverse: true}), back: true}
	c.leap(end)
	return c
}

// leap moves to the first key from to on or, backwards, to the last one before it.
func (c *cursor) leap(to []byte) {
	if c.back {
		c.seek = appendBefore(c.seek[:0], to)
		to = c.seek
	}
	c.it.Seek(to)
	c.arrive()
}

// appendBefore appends a text that no key of a record lies behind that is smaller than
// key: such keys are UTF-8 behind their class, so that none has a byte 0xff.
func appendBefore(dst, key []byte) []byte {
	dst = append(dst, key...)
	last := len(dst) - 1
	if dst[last] == 0 {
		return dst[:last]
	}
	dst[last]--
	return append(dst, 0xff)
}

// next moves to the newest version of the next key.
func (c *cursor) next() {
	c.it.Next()
	if c.back {
		c.arrive()
		return
	}
	for older := 0; c.it.Valid() && bytes.Equal(c.it.Item().Key(), c.key); older++ {
		if older < olderMax {
			c.it.Next()
			continue
		}
		c.seek = append(append(c.seek[:0], c.key...), 0) // the smallest key behind
		c.it.Seek(c.seek)
	}
	c.arrive()
}

func (c *cursor) arrive() {
	if c.it.Valid() {
		c.key = append(c.key[:0], c.it.Item().Key()...)
	}
}
