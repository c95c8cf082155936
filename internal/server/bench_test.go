package server

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

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

func startWith(tb testing.TB, name string, seeds []string, change func(*config.Config)) *Server {
	tb.Helper()
	cfg := config.Default()
	cfg.NodeID, cfg.DataDir, cfg.SeedNodes, cfg.Port = name, tb.TempDir(), seeds, freePort(tb)
	cfg.AuthEnabled, cfg.RateLimitingEnabled = false, false
	change(&cfg)
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

func benchmarkPut(b *testing.B, s *Server, clients int) {
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
}

func make200() []byte {
	b := make([]byte, 190)
	for i := range b {
		b[i] = 'a' + byte(rand.IntN(26))
	}
	return b
}

// BenchmarkGet measures reads through HTTP by 64 clients: of a node that asks nobody,
// and of one that wants a token: an administrator's, that of a user who owns the
// subtree, and that of one who owns each key by itself.
func BenchmarkGet(b *testing.B) {
	for _, who := range []string{"nobody", "admin", "user", "owner"} {
		b.Run(who, func(b *testing.B) {
			s := startNode(b, "bench")
			if who != "nobody" {
				s = startGuarded(b, "bench")
			}
			benchmarkGet(b, s, who)
		})
	}
}

func benchmarkGet(b *testing.B, s *Server, who string) {
	client := &fasthttp.HostClient{Addr: s.Address(), MaxConns: 64}
	token := ""
	if who != "nobody" {
		token = "Bearer " + adminToken(b, s)
	}
	if who == "user" || who == "owner" {
		id, secret := userToken(b, s)
		token = "Bearer " + secret
		if who == "user" {
			if err := s.guard.SetACL("bench", auth.ACL{Owner: id, Mode: auth.DefaultMode}); err != nil {
				b.Fatal(err)
			}
		}
	}
	send := func(method, uri string, body []byte) error {
		req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
		defer fasthttp.ReleaseRequest(req)
		defer fasthttp.ReleaseResponse(resp)
		req.Header.SetMethod(method)
		req.Header.SetContentType("application/json")
		if token != "" {
			req.Header.Set("Authorization", token)
		}
		req.SetRequestURI(uri)
		req.SetBodyRaw(body)
		if err := client.Do(req, resp); err != nil {
			return err
		}
		if resp.StatusCode() >= 300 {
			return fmt.Errorf("%s %s: status %d %s", method, uri, resp.StatusCode(), resp.Body())
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
