package storage

import (
	"sync"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// A record that does not match its checksum is met by whoever reads it: a
// client's goroutine, the core's reader, or the writer in the middle of a batch.
// All of them report its key and go on without it. The writer then takes it out
// of the digest, between two batches, and tells the core, which asks other
// members for it.

// damages are the reports.
type damages struct {
	keys chan string // to the writer

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

// replaced forgets records that something else has taken the place of.
func (d *damages) replaced(keys ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, key := range keys {
		delete(d.known, key)
	}
}

// quarantine takes a damaged record out of the digest and tells the core.
func (s *Store) quarantine(key string) {
	s.pipeline.drain()
	s.state.Suspect(key)
	damaged := s.state.FinishMend(s.engine.update)
	d := s.digestNow()
	s.digest.Store(&d)
	if len(damaged) == 0 {
		s.damages.replaced(key) // meanwhile
		return
	}
	s.pipeline.pass(&staged{answer: statemachine.Damaged{Key: key}})
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
