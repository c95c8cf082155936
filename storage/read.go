package storage

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"kvs/statemachine/keyspace"
)

// View reads one record, tombstones included, and calls fn with it if there is
// one. The record's value is valid until fn returns. A record whose checksum
// does not match is ErrDamaged.
func (s *Store) View(key string, fn func(keyspace.Record)) (found bool, err error) {
	if err := s.enter(); err != nil {
		return false, err
	}
	defer s.leave()
	buf := s.keys.Get().(*[]byte)
	defer s.keys.Put(buf)
	*buf = append(append((*buf)[:0], s.dataPrefix...), key...)
	r := reader{txn: s.engine.db.NewTransaction(false), report: s.engine.report}
	defer r.txn.Discard()
	item, err := r.txn.Get(*buf)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read key %q: %w", key, err)
	}
	err = item.Value(func(stored []byte) error {
		scratch := new([]byte)
		if len(stored) > 0 && isSmall(stored[0]) {
			scratch = scratches.Get().(*[]byte)
			defer returnScratch(scratch)
		}
		rec, err := r.record(*buf, stored, scratch)
		if err != nil {
			r.report(*buf)
			return err
		}
		fn(rec)
		return nil
	})
	return err == nil, err
}

// Range is a Walk forwards that never leaps.
func (s *Store) Range(start, end string, fn func(key string, rec keyspace.Record) bool) error {
	return s.Walk(Walk{Start: start, End: end}, func(key string, rec keyspace.Record) (string, bool) {
		return "", fn(key, rec)
	})
}

// record opens and decodes the envelope of a user's record. It is valid until the
// scratch is used again.
func (r *reader) record(key, stored []byte, scratch *[]byte) (keyspace.Record, error) {
	payload, err := r.unseal(key, stored, *scratch)
	if err != nil {
		return keyspace.Record{}, err
	}
	if isSmall(stored[0]) {
		*scratch = payload
	}
	rec, ok := keyspace.DecodeRecord(payload)
	if !ok {
		return keyspace.Record{}, damaged(key)
	}
	return rec, nil
}
