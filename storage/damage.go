package storage

import (
	"slices"
	"sync"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// A record that does not match its checksum is met by whoever reads it: a
// client's goroutine, the core's reader, or the writer in the middle of a batch.
// All of them report its key and go on without it. The writer then takes it out
// of the digest, between two batches, and tells the core, which asks other
// members for it.

// doubt is a leaf with something wrong, and the keys of records that may be.
type doubt struct {
	leaf keyspace.Leaf
	keys []string
}

// damages are the reports.
type damages struct {
	keys   chan string // to the writer
	doubts chan doubt  // the same, from the verifier

	mu sync.Mutex
	// known are the keys that were reported and not replaced since, so that each
	// is reported once however often it is read.
	known map[string]struct{}
}

// report takes note of a damaged record, from any goroutine. Indexes mend
// themselves: what they say is in the records too.
func (d *damages) report(stored []byte) {
	if !keyspace.IsData(stored) {
		return
	}
	key := keyspace.UserKey(stored)
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.known[key]; known {
		return
	}
	if d.known == nil || len(d.known) >= reportedMax {
		d.known = make(map[string]struct{})
	}
	select {
	case d.keys <- key:
		d.known[key] = struct{}{}
	default: // it will be met again
	}
}

// doubt passes on what the verifier found, if there is room; else the next pass
// finds it again.
func (d *damages) doubt(f doubt) {
	select {
	case d.doubts <- f:
	default:
	}
}

// replaced forgets records that something else has taken the place of.
func (d *damages) replaced(keys ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, key := range keys {
		delete(d.known, key)
	}
}

// quarantine takes damaged records out of the digest and tells the core.
func (s *Store) quarantine(keys ...string) {
	s.pipeline.drain()
	for _, key := range keys {
		s.state.Suspect(key)
	}
	damaged := s.state.FinishMend(s.engine.update)
	d := s.digestNow()
	s.digest.Store(&d)
	for _, key := range keys {
		if !slices.Contains(damaged, key) {
			s.damages.replaced(key) // meanwhile
		}
	}
	for _, key := range damaged {
		s.pipeline.pass(&staged{answer: statemachine.Damaged{Key: key}})
	}
}

// mend ends a batch that has replaced damaged records: it is answered once the
// digest counts what is there and nothing else.
func (s *Store) mend(c *staged, out *keyspace.Applied) {
	answer := c.answer
	c.answer = nil
	s.pipeline.pass(c)
	s.pipeline.drain()
	s.damages.replaced(s.state.SuspectKeys()...)
	s.state.FinishMend(s.engine.update)
	out.Sum, out.Live = s.state.Tree().Node(keyspace.LevelRoot, 0), s.state.Live()
	d := s.digestNow()
	s.digest.Store(&d)
	s.pipeline.pass(&staged{answer: answer})
}
