//go:build mutants

package keyspace

// MutantsCompiledIn says whether this build can break its rules on purpose.
const MutantsCompiledIn = true

// Is reports whether rule x is broken in this run.
func (m Mutant) Is(x Mutant) bool { return m == x }
