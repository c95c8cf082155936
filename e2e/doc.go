// Package e2e tests the program as people run it: it builds cmd/kvs once and
// drives real processes, on loopback, in temporary directories.
//
//	go test ./e2e           everything, about four minutes on two cores
//	go test -short ./e2e    without what waits or loads for more than a few seconds
//	go test -v ./e2e        also prints what was measured
//	go test ./e2e -rig      with measurements that take minutes (make rig)
//
// It owns the promises that only real processes, disks and sockets can show:
// how fast a cluster forms and catches up, what survives kill -9, what a node
// says about bad input. It never looks inside a node: what is not on the command
// line, in a file or behind HTTP is tested elsewhere. The many orders in which
// messages and faults may come are the simulator's business.
//
// Its own rules:
//
//  1. A test waits by eventually only, for a condition and with a bound.
//  2. Processes are ended by their own id, and none outlives its test.
//  3. A test that takes more than 5 s begins with long(t).
//  4. Tests run one after the other: most of them measure time.
package e2e
