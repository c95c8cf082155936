// Package sim runs whole clusters of the real core on a virtual clock, over a
// network that loses, doubles, delays and cuts, and on disks that forget what
// was not synced.
//
// It owns the world around the core: time, network, disks, clients, faults, the
// oracles that judge what comes out, and the search for the smallest run that
// fails. It never holds a second copy of a rule: hosts run statemachine.Node and
// keyspace.State, as production does. Oracles alone state the rules again, in
// their own words, because an oracle that shares the code shares the bug.
//
// Everything follows from the seed: the same seed and code give the same trace,
// on any number of processors. Nothing here reads a clock, starts a goroutine
// (swarm.go aside, which runs independent worlds side by side) or depends on
// map order.
package sim
