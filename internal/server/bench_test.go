package server

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/valyala/fasthttp"

	"kvs/internal/config"
)

// startNode runs one node in a directory of the test's own, on a free port.
func startNode(tb testing.TB, name string, seeds ...string) *Server {
	tb.Helper()
	cfg := config.Default()
	cfg.NodeID, cfg.DataDir, cfg.SeedNodes, cfg.Port = name, tb.TempDir(), seeds, freePort(tb)
	s, err := Start(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// BenchmarkPut measures durable writes through HTTP, by the number of clients.
func BenchmarkPut(b *testing.B) {
	for _, clients := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			s := startNode(b, "bench")
			client := &fasthttp.HostClient{Addr: s.Address(), MaxConns: clients}
			body := []byte(`{"v":"` + string(make200()) + `"}`)
			b.SetParallelism((clients + 1) / 2)
			b.RunParallel(func(pb *testing.PB) {
				req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
				for pb.Next() {
					req.Header.SetMethod(fasthttp.MethodPut)
					req.Header.SetContentType("application/json")
					req.SetRequestURI(fmt.Sprintf("http://bench/kv/bench/%d", rand.IntN(100_000)))
					req.SetBodyRaw(body)
					if err := client.Do(req, resp); err != nil || resp.StatusCode() >= 300 {
						b.Error(err, resp.StatusCode())
						return
					}
				}
			})
		})
	}
}

func make200() []byte {
	b := make([]byte, 190)
	for i := range b {
		b[i] = 'a' + byte(rand.IntN(26))
	}
	return b
}

// BenchmarkGet measures reads through HTTP by 64 clients.
func BenchmarkGet(b *testing.B) {
	s := startNode(b, "bench")
	client := &fasthttp.HostClient{Addr: s.Address(), MaxConns: 64}
	send := func(method, uri string, body []byte) error {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		req.Header.SetMethod(method)
		req.Header.SetContentType("application/json")
		req.SetRequestURI(uri)
		req.SetBodyRaw(body)
		if err := client.Do(req, resp); err != nil {
			return err
		}
		if resp.StatusCode() >= 300 {
			return fmt.Errorf("%s %s: status %d", method, uri, resp.StatusCode())
		}
		return nil
	}
	uri := func(i int) string { return fmt.Sprintf("http://bench/kv/bench/%d", i) }
	var wait sync.WaitGroup
	for c := range 64 {
		wait.Go(func() {
			for i := c; i < 20_000; i += 64 {
				if err := send("PUT", uri(i), []byte(`"`+string(make200())+`"`)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wait.Wait()
	b.SetParallelism(32)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := send("GET", uri(rand.IntN(20_000)), nil); err != nil {
				b.Error(err)
			}
		}
	})
}
