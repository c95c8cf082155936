package storage

import (
	"fmt"
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// benchBatch makes a batch of n writes of 200 bytes, over 100,000 keys.
func benchBatch(i, n int) *keyspace.Batch {
	b := &keyspace.Batch{Now: 1000, Writes: make([]keyspace.Write, n)}
	for j := range b.Writes {
		key := fmt.Sprintf("bench/%08d", uint32(i*n+j)*2654435761%100_000)
		b.Writes[j] = keyspace.Write{Key: key, Value: make([]byte, 200)}
	}
	return b
}

// BenchmarkApply measures one durable batch after the other. More of them in
// flight would change nothing: one writer, one sync a batch.
func BenchmarkApply(b *testing.B) {
	for _, n := range []int{1, 64, 512} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := openRig(b, b.TempDir(), 1)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				r.Perform(statemachine.Apply{Batch: benchBatch(i, n)})
				<-r.answers
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/write")
		})
	}
}

// BenchmarkView measures a GET's read, of records in the tables in memory.
func BenchmarkView(b *testing.B) {
	r := openRig(b, b.TempDir(), 1)
	keys := make([]string, 0, 10_000)
	for i := range 20 {
		batch := benchBatch(i, 500)
		for _, w := range batch.Writes {
			keys = append(keys, w.Key)
		}
		r.apply(batch)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		found, err := r.View(keys[i%len(keys)], func(keyspace.Record) {})
		if !found || err != nil {
			b.Fatal(found, err)
		}
	}
}
