package storage

import (
	"errors"

	"kvs/statemachine/keyspace"
)

// ErrNotWhole says that a store lacks records which it claims, or still takes over those
// of its cluster: no copy can be made of it.
var ErrNotWhole = errors.New("the store has not got all records that it should have")

// Export hands over a whole copy of the store as it is now, from one snapshot: first
// whose it is and what the copy may claim, then the records in the order of their keys,
// tombstones and the system's own among them. A value is valid until visit returns. It
// ends with the first error of begin or visit, or with ErrDamaged.
//
// While it runs Close waits for it, and Badger keeps what is replaced or deleted
// meanwhile, until the compaction after.
func (s *Store) Export(begin func(keyspace.Identity, keyspace.Claim) error, visit func(keyspace.Entry) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	r := reader{txn: s.engine.db.NewTransaction(false), report: s.engine.report}
	defer r.txn.Discard()
	var id keyspace.Identity
	var claim keyspace.Claim
	whole := false
	if err := guard(func() { id, claim, whole = keyspace.ReadClaim(&r) }); err != nil {
		return err
	}
	if !whole {
		return ErrNotWhole
	}
	if err := begin(id, claim); err != nil {
		return err
	}
	var stopped error
	err := r.walk(span{keyspace.DataKey(""), keyspace.DataEnd(), false}, func(key, payload []byte) ([]byte, bool) {
		rec, ok := keyspace.DecodeRecord(payload)
		if !ok {
			stopped = damaged(key)
			return nil, false
		}
		stopped = visit(keyspace.Entry{Key: keyspace.UserKey(key), Header: rec.Header, Value: rec.Value})
		return nil, stopped == nil
	})
	return errors.Join(err, stopped)
}
