package flight

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"
	"unsafe"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// BenchmarkRecord measures what recording adds to the two steps of a group of client
// writes, by the size of the group. What the store does between them takes longer than
// both, and does not count. The median counts, as others may use the machine too.
func BenchmarkRecord(b *testing.B) {
	for _, size := range []int{1, 64} {
		for _, on := range []bool{false, true} {
			b.Run(fmt.Sprintf("writes=%d/recorded=%v", size, on), func(b *testing.B) { benchmarkRecord(b, size, on) })
		}
	}
}

func benchmarkRecord(b *testing.B, size int, on bool) {
	var r *Recorder
	if on {
		r = Open(Options{Dir: b.TempDir(), Bytes: BytesMin, Logger: slog.New(slog.DiscardHandler)})
	}
	g := newRig(b, r)
	value := make([]byte, 200)
	group := statemachine.ClientWrites{Writes: make([]statemachine.ClientWrite, size)}
	for i := range group.Writes {
		group.Writes[i].Write = keyspace.Write{Key: fmt.Sprint("sensors/rooms/", i), Value: value}
	}
	var took []time.Duration
	for range b.N {
		g.now.Mono++
		g.now.Wall++
		began := time.Now()
		effects := g.r.Step(g.node, g.now, group)
		first := time.Since(began)
		result := g.state.Execute(g.disk.Update, effects[len(effects)-1].(statemachine.Apply).Batch)
		if r != nil && r.pending.Load() > pendingMax/2 {
			g.flushed()
		}
		began = time.Now()
		g.r.Step(g.node, g.now, statemachine.Applied{Result: result})
		took = append(took, first+time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/float64(size), "median-ns/write")
	if stats := r.Stats(); on {
		b.ReportMetric(float64(stats.Bytes)/float64(b.N*size), "bytes/write")
	}
	if err := r.Close(); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkCheckpoint measures what the beginning of a segment holds up, for a node whose
// memory of fresh writes is full.
func BenchmarkCheckpoint(b *testing.B) {
	g := newRig(b, nil)
	value := string(make([]byte, 200))
	for range 2 * statemachine.DefaultConfig().RingBytes / 1000 {
		g.write(value)
	}
	w := writer{masker: newMasker()}
	b.ResetTimer()
	for range b.N {
		w = writer{masker: w.masker, b: make([]byte, 0, len(w.b)+1<<20)}
		theLayout().node.put(&w, unsafe.Pointer(g.node))
	}
	b.ReportMetric(float64(len(w.b)), "bytes")
}
