// Package bench puts load on a server and says how it answers.
//
// It owns the timing of requests, the choice of keys, the histograms of latencies and
// the counts of what went wrong; and a client of a node for the workloads of kvs bench.
// Other servers are put under the same load by a Request of their own.
//
// It never judges a measurement, and prints nothing.
//
// Invariants:
//
//  1. With a rate, requests have a time at which they are meant to start, whatever the
//     server does, and their latency counts from it. A server that stops for a second
//     shows in all requests of that second (no coordinated omission).
//  2. Only requests meant to start after the warm-up count, in latencies, rates and
//     errors alike.
//  3. What a run remembers is bounded: latencies are in histograms of three digits, and
//     the names of errors are at most namesMax.
package bench
