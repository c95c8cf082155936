package storage

import (
	"bytes"
	"runtime"

	"kvs/statemachine/keyspace"
)

// Walk is one pass over the records with Start <= key < End. An empty End means no
// bound.
type Walk struct {
	Start, End string
	Back       bool // from the last record to the first
}

// Walk calls fn for the records of w in their order, tombstones included, until more
// is false. A leap that is not empty spares fn what lies between: it goes on with the
// first key from leap on or, backwards, with the last one before leap, at the price of
// one search. All records come from one snapshot, and a value is valid until fn
// returns. The caller bounds the work: it counts what fn sees. The first record whose
// checksum does not match ends the walk with ErrDamaged.
func (s *Store) Walk(w Walk, fn func(key string, rec keyspace.Record) (leap string, more bool)) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	r := reader{txn: s.engine.db.NewTransaction(false), report: s.engine.report}
	defer r.txn.Discard()
	start, end := keyspace.DataKey(w.Start), keyspace.DataEnd()
	if w.End != "" {
		end = keyspace.DataKey(w.End)
	}
	if bytes.Compare(start, end) >= 0 {
		return nil
	}
	var c *cursor
	if prefix := commonPrefix(start, end); w.Back {
		c = r.cursorBefore(end, prefix)
	} else {
		c = r.cursorAt(start, prefix)
	}
	defer c.it.Close()
	for seen := 1; c.it.Valid() && c.within(start, end); seen++ {
		if seen%yieldEvery == 0 {
			runtime.Gosched() // a long read must not keep clients from the processor
		}
		leap, more := "", true
		if !c.it.Item().IsDeletedOrExpired() {
			payload, err := r.payload(c.it.Item())
			if err != nil {
				return err
			}
			rec, ok := keyspace.DecodeRecord(payload)
			if !ok {
				return damaged(c.it.Item().Key())
			}
			leap, more = fn(keyspace.UserKey(c.it.Item().Key()), rec)
		}
		switch {
		case !more:
			return nil
		case leap != "":
			c.leap(keyspace.DataKey(leap))
		default:
			c.next()
		}
	}
	return nil
}

// within says that a cursor has not left a range at its far end.
func (c *cursor) within(start, end []byte) bool {
	if c.back {
		return bytes.Compare(c.key, start) >= 0
	}
	return bytes.Compare(c.key, end) < 0
}
