package storage

import "kvs/statemachine/keyspace"

// Names returns a stored key for each hash, deleted ones included, and "" for a
// hash that no stored key has.
func (s *Store) Names(hashes []keyspace.KeyHash) ([]string, error) {
	if err := s.enter(); err != nil {
		return nil, err
	}
	defer s.leave()
	s.rebuild.RLock()
	defer s.rebuild.RUnlock()
	out := make([]string, len(hashes))
	s.engine.view(func(r keyspace.Reader) {
		for i, h := range hashes {
			if keys := keyspace.KeysOf(r, h); len(keys) > 0 {
				out[i] = keys[0]
			}
		}
	})
	return out, nil
}
