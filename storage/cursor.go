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
}

// cursorAt returns a cursor on the first key from start on, among the keys that
// begin with prefix. The caller closes its iterator.
func (r *reader) cursorAt(start, prefix []byte) *cursor {
	c := &cursor{it: r.txn.NewIterator(badger.IteratorOptions{Prefix: prefix, AllVersions: true})}
	c.it.Seek(start)
	c.arrive()
	return c
}

// next moves to the newest version of the next key.
func (c *cursor) next() {
	c.it.Next()
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
