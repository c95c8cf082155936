// Package metrics names what a node measures, counts it on the hot path, and
// shows it in the text format of Prometheus.
//
// It owns the catalogue: one table of names, types, labels and help, from which
// the registry is made and against which docs/metrics.md, the alerts and the
// dashboard in contrib are tested. It never reads a clock, a store or a peer:
// those who have the numbers hand them over.
//
// Invariants:
//
//   - Nothing on the path of a request takes a lock or allocates, once its route
//     has been served before: series are found by atomic pointers.
//   - No label holds a key, a token, an address or a user: labels are routes,
//     methods, classes, kinds and node_ids of members.
//   - A metric that is not in the catalogue is never shown; Check names it.
package metrics
