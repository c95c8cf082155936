package storage

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kvs/sim/disk"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// TestStagedBatchesSeeTheOneBefore: batches that are applied while the one
// before is still being committed come to the same as one after the other. Few
// keys, so that nearly every write replaces one of the batch before; values of
// two parts among them. The reference is the simulator's disk.
func TestStagedBatchesSeeTheOneBefore(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	r := openRig(t, t.TempDir(), 1)
	d := disk.New()
	birth := keyspace.Birth{
		Replica: r.Snapshot().Identity.Replica, Epoch: r.Snapshot().Stream.Epoch,
		Boot: r.Snapshot().Identity.Boot.Random,
	}
	reference, _ := keyspace.Open(d.Update, birth, keyspace.MutantNone)
	const batches = 120
	var todo []*keyspace.Batch
	var want []*keyspace.Applied
	for i := range batches {
		todo = append(todo, randomBatch(rng, keyspace.BatchID(i)))
		want = append(want, reference.Execute(d.Update, todo[i]))
	}
	go func() {
		for i := range batches {
			r.Perform(statemachine.Apply{Batch: todo[i]})
			if i%32 == 31 {
				r.Perform(statemachine.ReadDigest{Level: keyspace.LevelRoot, Index: []uint32{0}})
			}
		}
	}()
	for i := 0; i < batches; {
		switch in := (<-r.answers).(type) {
		case statemachine.Applied:
			if in.Result.Sum != want[i].Sum || in.Result.Live != want[i].Live {
				t.Fatalf("batch %d: %v over %d records, want %v over %d", i, in.Result.Sum, in.Result.Live,
					want[i].Sum, want[i].Live)
			}
			i++
		case statemachine.DigestRead:
			if in.Sums[0] != want[i-1].Sum {
				t.Fatalf("the digest after batch %d is %v, want %v", i-1, in.Sums[0], want[i-1].Sum)
			}
		}
	}
	if root, _, err := r.Digest(); err != nil || root != reference.Tree().Root() {
		t.Errorf("the root is %x, %v", root[:4], err)
	}
}

func randomBatch(rng *rand.Rand, id keyspace.BatchID) *keyspace.Batch {
	b := &keyspace.Batch{ID: id, Now: keyspace.Millis(1000 + id)}
	for range 1 + rng.IntN(6) {
		w := keyspace.Write{Key: fmt.Sprint(rng.IntN(5))}
		switch rng.IntN(10) {
		case 0, 1:
			w.Delete = true
		case 2:
			if len(b.Writes) == 0 {
				w.Value = make([]byte, keyspace.ValueBytesMax)
				b.Writes = append(b.Writes, w)
				return b
			}
			fallthrough
		default:
			w.Value = fmt.Append(nil, rng.IntN(1000))
		}
		b.Writes = append(b.Writes, w)
	}
	return b
}
