package storage

import (
	"errors"

	"kvs/statemachine/keyspace"
)

// Place is where a record stands in the order of timestamps. The zero place is the
// first of all.
type Place struct {
	TS  keyspace.Millis
	Key string
}

// Recent calls fn for users' records with from <= place < until in the order of their
// timestamps, backwards if back is the order, until it returns false. An until of zero
// means no bound. Tombstones are not among them. All come from one snapshot. The
// caller bounds the work, as with Walk.
func (s *Store) Recent(from, until Place, order Order, fn func(key string, rec keyspace.Record) bool) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	r := reader{txn: s.engine.db.NewTransaction(false), report: s.engine.report}
	defer r.txn.Discard()
	sp := span{keyspace.TimeKey(from.TS, from.Key), keyspace.TimeEnd(), order == NewestFirst}
	if until != (Place{}) {
		sp.end = keyspace.TimeKey(until.TS, until.Key)
	}
	scratch := scratches.Get().(*[]byte)
	defer returnScratch(scratch)
	var failed error
	err := r.walk(sp, func(timeKey, _ []byte) (leap []byte, more bool) {
		ts, key, ok := keyspace.TimePlace(timeKey)
		if !ok {
			return nil, true
		}
		data := keyspace.DataKey(key)
		stored, err := r.stored(data)
		if stored == nil || err != nil {
			failed = err
			return nil, err == nil
		}
		rec, err := r.record(data, stored, scratch)
		if err != nil {
			r.report(data)
			failed = err
			return nil, false
		}
		if rec.Ver.TS != ts {
			return nil, true // the record behind the index was damaged, and is another
		}
		return nil, fn(key, rec)
	})
	return errors.Join(err, failed)
}

// Order is the order of a walk by time.
type Order uint8

// The two orders.
const (
	OldestFirst Order = iota
	NewestFirst
)
