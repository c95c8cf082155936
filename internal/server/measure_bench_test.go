package server

import (
	"errors"
	"math/rand/v2"
	"net"
	"testing"

	"github.com/valyala/fasthttp"

	"kvs/httpapi"
	"kvs/internal/config"
)

// BenchmarkMeasured measures what counting costs a GET. Method: one node is served by
// two servers that differ in it alone, in rounds in turn, so that whatever else the
// machine does meets both alike. What counts is the time of the processors.
func BenchmarkMeasured(b *testing.B) {
	s := startNode(b, "bench")
	serve := func(o httpapi.Options) *reads {
		server := httpapi.New(o)
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- server.Serve(ln) }()
		b.Cleanup(func() {
			if err := errors.Join(server.Shutdown(b.Context()), <-ended); err != nil {
				b.Error(err)
			}
		})
		return &reads{fasthttp.HostClient{Addr: ln.Addr().String(), MaxConns: 64}, ""}
	}
	plain := serve(httpapi.Options{Store: s.api(), Cluster: s.api(), Operator: s.api()})
	counting := s.api()
	counting.measure = s.observer.measure
	counted := serve(httpapi.Options{
		Store: counting, Cluster: counting, Operator: counting, Meter: s.observer.registry.HTTP,
		Tunable: httpapi.Tunable{Access: httpapi.AccessErrors},
	})
	value := []byte(`"` + string(make200()) + `"`)
	plain.many(b, guardKeys, func(i int) (string, string, []byte) { return "PUT", guardKey(i), value })
	read := func(int) (string, string, []byte) { return "GET", guardKey(rand.IntN(guardKeys)), nil }
	plain.many(b, guardRound, read)
	counted.many(b, guardRound, read)
	var with, without spent
	b.ResetTimer()
	for left, round := b.N, 0; left > 0; left, round = left-guardRound, round+1 {
		n := min(left, guardRound)
		if round%2 == 0 {
			without = without.plus(plain.many(b, n, read))
			with = with.plus(counted.many(b, n, read))
		} else {
			with = with.plus(counted.many(b, n, read))
			without = without.plus(plain.many(b, n, read))
		}
	}
	b.ReportMetric(float64(without.cpu.Nanoseconds())/float64(b.N), "cpu-ns/plain")
	b.ReportMetric(float64(with.cpu.Nanoseconds())/float64(b.N), "cpu-ns/counted")
	b.ReportMetric(100*(float64(with.cpu)/float64(without.cpu)-1), "%cpu-more")
}

// BenchmarkMeasuredPut measures what counting costs a PUT, from the request to the
// commit. Method: as above, of two nodes.
func BenchmarkMeasuredPut(b *testing.B) {
	nodes := [2]*reads{}
	for i, on := range []bool{false, true} {
		s := startWith(b, "bench", nil, func(c *config.Config) { c.MetricsEnabled = on })
		nodes[i] = &reads{fasthttp.HostClient{Addr: s.Address(), MaxConns: 64}, ""}
	}
	value := []byte(`"` + string(make200()) + `"`)
	write := func(int) (string, string, []byte) { return "PUT", guardKey(rand.IntN(guardKeys)), value }
	for _, n := range nodes {
		n.many(b, guardRound, write)
	}
	var used [2]spent
	b.ResetTimer()
	for left, round := b.N, 0; left > 0; left, round = left-guardRound, round+1 {
		for k := range 2 {
			i := (round + k) % 2
			used[i] = used[i].plus(nodes[i].many(b, min(left, guardRound), write))
		}
	}
	b.ReportMetric(float64(used[0].cpu.Nanoseconds())/float64(b.N), "cpu-ns/plain")
	b.ReportMetric(float64(used[1].cpu.Nanoseconds())/float64(b.N), "cpu-ns/counted")
	b.ReportMetric(100*(float64(used[1].cpu)/float64(used[0].cpu)-1), "%cpu-more")
}
