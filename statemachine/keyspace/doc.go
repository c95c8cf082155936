// Package keyspace is the data half of the core: what a replica stores, which
// of two versions wins, and what a version vector claims.
//
// It owns the version order and the stamp of a local write, the record with its
// dot, the version vector, the digest tree, the layout of the record classes,
// and Apply, the one place where data changes: writes, merges, purges (purge.go),
// copies and rejoins (transfer.go). Apply is pure over the small Tx
// interface, so the very same code runs inside a Badger transaction and inside
// the simulator's crashable disk.
//
// It never reads a clock, draws a random number, does I/O, locks, starts a
// goroutine or depends on map order. Wall time and random bytes arrive as
// arguments.
//
// Invariants, with the numbers under which the design lists them:
//
//   - I1, the claim: if the vector of a replica contains the dot of a write,
//     then the replica's state for that key is at least that write in the
//     version order.
//   - I2: the vector is written in the transaction of the records it covers.
//   - I3: a dot is never used twice; every start draws a new epoch.
//   - I5: the claim of a delta is adopted only by a replica that holds its base,
//     and with it the floor, so that it knows what it must not take back.
//   - I6: a pushed or delta entry whose dot is in the vector is dropped.
//   - I7: a repair never brings what was purged: below the floor of a stream only
//     a record that is there can be replaced.
//   - I8: a local write beats the version it replaces, and all that was purged.
//   - The digest tree held in memory equals the one built from the records, and
//     its leaves are stored with them.
package keyspace
