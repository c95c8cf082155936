// Package disk is the simulator's disk: an ordered store in memory behind the
// same keyspace.Tx as production's, which can lose what was not synced.
//
// It owns the difference between committed and durable. It never decides what
// is stored: that is keyspace.Apply, here as in production.
package disk
