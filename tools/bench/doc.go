// Command bench compares a node of kvs with a bare fasthttp + Badger handler,
// in one run on one machine: durable PUT and GET at several numbers of
// connections, in rounds that take turns, so that a noisy neighbour hits all
// alike. It prints the medians as a Markdown table, with the machine's name.
//
// Servers:
//
//   - kvs: the real binary, all indexes, digest and replication machinery on.
//   - bare: a handler that commits and syncs every request by itself.
//   - grouped: a handler that commits many requests in one synced transaction.
//
// It never judges: targets are for people to compare with.
package main
