// Package statemachine is the protocol: how replicas find each other, push
// fresh writes, fetch what they miss, and check that they are equal.
//
// It is a pure, tick-driven state machine. Step takes the time and one Input
// and returns Effects; nothing else goes in or out. Production drives it from
// internal/server over QUIC and Badger, the simulator from package sim over a
// virtual clock, a lossy network and a crashable disk.
//
// # Duties of the shell
//
//  1. Call Step from one goroutine, with Mono never going back.
//  2. Carry out the effects in order before the next Step. The slice and what
//     it holds belong to the node again afterwards, apart from messages,
//     batches and results, which nobody changes any more.
//  3. Tick when Mono reaches Deadline. An earlier Tick does nothing.
//  4. Answer each Apply with Applied, in order, once it is durable; under
//     Config.Async once it is committed, and say with Synced what is durable. Answer
//     each StoreRead with what Answer returns, exactly once. A batch that fails ends
//     the process: Restored then tells the next run what survived.
//  5. Try each Send once. Dropping is fine, blocking is not, and a write to a
//     socket that returned proves nothing.
//  6. Report connections as PeerUp and PeerDown in turn, and messages only in
//     between. Hello.Replica is what the peer's certificate proves.
//
// # What it never does
//
// No clock, goroutine, channel, lock, float, I/O, log line or error return, and
// no order that comes from a map. It never touches data: every change is a
// keyspace.Batch, and every read an effect.
//
// # The layers
//
//   - push.go (L1): the origin streams its fresh writes to every peer, or with
//     many peers along a tree of relays (tree.go).
//   - delta.go (L2): once a second peers compare vectors; who misses something
//     fetches exactly the entries whose dots it lacks.
//   - scrub.go (L3): peers compare digest trees, which prove or disprove what
//     the vectors claim; descend.go and exchange.go are its steps, visitors.go
//     answers them.
//   - copy.go (L4): a replica that has nothing, or lost its place, takes over a
//     copy of everything; source.go serves it, lookup.go reads through to it.
//   - members.go, dial.go, hello.go: who is there, and on what terms.
//   - roster.go, fence.go: whom deletes wait for, and who is kept out.
//   - durable.go: what a crash cannot take, which others may build on.
//   - report.go, collect.go: what all durably have, and what may be forgotten.
//   - void.go, retire.go: what became of streams that nobody writes any more.
//   - probe.go, suspicion.go, reach.go: who can be reached, in seconds.
//
// # Invariants
//
//   - The vector in Node mirrors that of the store: it may lag, and never leads. What
//     it says as durable (durable.go), a crash takes from nobody.
//   - A record is forgotten only inside the frontier (I10): once the durable
//     report of every replica of the roster counts, and a report counts once the
//     own vector includes it. Under a pin nothing is forgotten.
//   - Nothing is taken from a replica that has left or was evicted, nor from an
//     older start than is known (I9), nor from one that lacks what was purged here.
//   - Every client request gets exactly one Respond, and a write that is not
//     refused only after its batch is Applied.
//   - Every queue, table and message has a bound in limits.go.
package statemachine
