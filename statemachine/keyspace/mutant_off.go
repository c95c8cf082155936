//go:build !mutants

package keyspace

// MutantsCompiledIn says whether this build can break its rules on purpose.
const MutantsCompiledIn = false

// Is reports whether rule x is broken: never, in a build that ships.
func (m Mutant) Is(x Mutant) bool { return false }
