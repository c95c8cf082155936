package sim

import "testing"

// BenchmarkVirtualSeconds measures how fast virtual time passes on one core:
// five nodes on a good network, about ten writes a second, all oracles on, with
// and without the trace hash.
func BenchmarkVirtualSeconds(b *testing.B) {
	for name, hash := range map[string]bool{"plain": false, "hashed": true} {
		b.Run(name, func(b *testing.B) {
			opt := Calm(1, 5)
			opt.HashTrace = hash
			for b.Loop() {
				if r := Run(opt); r.Failure != nil {
					b.Fatal(r.Failure)
				}
			}
			b.ReportMetric(60*float64(b.N)/b.Elapsed().Seconds(), "virtual-s/s")
		})
	}
}
