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
		rec, err := r.record(*buf, stored)
		if err != nil {
			r.report(*buf)
			return err
		}
		fn(rec)
		return nil
	})
	return err == nil, err
}

// Range calls fn for the records with start <= key < end in key order,
// tombstones included, until it returns false. An empty end means no bound. All
// come from one snapshot. The record's value is valid until fn returns. The
// caller bounds the work: it counts what fn sees, and goes on later from the
// last key with a zero byte behind it. The first record whose checksum does not
// match ends the range with ErrDamaged.
func (s *Store) Range(start, end string, fn func(key string, rec keyspace.Record) bool) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	r := reader{txn: s.engine.db.NewTransaction(false), report: s.engine.report}
	defer r.txn.Discard()
	bound := keyspace.DataEnd()
	if end != "" {
		bound = keyspace.DataKey(end)
	}
	var malformed error
	err := r.each(keyspace.DataKey(start), bound, func(key, payload []byte) bool {
		rec, ok := keyspace.DecodeRecord(payload)
		if !ok {
			malformed = damaged(key)
			return false
		}
		return fn(keyspace.UserKey(key), rec)
	})
	return errors.Join(err, malformed)
}

// record opens and decodes the envelope of a user's record.
func (r *reader) record(key, stored []byte) (keyspace.Record, error) {
	payload, err := r.unseal(key, stored)
	if err != nil {
		return keyspace.Record{}, err
	}
	rec, ok := keyspace.DecodeRecord(payload)
	if !ok {
		return keyspace.Record{}, damaged(key)
	}
	return rec, nil
}
