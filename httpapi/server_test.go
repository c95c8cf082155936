package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"
)

// Goal: the answers about the cluster, to the byte: the seed's fields first.
func TestClusterShapes(t *testing.T) {
	r := newRig(t, nil)
	members := `[{"id":"node-alpha","address":"192.168.1.10:8080","last_seen":1672531200000,` +
		`"joined_timestamp":1672530000000,"state":"alive","incarnation":3,"version":"0.1.0","replica":"0a",` +
		`"reach":"reachable","rtt_ms":0,"skew_ms":-7},` +
		`{"id":"node \"b\"","address":"[::1]:8081","last_seen":1,"joined_timestamp":2,` +
		`"state":"failed","incarnation":0,"replica":"","reach":"unreachable","rtt_ms":null,"skew_ms":null}]`
	for target, want := range map[string]string{
		"/members":  members,
		"/members/": members,
		"/health": `{"status":"ok","mode":"normal","member_count":2,"node_id":"node-alpha",` +
			`"joined":true,"cluster_id":"c1","version":"0.1.0","durability":"always","reasons":[]}`,
		"/health?from=balancer": `{"status":"ok","mode":"normal","member_count":2,"node_id":"node-alpha",` +
			`"joined":true,"cluster_id":"c1","version":"0.1.0","durability":"always","reasons":[]}`,
		"/healthz": "ok\n",
		"/readyz":  "ready\n",
		"/sync/merkle/root": `{"root":"ab` + strings.Repeat("0", 62) +
			`","keys":0,"as_of":1672531200000,"algorithm":"test-1"}`,
	} {
		if a := r.do("GET", target, ""); a.status != 200 || a.body != want {
			t.Errorf("%s: %s", target, a)
		}
	}
	if a := r.do("GET", "/version", ""); !strings.HasPrefix(a.body, `{"version":"0.1.0","go":"go1.`) {
		t.Errorf("version: %s", a)
	}
	r = newRig(t, func(o *Options) { o.Cluster = fakeCluster{unready: true} })
	if a := r.do("GET", "/readyz", ""); a.problem() != slugNotReady || !strings.Contains(a.body, "disk: full") {
		t.Errorf("readyz: %s", a)
	}
	if a := r.do("GET", "/health", ""); a.status != 200 || !strings.Contains(a.body, `["disk: full","clock: skewed"]`) {
		t.Errorf("health: %s", a)
	}
}

// Goal: every problem document is valid JSON, leads to its own page, and
// every page is served.
func TestProblemPages(t *testing.T) {
	r := newRig(t, nil)
	for _, k := range catalogue {
		p := newProblem(k.slug, "a \"detail\"\n")
		var doc map[string]any
		if err := json.Unmarshal(p.appendJSON(nil), &doc); err != nil {
			t.Fatal(err)
		}
		a := r.do("GET", doc["type"].(string), "")
		try, _ := doc["try"].(string)
		if a.status != 200 || !strings.Contains(a.body, k.title) || try == "" ||
			!strings.Contains(strings.ReplaceAll(a.body, "\n", " "), "Try: "+try) {
			t.Errorf("%s: %s, to try: %q", k.slug, a, try)
		}
	}
	if a := r.do("GET", "/problems/nope", ""); a.problem() != slugNotFound {
		t.Errorf("unknown problem: %s", a)
	}
}

// Goal: OPTIONS, HEAD and Allow on every endpoint.
func TestMethods(t *testing.T) {
	r := newRig(t, nil)
	for target, allow := range map[string]string{
		"/kv/k": allowKV, "/kv/_range": allowRead, "/members/": allowRead, "/health": allowRead,
		"/healthz": allowRead, "/readyz": allowRead, "/version": allowRead,
		"/sync/merkle/root": allowRead, "/sync/status": allowRead, "/problems/internal": allowRead, "*": allowKV,
	} {
		if a := r.do("OPTIONS", target, ""); a.status != 204 || a.header["Allow"] != allow {
			t.Errorf("OPTIONS %s: %s %v", target, a, a.header)
		}
		if target == "*" {
			continue
		}
		if a := r.do("POST", target, "1"); a.status != 405 || a.header["Allow"] != allow {
			t.Errorf("POST %s: %s %v", target, a, a.header)
		}
		get, head := r.do("GET", target, ""), r.do("HEAD", target, "")
		if head.status != get.status || head.body != "" ||
			head.header["Content-Length"] != fmt.Sprint(len(get.body)) {
			t.Errorf("HEAD %s: %s %v, GET has %d bytes", target, head, head.header, len(get.body))
		}
	}
}

// Goal: Expect: 100-continue is refused before the body, or let through.
func TestExpectContinue(t *testing.T) {
	r := newRig(t, nil)
	ask := "PUT %s HTTP/1.1\r\nHost: kvs\r\nExpect: 100-continue\r\nContent-Length: %d\r\n%s\r\n"
	for _, c := range []struct {
		request, slug string
	}{
		{fmt.Sprintf(ask, "/kv/k", 2<<20, ""), slugBodyTooLarge},
		{fmt.Sprintf(ask, "/kv/_k", 1, ""), slugReservedKey},
		{fmt.Sprintf(ask, "/kv/k?x=1", 1, ""), slugInvalidParameter},
		{fmt.Sprintf(ask, "/kv/k", 1, "Content-Type: text/html\r\n"), slugUnsupportedMedia},
		{fmt.Sprintf(ask, "/nope", 1, ""), slugNotFound},
	} {
		if a := r.raw("PUT", c.request); a.problem() != c.slug || !a.closed {
			t.Errorf("%.40q: %s", c.request, a)
		}
	}
	if len(r.store.writes) != 0 {
		t.Fatalf("stored %+v", r.store.writes)
	}
	conn, err := r.ln.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, ask, "/kv/k", 1, ""); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 25)
	if _, err := conn.Read(buf); err != nil || string(buf) != "HTTP/1.1 100 Continue\r\n\r\n" {
		t.Fatalf("%q, %v", buf, err)
	}
	if _, err := conn.Write([]byte("1")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(buf); err != nil || !strings.HasPrefix(string(buf), "HTTP/1.1 201") {
		t.Fatalf("%q, %v", buf, err)
	}
}

// Goal: a panic costs one request, is logged with its stack, and the
// connection serves the next.
func TestPanicIsContained(t *testing.T) {
	var log bytes.Buffer
	r := newRig(t, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	r.store.panics = true
	answers := r.pipeline("GET", "GET /kv/k HTTP/1.1\r\nHost: kvs\r\n\r\nGET /health HTTP/1.1\r\nHost: kvs\r\n\r\n", 2)
	if len(answers) != 2 || answers[0].problem() != slugInternal || answers[1].status != 200 {
		t.Fatalf("%v", answers)
	}
	if strings.Contains(answers[0].body, "bug") || !strings.Contains(log.String(), "the store has a bug") ||
		!strings.Contains(log.String(), "fake_test.go") {
		t.Errorf("answer %s, log %s", answers[0], log.String())
	}
}

// Goal: past max_connections a node still says that it lives, and refuses the
// rest in words.
func TestMaxConnections(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxConnections = 1 })
	first, err := r.ln.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	get := "GET /kv/k HTTP/1.1\r\nHost: kvs\r\n\r\n"
	buf := make([]byte, 12)
	if _, err := first.Write([]byte(get)); err != nil {
		t.Fatal(err)
	}
	if _, err := first.Read(buf); err != nil || string(buf) != "HTTP/1.1 404" {
		t.Fatalf("%q, %v", buf, err)
	}
	if a := r.raw("GET", get); a.problem() != slugOverloaded || !strings.Contains(a.body, "max_connections") {
		t.Errorf("second connection: %s", a)
	}
	if a := r.do("GET", "/health", ""); a.status != 200 {
		t.Errorf("health: %s", a)
	}
}

// Goal: Serve after Shutdown refuses, and Shutdown of an idle server works.
func TestShutdown(t *testing.T) {
	s := New(Options{Store: &fakeStore{}, Cluster: fakeCluster{}, Operator: &fakeOperator{}})
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	ln := fasthttputil.NewInmemoryListener()
	if err := s.Serve(ln); err != ErrServerClosed {
		t.Fatalf("serve after shutdown: %v", err)
	}
}

// Goal: slow headers end at header_timeout, slow bodies at read_timeout, idle
// connections at idle_timeout. Method: virtual time.
func TestTimeouts(t *testing.T) {
	// fasthttp starts a clock for its Date header once per process, and that
	// one must not live inside the bubble.
	direct(func(ctx *fasthttp.RequestCtx) { _ = ctx.Response.Header.String() }, "/")
	const header, read, idle = 5 * time.Second, 30 * time.Second, 60 * time.Second
	for _, c := range []struct {
		name, request string
		after         time.Duration
		want          string
	}{
		{"no byte", "", header, "header_timeout"},
		{"headers", "PUT /kv/k HTTP/1.1\r\nHost: k", header, "header_timeout"},
		{"body", "PUT /kv/k HTTP/1.1\r\nHost: kvs\r\nContent-Length: 5\r\n\r\n1", read, "read_timeout"},
		{"idle", "GET /healthz HTTP/1.1\r\nHost: kvs\r\n\r\n", idle, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(Options{Store: &fakeStore{}, Cluster: fakeCluster{}, Operator: &fakeOperator{},
					HeaderTimeout: header, ReadTimeout: read, IdleTimeout: idle})
				client, server := net.Pipe()
				go func() {
					_ = s.http.ServeConn(server) // The timeout itself, or nil.
					server.Close()
				}()
				start := time.Now()
				go func() { _, _ = client.Write([]byte(c.request)) }()
				var got bytes.Buffer
				_, _ = got.ReadFrom(client) // Ends when the server closes.
				if after := time.Since(start); after != c.after {
					t.Errorf("closed after %v, want %v", after, c.after)
				}
				if !strings.Contains(got.String(), c.want) {
					t.Errorf("answer %q, want one that names %q", got.String(), c.want)
				}
			})
		})
	}
}

// halfConn records how it is closed.
type halfConn struct {
	net.Conn
	calls []string
	left  int
}

func (c *halfConn) CloseWrite() error { c.calls = append(c.calls, "close write"); return nil }
func (c *halfConn) Close() error      { c.calls = append(c.calls, "close"); return nil }
func (c *halfConn) SetReadDeadline(time.Time) error {
	c.calls = append(c.calls, "deadline")
	return nil
}
func (c *halfConn) Read(p []byte) (int, error) {
	if c.left == 0 {
		c.calls = append(c.calls, "drained")
		return 0, net.ErrClosed
	}
	n := min(c.left, len(p))
	c.left -= n
	return n, nil
}

// Goal: a refused upload is drained before the close, others are not.
func TestLinger(t *testing.T) {
	plain := &halfConn{left: 10}
	if err := (&clientConn{Conn: plain, all: &connections{}}).Close(); err != nil || strings.Join(plain.calls, ",") != "close" {
		t.Errorf("plain: %v %v", plain.calls, err)
	}
	refused := &halfConn{left: 100_000}
	c := &clientConn{Conn: refused, all: &connections{}}
	c.linger.Store(true)
	want := "close write,deadline,drained,close"
	if err := c.Close(); err != nil || strings.Join(refused.calls, ",") != want {
		t.Errorf("refused: %v %v", refused.calls, err)
	}
}
