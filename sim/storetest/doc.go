// Package storetest is the behaviour that every store behind keyspace.Tx must
// show: production's and the simulator's run the same suite, so that what a
// simulation proves holds where it counts.
//
// It owns the suite and nothing else; it is imported by tests alone. It never
// looks behind the interfaces of keyspace, and it never asks which store it
// tests: the simulator's disk also serves as the yardstick for the others.
//
// Invariant: a test here depends on no more than keyspace.Reader, keyspace.Tx
// and the method of Store that reopens it.
package storetest
