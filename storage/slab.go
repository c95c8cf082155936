package storage

// slab hands out memory that lives as long as anybody refers to it, a chunk at
// a time, so that a batch costs an allocation a chunk and not one a value.
type slab struct{ free []byte }

// take returns n bytes that nobody else has.
func (s *slab) take(n int) []byte {
	if n > slabBytes/4 {
		return make([]byte, n)
	}
	if n > len(s.free) {
		s.free = make([]byte, slabBytes)
	}
	b := s.free[:n:n]
	s.free = s.free[n:]
	return b
}

// copyOf returns a copy of b.
func (s *slab) copyOf(b []byte) []byte {
	c := s.take(len(b))
	copy(c, b)
	return c
}
