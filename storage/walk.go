package storage

import (
	"bytes"
	"errors"
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
	sp := span{keyspace.DataKey(w.Start), keyspace.DataEnd(), w.Back}
	if w.End != "" {
		sp.end = keyspace.DataKey(w.End)
	}
	var malformed error
	err := r.walk(sp, func(key, payload []byte) (leap []byte, more bool) {
		rec, ok := keyspace.DecodeRecord(payload)
		if !ok {
			malformed = damaged(key)
			return nil, false
		}
		to, more := fn(keyspace.UserKey(key), rec)
		if to != "" {
			leap = keyspace.DataKey(to)
		}
		return leap, more
	})
	return errors.Join(err, malformed)
}

// span is a range of stored keys, and the direction to walk it in.
type span struct {
	start, end []byte // end is exclusive
	back       bool
}

// walk is Walk on stored records. What it hands over is valid until fn returns.
func (r *reader) walk(sp span, fn func(key, payload []byte) (leap []byte, more bool)) error {
	if bytes.Compare(sp.start, sp.end) >= 0 {
		return nil
	}
	var c *cursor
	if prefix := commonPrefix(sp.start, sp.end); sp.back {
		c = r.cursorBefore(sp.end, prefix)
	} else {
		c = r.cursorAt(sp.start, prefix)
	}
	defer c.it.Close()
	scratch := scratches.Get().(*[]byte)
	defer returnScratch(scratch)
	for seen := 1; c.it.Valid() && c.within(sp); seen++ {
		if seen%yieldEvery == 0 {
			runtime.Gosched() // a long read must not keep clients from the processor
		}
		var leap []byte
		more := true
		if !c.it.Item().IsDeletedOrExpired() {
			payload, err := r.payload(c.it.Item(), scratch)
			if err != nil {
				return err
			}
			leap, more = fn(c.it.Item().Key(), payload)
		}
		switch {
		case !more:
			return nil
		case leap != nil:
			c.leap(leap)
		default:
			c.next()
		}
	}
	return nil
}

// within says that a cursor has not left a span at its far end.
func (c *cursor) within(sp span) bool {
	if sp.back {
		return bytes.Compare(c.key, sp.start) >= 0
	}
	return bytes.Compare(c.key, sp.end) < 0
}
