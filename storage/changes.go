package storage

import "kvs/statemachine/keyspace"

// Changes reads what keyspace.Changes reads, from one snapshot. Values are valid
// until visit returns.
func (s *Store) Changes(
	c *keyspace.Cursor, f *keyspace.Follow, visit func(keyspace.Change) bool,
) (p keyspace.Progress, err error) {
	err = s.reading(func(r keyspace.Reader) { p = keyspace.Changes(r, c, f, visit) })
	return p, err
}

// Lapsed visits the records that expire after from and up to to, in the order of
// those times, from one snapshot.
func (s *Store) Lapsed(from, to keyspace.Millis, visit func(keyspace.Change)) error {
	return s.reading(func(r keyspace.Reader) { keyspace.Lapsed(r, from, to, visit) })
}
