package statemachine

import (
	"testing"

	"kvs/statemachine/keyspace"
)

// BenchmarkEndAwaits measures what each batch costs while as many reads as a node takes
// wait for what never comes, and the node has met many streams.
func BenchmarkEndAwaits(b *testing.B) {
	n := &Node{}
	for i := range 256 {
		n.vv.Add(keyspace.Dot{Stream: Stream{Epoch: keyspace.Epoch{byte(i), byte(i >> 8)}}, Seq: 1})
	}
	for range awaitsMax {
		a := await{until: 1}
		for i := range 8 {
			a.session.Marks = append(a.session.Marks, keyspace.SessionMark{Stream: keyspace.StreamHash{byte(i)}, Seq: 1})
		}
		n.awaits = append(n.awaits, a)
	}
	for b.Loop() {
		n.endAwaits()
	}
}
