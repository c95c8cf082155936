package sim

import (
	"fmt"
	"runtime/debug"
	"testing"
)

// BenchmarkVirtualSeconds measures how fast virtual time passes on one core: calm
// clusters of some sizes, about ten writes a second, all oracles on; and five nodes
// with the trace hash.
func BenchmarkVirtualSeconds(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // as cmd/sim has it
	for _, c := range []struct {
		nodes  int
		hashed bool
	}{{5, false}, {5, true}, {30, false}, {100, false}} {
		b.Run(fmt.Sprintf("nodes=%d,hashed=%t", c.nodes, c.hashed), func(b *testing.B) {
			opt, passed := Calm(1, c.nodes), Millis(0)
			opt.HashTrace = c.hashed
			for b.Loop() {
				r := Run(opt)
				if r.Failure != nil {
					b.Fatal(r.Failure)
				}
				passed += r.Virtual
			}
			b.ReportMetric(float64(passed)/1_000/b.Elapsed().Seconds(), "virtual-s/s")
		})
	}
}
