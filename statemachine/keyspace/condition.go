package keyspace

import "slices"

// Match is what a client says of the version that it has seen of a key, as in
// RFC 9110 section 13.1: one of Versions, or any at all. A key that is absent,
// deleted or expired has no version.
type Match struct {
	Any      bool
	Versions []UUID
	Not      bool // the key must not match
}

// holds judges a match on the stored header of a key, nil if there is none.
func (m *Match) holds(cur *Header, now Millis) bool {
	matches := cur != nil && cur.Live(now) && (m.Any || slices.Contains(m.Versions, cur.Ver.UUID))
	return matches != m.Not
}

// unmet says that a write is not to be carried out. A condition on a record that is
// damaged can be judged by nobody.
func (w *Write) unmet(cur *Header, damaged bool, now Millis) bool {
	return slices.ContainsFunc(w.If, func(m Match) bool { return damaged || !m.holds(cur, now) })
}
