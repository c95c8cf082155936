// Package server runs one node: it opens the store, the transport and the HTTP
// API, and drives the core between them.
//
// It owns the life cycle (what is opened in which order, and what stops first),
// the driver loop, which is the only goroutine that touches a
// statemachine.Node, and the words in which events reach the log. It never
// makes a decision of the protocol and never reads or writes a record itself.
//
// Invariants:
//
//   - Every client write that entered the driver is answered: by the core, or
//     with httpapi.ErrClosed when the node stops.
//   - The first failure of the disk stops the node; Done reports it.
//   - What Start opened is closed in the reverse order, also when Start fails
//     half-way.
package server
