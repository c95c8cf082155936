package sim

import "testing"

// BenchmarkVirtualSeconds measures how fast virtual time passes: five nodes on
// a good network, with a client that writes about ten times a second.
func BenchmarkVirtualSeconds(b *testing.B) {
	opt := Calm(1, 5)
	opt.Duration = 60_000
	for b.Loop() {
		if r := Run(opt); r.Failure != nil {
			b.Fatal(r.Failure)
		}
	}
	b.ReportMetric(60*float64(b.N)/b.Elapsed().Seconds(), "virtual-s/s")
}
