package storage

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// History reads the record of a key, nil if there is none that can be read, and the
// versions of it that stand no more, newest first, without those that had been replaced
// before a time. They are the caller's. It loads the values of those that want says yes to.
func (s *Store) History(
	key string, before keyspace.Millis, want func(i int, rev *keyspace.Revision) bool,
) (cur *keyspace.Record, revs []keyspace.Revision, err error) {
	err = s.reading(func(r keyspace.Reader) {
		cur, revs = keyspace.ReadHistory(r, key)
		revs = slices.DeleteFunc(revs, func(rev keyspace.Revision) bool { return rev.Aged(before) })
		for i := range revs {
			if want(i, &revs[i]) {
				revs[i].Load(r)
			}
		}
	})
	return cur, revs, err
}

// Conflicts lists what keyspace.ReadConflicts reads.
func (s *Store) Conflicts(before uint64, limit int) (cs []keyspace.Conflict, err error) {
	err = s.reading(func(r keyspace.Reader) { cs = keyspace.ReadConflicts(r, before, limit) })
	return cs, err
}

// reading lets fn read one snapshot of the store.
func (s *Store) reading(fn func(keyspace.Reader)) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	return guard(func() { s.engine.view(fn) })
}
