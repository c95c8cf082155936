package e2e

import (
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// slowClients is how many connections at once send a byte now and then.
const slowClients = 2000

// TestS8SlowClients (B13): half of 2,000 connections trickle a request's headers, half its
// body. Another client is served meanwhile, and each of them is cut within the timeout and
// a second.
func TestS8SlowClients(t *testing.T) {
	long(t)
	const headers, body = 2 * time.Second, 4 * time.Second
	n := start(t, "n1", "header_timeout: 2s", "read_timeout: 4s")
	n.put("k", "1")
	var wait sync.WaitGroup
	late := make(chan string, slowClients)
	for i := range slowClients {
		conn, err := net.Dial("tcp", n.address())
		n.must(err)
		defer conn.Close()
		begin, timeout := "PUT /kv/slow HTTP/1.1\r\nHost: e2e\r\nX-A: ", headers
		if i%2 == 1 {
			begin, timeout = "PUT /kv/slow HTTP/1.1\r\nHost: e2e\r\nContent-Length: 1000\r\n\r\n", body
		}
		opened := time.Now()
		_, err = conn.Write([]byte(begin))
		n.must(err)
		wait.Go(func() {
			if lived := trickle(conn, opened.Add(timeout+5*time.Second)); lived.Sub(opened) > timeout+time.Second {
				late <- fmt.Sprintf("%s after %v", begin, lived.Sub(opened))
			}
		})
	}
	served, slowest := 0, time.Duration(0)
	done := make(chan struct{})
	go func() { wait.Wait(); close(done) }()
	for ended := false; !ended; {
		select {
		case <-done:
			ended = true
		default:
			began := time.Now()
			if v, found := n.get("k"); v != "1" || !found {
				t.Fatalf("read %q", v)
			}
			served++
			slowest = max(slowest, time.Since(began))
		}
	}
	close(late)
	for what := range late {
		t.Errorf("not cut: %s", what)
	}
	if served < 100 {
		t.Errorf("only %d requests of a good client were served", served)
	}
	t.Logf("%d requests of a good client beside them, the slowest took %v", served, slowest)
	if !n.lacks("slow") {
		t.Error("a request that never ended was carried out")
	}
	n.stop()
}

// trickle sends a byte every 100 ms until the other end closes, or until a time, and
// returns when that was.
func trickle(conn net.Conn, until time.Time) time.Time {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	buf := make([]byte, 1024)
	for range tick.C {
		if time.Now().After(until) {
			break
		}
		if _, err := conn.Write([]byte("1")); err != nil {
			break
		}
		if conn.SetReadDeadline(time.Now().Add(time.Millisecond)) != nil {
			break
		}
		if _, err := conn.Read(buf); err != nil && !os.IsTimeout(err) {
			break
		}
	}
	return time.Now()
}

// TestS18SecretsStaySecret: over a suite of calls of all kinds, logged in full, no token,
// key or secret is printed, and every file of a node's directory is its owner's alone.
func TestS18SecretsStaySecret(t *testing.T) {
	const secret = "a-cluster-secret-that-nobody-prints"
	n := newNode(t, "n1")
	n.configure(strings.Replace(settings(n.name, n.port, "log_level: debug", "cluster_secret: "+secret),
		"auth_enabled: false", "auth_enabled: true", 1))
	n.start()
	admin := n.adminToken()
	var made struct {
		UUID  string `json:"uuid"`
		Token string `json:"token"`
	}
	n.must(n.as(admin, "POST", "/auth/users", `{"nickname":"john","email":"john@example.com"}`).decode(&made))
	n.must(n.as(admin, "POST", "/auth/tokens", `{"user_uuid":"`+made.UUID+`","scopes":["read","write"],"ttl":"1h"}`).decode(&made))
	if made.Token == "" {
		t.Fatal("no token was made")
	}
	secrets := []string{secret, admin, made.Token, admin[:len(admin)-1] + "x"}
	for _, token := range []string{admin, made.Token, secrets[3], admin + ".x", ""} {
		for _, path := range []string{"/kv/k", "/kv/_range", "/auth/whoami", "/auth/users", "/nope", "/kv/k?token=" + token, "/sync/status"} {
			for _, method := range []string{"GET", "PUT", "POST", "DELETE"} {
				n.as(token, method, path, `{"data":1,"ttl":"x"}`)
			}
		}
	}
	_ = exchange(t, n, "GET /kv/k HTTP/1.1\r\nHost: e2e\r\nAuthorization: Bearer "+made.Token+"\r\nContent-Length : 1\r\n\r\n")
	_ = exchange(t, n, "GET /kv/k HTTP/9.9\r\nHost: e2e\r\nAuthorization: Bearer "+made.Token+"\r\n\r\n")
	if r := n.as(admin, "POST", "/auth/keys/rotate", ""); r.status != http.StatusNoContent {
		t.Errorf("rotate: %s", r)
	}
	n.stop()
	files := 0
	n.must(filepath.WalkDir(filepath.Join(n.dir, "data-"+n.name), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name := filepath.Base(path)
		if strings.Contains(name, "key") || strings.Contains(name, "token") {
			info, err := d.Info()
			if err != nil {
				return err
			}
			if files++; info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %04o", name, info.Mode().Perm())
			}
			text, err := os.ReadFile(path)
			secrets = append(secrets, strings.Fields(string(text))...)
			return err
		}
		return nil
	}))
	if files < 2 {
		t.Errorf("%d files of keys and tokens", files)
	}
	said := n.stdout.String() + n.stderr.String()
	if !strings.Contains(said, `"level":"DEBUG"`) {
		t.Error("nothing was logged at debug level: the test shows nothing")
	}
	for _, s := range secrets {
		for _, part := range strings.Split(strings.Trim(s, `",`), ".") {
			if len(part) > 24 && strings.Contains(said, part) {
				t.Errorf("the log has a part of a secret: %.12s...", part)
			}
		}
	}
}

// TestRateLimit: a node with the defaults of a first run limits one client, says what to
// change, and never limits health; a command says it in words and by its exit code.
func TestRateLimit(t *testing.T) {
	n := start(t, "n1", "rate_limiting_enabled: true", "rate_limit_requests: 20", "rate_limit_window: 1h")
	for i := range 20 {
		a, err := request(http.MethodGet, n.url("/members/"), nil)
		n.must(err)
		if want := fmt.Sprintf(`"default";r=%d;`, 19-i); a.status != 200 || !strings.HasPrefix(a.header.Get("RateLimit"), want) {
			t.Fatalf("request %d: %s %v, want %s", i, a, a.header, want)
		}
	}
	a, err := request(http.MethodGet, n.url("/members/"), nil)
	n.must(err)
	if p := a.problem(t); a.status != 429 || p.Code != "rate-limited" || p.ConfigKey != "rate_limit_requests" ||
		p.Limit != 20 || a.header.Get("Retry-After") != "180" {
		t.Errorf("%s %v", a, a.header)
	}
	n.wants(7, "rate_limit_requests", "members")
	n.health()
	n.stop()
}
