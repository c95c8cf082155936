package storage

import "time"

// Sizes are the bytes that the files of a store take.
type Sizes struct{ Tree, Log int64 }

// Sizes returns what Badger found at its last look, which is at most a minute old.
func (s *Store) Sizes() (Sizes, error) {
	if err := s.enter(); err != nil {
		return Sizes{}, err
	}
	defer s.leave()
	tree, log := s.engine.db.Size()
	return Sizes{tree, log}, nil
}

// Commits is how many transactions of batches were committed since the store was opened.
func (s *Store) Commits() uint64 { return s.commits.Load() }

// committed tells how long a commit took, and of how much.
func (s *Store) committed(records int, began time.Time) {
	s.commits.Add(1)
	if s.measure != nil {
		s.measure(records, time.Since(began))
	}
}
