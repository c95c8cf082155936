// Package lint holds the house rules as tests, so that a breach fails the build
// of whoever commits it and not the patience of whoever reviews it.
//
// It owns the rules that a compiler and go vet do not know: which package may
// import which, what the deterministic core must not contain, how long functions
// and files may grow, what must be documented, and what must never be in the
// tree. It contains no code but tests, imports nothing of ours and nothing
// outside the standard library, and never changes a file.
//
// Invariants: a rule is a function from one source file to its findings, in a
// file of its own; each is shown to fail on a small piece of source that breaks
// it; an exception stands in a table next to its rule, with the reason, and the
// table only ever shrinks.
package lint
