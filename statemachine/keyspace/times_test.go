package keyspace_test

import (
	"math/rand/v2"
	"testing"

	"kvs/statemachine/keyspace"
)

// TestTimesAreFilledOnce: a store from before there was an index of times has it after
// the next start, wherever a power cut ended the one that began to fill it. Method: the
// index and its mark are taken away from stores of several sizes, then every update
// of the start fails once.
func TestTimesAreFilledOnce(t *testing.T) {
	for _, n := range []int{0, 3, 512, 1100} {
		for at := 1; ; at++ {
			r := newReplica(1)
			fill(r, n)
			r.execute(&keyspace.Batch{Now: start, Writes: randomWrites(rand.New(rand.NewPCG(1, uint64(n))), 5, 5)})
			r.disk.Update(func(tx keyspace.Tx) {
				for k := range r.rows('t') {
					tx.Delete([]byte(k))
				}
				tx.Delete([]byte("sz"))
			})
			cut := r.guarded(at, func(update keyspace.Update) {
				r.state, r.snap = keyspace.Open(update, r.birth(), keyspace.MutantNone)
			})
			if cut {
				r.open()
			}
			r.wantConsistent(t)
			if !cut {
				break
			}
		}
	}
}
