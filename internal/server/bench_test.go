package server

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"kvs/httpapi"
	"kvs/internal/auth"
	"kvs/internal/config"
)

// startNode runs one node in a directory of the test's own, on a free port.
func startNode(tb testing.TB, name string, seeds ...string) *Server {
	tb.Helper()
	return startWith(tb, name, seeds, func(*config.Config) {})
}

// startGuarded runs a node that wants tokens.
func startGuarded(tb testing.TB, name string, seeds ...string) *Server {
	tb.Helper()
	return startWith(tb, name, seeds, func(c *config.Config) { c.AuthEnabled = true })
}

func startWith(tb testing.TB, name string, seeds []string, change func(*config.Config), around ...Around) *Server {
	tb.Helper()
	cfg := config.Default()
	cfg.NodeID, cfg.DataDir, cfg.SeedNodes, cfg.Port = name, tb.TempDir(), seeds, freePort(tb)
	cfg.AuthEnabled, cfg.RateLimitingEnabled = false, false
	change(&cfg)
	s, err := Start(cfg, slog.New(slog.DiscardHandler), around...)
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

// BenchmarkPut measures durable writes through HTTP, by the number of clients, with
// and without the audit log.
func BenchmarkPut(b *testing.B) {
	for _, clients := range []int{1, 64, 256} {
		for _, logs := range []bool{false, true} {
			b.Run(fmt.Sprintf("clients=%d/audit=%v", clients, logs), func(b *testing.B) {
				s := startWith(b, "bench", nil, func(c *config.Config) { c.TamperLoggingEnabled = logs })
				benchmarkPut(b, s, clients)
			})
		}
	}
}

// BenchmarkPutHistory measures durable writes over values that are there, by 64 clients,
// with and without history.
func BenchmarkPutHistory(b *testing.B) {
	for _, on := range []bool{false, true} {
		b.Run(fmt.Sprint("history=", on), func(b *testing.B) {
			s := startWith(b, "bench", nil, func(c *config.Config) { c.RevisionHistoryEnabled = on })
			benchmarkPutOver(b, s, 64, 2_000)
		})
	}
}

func benchmarkPut(b *testing.B, s *Server, clients int) { benchmarkPutOver(b, s, clients, 100_000) }

// benchmarkPutOver writes to so many keys, in no order, and reports the 99th percentile.
func benchmarkPutOver(b *testing.B, s *Server, clients, keys int) {
	client := &fasthttp.HostClient{Addr: s.Address(), MaxConns: clients}
	body := []byte(`{"v":"` + string(make200()) + `"}`)
	b.SetParallelism((clients + 1) / 2)
	var mu sync.Mutex
	var all []time.Duration
	b.RunParallel(func(pb *testing.PB) {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		var took []time.Duration
		for pb.Next() {
			began := time.Now()
			req.Header.SetMethod(fasthttp.MethodPut)
			req.Header.SetContentType("application/json")
			req.SetRequestURI(fmt.Sprintf("http://bench/kv/bench/%d", rand.IntN(keys)))
			req.SetBodyRaw(body)
			if err := client.Do(req, resp); err != nil || resp.StatusCode() >= 300 {
				b.Error(err, resp.StatusCode())
				return
			}
			took = append(took, time.Since(began))
		}
		mu.Lock()
		defer mu.Unlock()
		all = append(all, took...)
	})
	slices.Sort(all)
	if len(all) > 0 {
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
	}
}

func make200() []byte {
	b := make([]byte, 190)
	for i := range b {
		b[i] = 'a' + byte(rand.IntN(26))
	}
	return b
}

// BenchmarkGuard measures what it costs to show a token and to be judged, beside nobody
// who asks the same node for the same keys without: an administrator, a user who owns the
// directory of the keys, and one who owns each key by itself. Method: rounds in turn,
// so that whatever else the machine does meets both alike.
func BenchmarkGuard(b *testing.B) {
	for _, who := range []string{"admin", "user", "owner"} {
		b.Run(who, func(b *testing.B) { benchmarkGuard(b, who) })
	}
}

// guardKeys is how many keys are read, and guardRound how many reads are one round.
const (
	guardKeys  = 20_000
	guardRound = 5_000
)

func benchmarkGuard(b *testing.B, who string) {
	s := startGuarded(b, "bench")
	token := adminToken(b, s)
	id, secret := userToken(b, s)
	shown := &reads{fasthttp.HostClient{Addr: s.Address(), MaxConns: 64}, "Bearer " + token}
	if who == "owner" {
		shown.authorization = "Bearer " + secret
	}
	open := &reads{fasthttp.HostClient{Addr: serveOpen(b, s), MaxConns: 64}, ""}
	value := []byte(`"` + string(make200()) + `"`)
	shown.many(b, guardKeys, func(i int) (string, string, []byte) { return "PUT", guardKey(i), value })
	if who == "user" { // an administrator's keys have no rights of their own, unless there are some above
		shown.authorization = "Bearer " + secret
		if err := s.guard.SetACL("bench", auth.ACL{Owner: id, Mode: auth.DefaultMode}); err != nil {
			b.Fatal(err)
		}
	}
	read := func(int) (string, string, []byte) { return "GET", guardKey(rand.IntN(guardKeys)), nil }
	open.many(b, guardRound, read)
	shown.many(b, guardRound, read)
	var with, without spent
	b.ResetTimer()
	for left, round := b.N, 0; left > 0; left, round = left-guardRound, round+1 {
		n := min(left, guardRound)
		if round%2 == 0 {
			without = without.plus(open.many(b, n, read))
			with = with.plus(shown.many(b, n, read))
		} else {
			with = with.plus(shown.many(b, n, read))
			without = without.plus(open.many(b, n, read))
		}
	}
	b.ReportMetric(float64(without.wall.Nanoseconds())/float64(b.N), "ns/open")
	b.ReportMetric(float64(with.wall.Nanoseconds())/float64(b.N), "ns/shown")
	b.ReportMetric(100*(1-float64(without.wall)/float64(with.wall)), "%throughput-lost")
	// The same by what processors did, for a machine that others use as well.
	b.ReportMetric(100*(1-float64(without.cpu)/float64(with.cpu)), "%cpu-lost")
}

// spent is the time that something took, on the clock and of the processors.
type spent struct{ wall, cpu time.Duration }

func (s spent) plus(o spent) spent { return spent{s.wall + o.wall, s.cpu + o.cpu} }

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func guardKey(i int) string { return fmt.Sprintf("http://bench/kv/bench/%d", i) }

// serveOpen serves a node once more on another port, asking nobody for a token.
func serveOpen(b *testing.B, s *Server) string {
	open := httpapi.New(httpapi.Options{Store: s.api(), Cluster: s.api(), Operator: s.api()})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- open.Serve(ln) }()
	b.Cleanup(func() {
		if err := errors.Join(open.Shutdown(b.Context()), <-ended); err != nil {
			b.Error(err)
		}
	})
	return ln.Addr().String()
}

// reads is 64 connections of one caller.
type reads struct {
	client        fasthttp.HostClient
	authorization string
}

// many sends n requests from 64 goroutines, and says what that took.
func (r *reads) many(b *testing.B, n int, next func(int) (method, uri string, body []byte)) spent {
	start, used := time.Now(), cpuTime(b)
	var wait sync.WaitGroup
	for c := range 64 {
		wait.Go(func() {
			req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
			defer fasthttp.ReleaseRequest(req)
			defer fasthttp.ReleaseResponse(resp)
			if r.authorization != "" {
				req.Header.Set("Authorization", r.authorization)
			}
			req.Header.SetContentType("application/json")
			for i := c; i < n; i += 64 {
				method, uri, body := next(i)
				req.Header.SetMethod(method)
				req.SetRequestURI(uri)
				req.SetBodyRaw(body)
				if err := r.client.Do(req, resp); err != nil || resp.StatusCode() >= 300 {
					b.Errorf("%s %s: %v, status %d %s", method, uri, err, resp.StatusCode(), resp.Body())
					return
				}
			}
		})
	}
	wait.Wait()
	return spent{time.Since(start), cpuTime(b) - used}
}

// adminToken is what the node has written into its directory.
func adminToken(tb testing.TB, s *Server) string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(s.cfg.DataDir, AdminTokenFile))
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// userToken makes a user, and a token for it to read and write.
func userToken(tb testing.TB, s *Server) (auth.UserID, string) {
	tb.Helper()
	u := auth.UserRequest{Nickname: "somebody"}.User(time.Now())
	if err := s.guard.PutUser(u); err != nil {
		tb.Fatal(err)
	}
	token, _, err := s.guard.Mint(auth.Ticket{User: u.ID, Scope: auth.ScopeRead | auth.ScopeWrite, TTL: time.Hour})
	if err != nil {
		tb.Fatal(err)
	}
	return u.ID, token
}
