//go:build mutants

package keyspace

// is reports whether rule x is broken in this run.
func (m Mutant) is(x Mutant) bool { return m == x }
