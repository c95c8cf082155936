package audit

import (
	"fmt"
	"testing"
)

// BenchmarkAppend is the cost of durable batches; the disk's sync is most of it,
// and "nosync" is what is ours.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1, 100} {
		for name, d := range map[string]disk{"sync": osDisk{}, "nosync": &testDisk{failAt: -1}} {
			b.Run(fmt.Sprintf("%s-%d", name, size), func(b *testing.B) {
				r := newRig(b, b.TempDir(), nil)
				noError(b, r.Close())
				l, err := open(r.o, d)
				noError(b, err)
				batch := entries(1, size)
				for b.Loop() {
					for i := range batch {
						batch[i].Number = l.Next() + uint64(i)
					}
					noError(b, l.Append(batch))
				}
				noError(b, l.Close())
				b.ReportMetric(float64(size), "entries/op")
			})
		}
	}
}
