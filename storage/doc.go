// Package storage is the executor of production: it carries out the core's
// batches and reads on Badger, and serves clients' reads beside it.
//
// It owns the directory, the one durable transaction a batch, the envelope with
// the checksum around every stored value, and the rule that the first failure
// of the disk is final. It never decides what is stored or which version wins:
// that is keyspace.Apply, here as in the simulator.
//
// Two goroutines write, strictly in the order of Perform: one applies the next
// batch while the other commits the one before (pipeline.go). A third answers
// the core's reads, each from one read-only transaction, so that a long delta
// never delays a commit; only ReadDigest goes with the batches, in its turn.
// View and Range run on their callers' goroutines and wait for neither.
//
// Invariants:
//
//   - A batch is delivered as Applied only when it would survive a power cut,
//     and every read that begins afterwards sees it. Under Options.Async it would
//     survive once it is delivered as Synced (barrier.go).
//   - One batch is one Badger transaction is one sync: Badger syncs once a
//     transaction even when it writes several together, so grouping happens in
//     front of it.
//   - No value is ever in Badger's value log, whose failed syncs are only
//     logged: a stored value that would reach the threshold is cut in two.
//   - A value whose checksum does not match is never returned, and never
//     reported as missing.
//   - A damaged record stops nobody: it is left out, taken out of the digest and
//     told to the core. A damaged system record is a failure of the disk.
//   - After the first failed commit or failed background write, nothing is
//     answered any more: a failed sync leaves pages that only look clean, so only
//     a new process may go on.
package storage
