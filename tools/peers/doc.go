// Command peers compares kvs with what it is built from and with what it is measured
// against, in one run on one machine, and holds the ratios against targets.
//
// Servers, each a process of its own with durable writes:
//
//   - fixed: a fasthttp handler that answers with a fixed body.
//   - grouped: fasthttp and Badger, many writes in one synced transaction.
//   - synced: fasthttp and Badger, every write synced by itself.
//   - kvs, kvs auth: the real binary with its default settings, without tokens and with.
//   - etcd, etcd http: over gRPC, and over its gateway.
//   - nats: a JetStream key-value bucket that syncs always.
//
// It owns the rivals, the order of measurements, and the table. The load comes from
// internal/bench, in this process, for all servers alike.
//
// It reads /proc, and so runs on Linux alone.
//
// It never reports a number that was not measured in the run.
//
// Invariants:
//
//  1. Within a round every server gets the same load in turn, and a ratio is the median
//     of those within the rounds: a noisy neighbour hits both sides.
//  2. While one of the servers that stand alone is measured, the others are stopped
//     (SIGSTOP). Clusters are not: their members would suspect each other.
//  3. A measurement with a failed request ends the run.
//  4. Nothing listens beyond loopback, and no process outlives the run.
package main
