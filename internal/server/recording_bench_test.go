package server

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"kvs/internal/config"
)

// flightRound is how many writes are one round.
const flightRound = 4_000

// BenchmarkFlight measures what the flight recorder costs durable writes by 64 clients to
// one node, alone and in a cluster of three. Method: two such clusters, one that records
// and one that does not, in rounds in turn.
func BenchmarkFlight(b *testing.B) {
	for _, nodes := range []int{1, 3} {
		b.Run(fmt.Sprint("nodes=", nodes), func(b *testing.B) {
			on, off := writesTo(b, nodes, config.Default().FlightRecorderMB), writesTo(b, nodes, 0)
			value := []byte(`"` + string(make200()) + `"`)
			write := func(int) (string, string, []byte) { return "PUT", guardKey(rand.IntN(100_000)), value }
			off.many(b, flightRound, write)
			on.many(b, flightRound, write)
			var with, without spent
			b.ResetTimer()
			for left, round := b.N, 0; left > 0; left, round = left-flightRound, round+1 {
				n := min(left, flightRound)
				if round%2 == 0 {
					without = without.plus(off.many(b, n, write))
					with = with.plus(on.many(b, n, write))
				} else {
					with = with.plus(on.many(b, n, write))
					without = without.plus(off.many(b, n, write))
				}
			}
			b.ReportMetric(float64(without.wall.Nanoseconds())/float64(b.N), "ns/off")
			b.ReportMetric(float64(with.wall.Nanoseconds())/float64(b.N), "ns/on")
			b.ReportMetric(100*(1-float64(without.wall)/float64(with.wall)), "%throughput-lost")
			b.ReportMetric(100*(1-float64(without.cpu)/float64(with.cpu)), "%cpu-lost")
		})
	}
}

// writesTo starts a cluster, and connects to its first node.
func writesTo(b *testing.B, nodes, flightMB int) *reads {
	change := func(c *config.Config) { c.FlightRecorderMB = flightMB }
	all := []*Server{startWith(b, "a", nil, change)}
	for i := 1; i < nodes; i++ {
		all = append(all, startWith(b, fmt.Sprint("b", i), []string{all[0].Address()}, change))
	}
	eventually(b, 20*time.Second, "the cluster has formed", func() bool {
		for _, s := range all {
			if len(s.Status().Members) != nodes {
				return false
			}
		}
		return true
	})
	return &reads{fasthttp.HostClient{Addr: all[0].Address(), MaxConns: 64}, ""}
}
