package storage

import (
	"fmt"

	"kvs/statemachine/keyspace"
)

// What a store needs now and then. Nothing here runs by itself: its owner knows when
// there is time and room for it.

const (
	// agedLook bounds the revisions that one view looks at for those that are aged, and
	// the deletes of one transaction.
	agedLook = 1024

	// compactMin is the least size of the upper levels that is worth a compaction.
	compactMin = 8 << 20
	// compactPart is which part of the lowest level the upper ones have to reach. Of
	// what lies there twice, or deleted, that much may go; and since level zero does not
	// grow beyond levelZeroTables tables, a store of over some 400 MB, which a compaction
	// would take long for, does not get there.
	compactPart = 4
)

// aging asks the writer to drop revisions.
type aging struct {
	keys    [][]byte
	before  keyspace.Millis
	dropped chan int
}

// ForgetRevisions drops the revisions that were replaced, or came too late, before a
// time, a page at a time between other writes, and returns how many. It ends early when
// the store closes or fails, and by an error then.
func (s *Store) ForgetRevisions(before keyspace.Millis) (dropped int, err error) {
	var after []byte
	for more := true; more; more = after != nil {
		var keys [][]byte
		err := s.reading(func(r keyspace.Reader) { keys, after = keyspace.AgedRevisions(r, after, before, agedLook) })
		if err != nil {
			return dropped, err
		}
		if len(keys) == 0 {
			continue
		}
		a := aging{keys, before, make(chan int, 1)}
		select {
		case s.agings <- a:
		case <-s.quit:
			return dropped, ErrClosed
		}
		select {
		case n := <-a.dropped:
			dropped += n
		case <-s.quit:
			return dropped, ErrClosed
		}
	}
	return dropped, nil
}

// age is the writer's part of ForgetRevisions.
func (s *Store) age(a aging) {
	s.pipeline.drain()
	n := 0
	s.engine.update(func(tx keyspace.Tx) { n = keyspace.DropRevisions(tx, a.keys, a.before) })
	a.dropped <- n
}

// Compactable is how many bytes Compact would write anew, 0 if it is not worth it.
func (s *Store) Compactable() (bytes int64, err error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.leave()
	if upper, lowest := s.engine.levels(); worthCompacting(upper, lowest) {
		bytes = upper + lowest
	}
	return bytes, nil
}

// worthCompacting judges by the sizes of the lowest level and of all above it. With
// nothing below level zero Badger does nothing.
func worthCompacting(upper, lowest int64) bool {
	return lowest > 0 && upper >= max(compactMin, lowest/compactPart)
}

// Compact moves all into the lowest level, which drops what was overwritten and
// deleted, and returns by how many bytes the store has shrunk. Writers go on meanwhile,
// on a disk that is busy; Close waits for it. The disk needs room for what Compactable
// says.
func (s *Store) Compact() (freed int64, err error) {
	if err := s.enter(); err != nil {
		return 0, err
	}
	defer s.leave()
	return s.engine.compact()
}

func (e *engine) compact() (freed int64, err error) {
	upper, lowest := e.levels()
	if err := e.db.Flatten(1); err != nil {
		return 0, fmt.Errorf("compact the store: %w", err)
	}
	is, also := e.levels()
	return max(0, upper+lowest-is-also), nil
}

// levels is the size of the lowest level that holds anything, and of all above it.
// Tables of level zero overlap, so it is always one above.
func (e *engine) levels() (upper, lowest int64) {
	for _, l := range e.db.Levels() {
		switch {
		case l.Level == 0:
			upper = l.Size
		case l.Size > 0:
			upper, lowest = upper+lowest, l.Size
		}
	}
	return upper, lowest
}
