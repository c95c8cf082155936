package httpapi

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fasthttp"
)

// limited is a handler that serves a few requests a minute, and who asks it.
type limited struct {
	t *testing.T
	h fasthttp.RequestHandler
}

func newLimited(t *testing.T, limit RateLimit, guard Guard) limited {
	return limited{t, New(Options{Store: &fakeStore{}, Cluster: fakeCluster{}, Operator: &fakeOperator{},
		Guard: guard, Tunable: Tunable{RateLimit: limit}}).Handler()}
}

// ask sends a GET from an address; headers are name and value in turns.
func (l limited) ask(from, target string, headers ...string) *fasthttp.Response {
	l.t.Helper()
	ctx := &fasthttp.RequestCtx{}
	var req fasthttp.Request
	req.SetRequestURI(target)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	ctx.Init(&req, &net.TCPAddr{IP: net.ParseIP(from), Port: 1234}, nil)
	l.h(ctx)
	return &ctx.Response
}

func header(r *fasthttp.Response, name string) string { return string(r.Header.Peek(name)) }

// Goal: the headers of every answer, and the refusal, to the byte; health is free.
func TestRateLimitHeaders(t *testing.T) {
	direct(func(ctx *fasthttp.RequestCtx) { _ = ctx.Response.Header.String() }, "/")
	synctest.Test(t, func(t *testing.T) {
		l := newLimited(t, RateLimit{Requests: 3, Window: time.Minute}, nil)
		for i, want := range []struct {
			status int
			left   string
		}{{404, `"default";r=2;t=20`}, {400, `"default";r=1;t=40`}, {204, `"default";r=0;t=60`}, {429, `"default";r=0;t=60`}} {
			target := []string{"/kv/k", "/kv/", "*", "/kv/k"}[i]
			ctx := &fasthttp.RequestCtx{}
			ctx.Request.SetRequestURI(target)
			if target == "*" {
				ctx.Request.Header.SetMethod("OPTIONS")
				ctx.Request.Header.SetRequestURI("*")
			}
			l.h(ctx)
			r := &ctx.Response
			fields := r.Header.String()
			if r.StatusCode() != want.status || !strings.Contains(fields, "RateLimit: "+want.left+"\r\n") ||
				!strings.Contains(fields, "RateLimit-Policy: \"default\";q=3;w=60\r\n") {
				t.Errorf("%s: %d %s, want %+v", target, r.StatusCode(), fields, want)
			}
		}
		r := l.ask("192.0.2.77", "/problems/rate-limited")
		if r.StatusCode() == 429 {
			t.Error("one address pays for another")
		}
		r = l.ask("192.0.2.1", "/health")
		if strings.Contains(r.Header.String(), "RateLimit") {
			t.Error("health is limited")
		}
		for range 3 {
			l.ask("192.0.2.1", "/kv/k")
		}
		<-time.After(500 * time.Millisecond)
		r = l.ask("192.0.2.1", "/kv/k")
		body := string(r.Body())
		if r.StatusCode() != 429 || header(r, "Retry-After") != "20" || !strings.Contains(body, `"code":"rate-limited"`) ||
			!strings.Contains(body, `"config_key":"rate_limit_requests","limit":3,"retry_after_ms":20000`) ||
			!strings.Contains(body, "rate_limit_window, 1m0s") {
			t.Errorf("%d %s %s", r.StatusCode(), &r.Header, body)
		}
		for range 200 {
			if r := l.ask("192.0.2.1", "/health"); r.StatusCode() != 200 {
				t.Fatal("health is limited")
			}
		}
		<-time.After(20 * time.Second)
		if r := l.ask("192.0.2.1", "/kv/k"); r.StatusCode() != 404 {
			t.Errorf("after Retry-After: %d", r.StatusCode())
		}
	})
}

// Goal: a request that asks before it sends its body counts once, whether it is let
// through or refused.
func TestRateLimitCountsExpectOnce(t *testing.T) {
	r := newRig(t, func(o *Options) { o.RateLimit = RateLimit{Requests: 3, Window: time.Hour} })
	put := "PUT /kv/k HTTP/1.1\r\nHost: kvs\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n1"
	for i, want := range []string{`"default";r=2`, `"default";r=1`, `"default";r=0`} {
		a := r.pipeline("PUT", put, 1)

		if got := a[0].header["Ratelimit"]; !strings.HasPrefix(got, want) {
			t.Fatalf("%d: %v %s", i, a, got)
		}
	}
	if a := r.pipeline("PUT", put, 1); a[0].problem() != slugRateLimited || !a[0].closed {
		t.Errorf("%v", a)
	}
	if len(r.store.writes) != 3 {
		t.Errorf("%d writes", len(r.store.writes))
	}
}

// TestS19ForwardedAddresses: X-Forwarded-For counts only from trusted proxies, and from
// the right: what a client puts in front changes nothing.
func TestS19ForwardedAddresses(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		peer, forwarded, want string
		trusted               []netip.Prefix
	}{
		{"192.0.2.1", "198.51.100.1", "192.0.2.1", nil},
		{"192.0.2.1", "198.51.100.1", "192.0.2.1", trusted},
		{"10.0.0.1", "", "10.0.0.1", trusted},
		{"10.0.0.1", "198.51.100.1", "198.51.100.1", trusted},
		{"10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1", trusted},
		{"10.0.0.1", "6.6.6.6, 198.51.100.1, 10.1.1.1", "198.51.100.1", trusted},
		{"10.0.0.1", "6.6.6.6|198.51.100.1|10.1.1.1", "198.51.100.1", trusted},
		{"10.0.0.1", "6.6.6.6,junk", "10.0.0.1", trusted},
		{"10.0.0.1", "6.6.6.6,junk,10.1.1.1", "10.1.1.1", trusted},
		{"10.0.0.1", "10.2.2.2,10.3.3.3", "10.2.2.2", trusted},
		{"10.0.0.1", "198.51.100.1:4711", "198.51.100.1", trusted},
		{"10.0.0.1", "[2001:db8::1]:4711", "2001:db8::1", trusted},
		{"::ffff:10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1", trusted},
		{"fd00::1", "2001:db8::1", "2001:db8::1", trusted},
		{"10.0.0.1", "1.1.1.1," + strings.Repeat("10.0.0.1,", 40) + "10.0.0.1", "10.0.0.1", trusted},
	} {
		ctx := &fasthttp.RequestCtx{}
		var req fasthttp.Request
		for _, line := range strings.Split(c.forwarded, "|") {
			if line != "" {
				req.Header.Add("X-Forwarded-For", line)
			}
		}
		ctx.Init(&req, &net.TCPAddr{IP: net.ParseIP(c.peer)}, nil)
		if got := clientAddress(ctx, c.trusted); got != netip.MustParseAddr(c.want) {
			t.Errorf("%s, %q: %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}

// TestS19WhoPays: a user pays from every address, unless addresses are to; who shows no
// token, or a wrong one, pays by address, and cannot guess on; whose token is known is
// served beside such a neighbour.
func TestS19WhoPays(t *testing.T) {
	direct(func(ctx *fasthttp.RequestCtx) { _ = ctx.Response.Header.String() }, "/")
	synctest.Test(t, func(t *testing.T) {
		limit := RateLimit{Requests: 5, Window: time.Hour}
		l := newLimited(t, limit, newFakeGuard())
		ask := func(from, token string) int {
			return l.ask(from, "/kv/_range", "Authorization", "Bearer "+token).StatusCode()
		}
		expect := func(what string, got, want int) {
			t.Helper()
			if got != want {
				t.Errorf("%s: %d, want %d", what, got, want)
			}
		}
		expect("bob, to be known", ask("192.0.2.9", "bob"), 200)
		for i := range 5 {
			expect("a user from many addresses", ask(fmt.Sprintf("192.0.2.%d", 100+i), "carol"), 200)
			expect("a wrong token", ask("192.0.2.9", fmt.Sprint("guess", i)), 401)
		}
		expect("the same user from one more", ask("192.0.2.200", "carol"), 429)
		expect("one more guess", ask("192.0.2.9", "guess"), 429)
		expect("a right guess", ask("192.0.2.9", "alice"), 429)
		expect("no token from there", l.ask("192.0.2.9", "/kv/k").StatusCode(), 429)
		expect("a known user from there", ask("192.0.2.9", "bob"), 200)
		expect("the right token from elsewhere", ask("192.0.2.8", "alice"), 200)

		limit.ByAddress = true
		l = newLimited(t, limit, newFakeGuard())
		for range 5 {
			expect("by address", ask("192.0.2.9", "bob"), 200)
		}
		expect("by address, another user", ask("192.0.2.9", "carol"), 429)
		expect("by address, elsewhere", ask("192.0.2.8", "bob"), 200)
	})
}
