package httpapi

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestS9BodiesStayBounded: what a body costs is known before it is looked into: nothing is
// unpacked, nothing nests deeper than 64, and nothing is read far past the limit.
func TestS9BodiesStayBounded(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxJSONSize = 64 << 10 })
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	bomb := strings.Repeat("\x28\xb5\x2f\xfd", 33<<10/4)
	for _, encoding := range []string{"gzip", "zstd", "br", "deflate", "x-gzip", "identity, gzip", "GZIP"} {
		if a := r.do("PUT", "/kv/k", bomb, "Content-Encoding: "+encoding); a.problem() != slugUnsupportedMedia {
			t.Errorf("%s: %s", encoding, a)
		}
	}
	for depth, want := range map[int]int{64: 201, 65: 400, 25_000: 400} {
		r.store.records = nil
		for _, pair := range [][2]string{{"[", "]"}, {`{"a":`, "}"}} {
			inner := strings.Repeat(pair[0], depth) + "1" + strings.Repeat(pair[1], depth)
			if len(inner) > 60<<10 {
				continue
			}
			r.store.records = nil
			if a := r.do("PUT", "/kv/k", inner); a.status != want {
				t.Errorf("depth %d: %s", depth, a)
			}
		}
	}
	runtime.ReadMemStats(&after)
	if spent := after.TotalAlloc - before.TotalAlloc; spent > 8<<20 {
		t.Errorf("%d bytes were allocated for %d requests", spent, 12)
	}
	conn, err := r.ln.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	chunk := fmt.Appendf(nil, "%x\r\n%s\r\n", 16<<10, strings.Repeat("1", 16<<10))
	if _, err := conn.Write([]byte("PUT /kv/k HTTP/1.1\r\nHost: kvs\r\nTransfer-Encoding: chunked\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	sent := 0 // of a body without an end
	for ; sent < 64<<20; sent += len(chunk) {
		if _, err := conn.Write(chunk); err != nil {
			break
		}
		if sent > 1<<20 {
			break
		}
	}
	buf := make([]byte, 12)
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(buf); err != nil || string(buf[:n]) != "HTTP/1.1 413" {
		t.Errorf("an endless body: %q, %v", buf[:n], err)
	}
}

// TestS16ClientsSetNoTimestamps: whatever a client says about time, the node's own stamp
// and name are what a record gets, and what is in a value is only that.
func TestS16ClientsSetNoTimestamps(t *testing.T) {
	r := newRig(t, nil)
	far := "9999999999999"
	value := `{"uuid":"ffffffff-ffff-8fff-bfff-ffffffffffff","timestamp":` + far + `,"data":1}`
	a := r.do("PUT", "/kv/k", value, "Date: Fri, 31 Dec 9999 23:59:59 GMT", "Last-Modified: Fri, 31 Dec 9999 23:59:59 GMT",
		"X-Timestamp: "+far, "KVS-Timestamp: "+far, `ETag: "ffffffff-ffff-8fff-bfff-ffffffffffff"`)
	if a.status != 201 || a.body != `{"uuid":"00000000-0000-0000-0000-000000000001","timestamp":1672531200001}` {
		t.Errorf("a write: %s", a)
	}
	a = r.do("GET", "/kv/k", "")
	if !strings.Contains(a.body, `"timestamp":1672531200001,"data":`+value+"}") {
		t.Errorf("a read: %s", a)
	}
	for _, target := range []string{"/kv/k?timestamp=" + far, "/kv/k?ts=1", "/kv/k?uuid=x", "/kv/k?at=1"} {
		if a := r.do("PUT", target, "1"); a.problem() != slugInvalidParameter {
			t.Errorf("%s: %s", target, a)
		}
	}
	if len(r.store.writes) != 1 {
		t.Errorf("stored %+v", r.store.writes)
	}
}

// TestS20Browsers: no answer lets a page of another origin in unless it is listed; what was
// stored is never taken for a page; no header changes the method.
func TestS20Browsers(t *testing.T) {
	const listed, other = "https://good.example", "https://good.example.evil"
	closed := newRig(t, nil)
	open := newRig(t, func(o *Options) { o.AllowedOrigins = []string{listed} })
	for _, r := range []*rig{closed, open} {
		for _, origin := range []string{listed, other, "null", "HTTPS://good.example", listed + ":443"} {
			for _, method := range []string{"GET", "PUT", "OPTIONS"} {
				a := r.do(method, "/kv/k", "1", "Origin: "+origin, "Access-Control-Request-Method: PUT")
				want := ""
				if r == open && origin == listed {
					want = listed
				}
				if got := a.header["Access-Control-Allow-Origin"]; got != want || a.header["Access-Control-Allow-Credentials"] != "" {
					t.Errorf("%s from %s: %v", method, origin, a.header)
				}
				if (a.header["Vary"] == "Origin") != (r == open) || a.header["X-Content-Type-Options"] != "nosniff" {
					t.Errorf("%s from %s: %v", method, origin, a.header)
				}
			}
		}
		for _, target := range []string{"/kv/nothing", "/kv/_range", "/health", "/nope", "/problems/internal", "/version", "/members/"} {
			a := r.do("GET", target, "")
			if kind := a.header["Content-Type"]; a.header["X-Content-Type-Options"] != "nosniff" || strings.Contains(kind, "html") || kind == "" {
				t.Errorf("%s: %v", target, a.header)
			}
		}
		for _, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
			before := len(r.store.writes)
			if a := r.do("GET", "/kv/k", "", name+": DELETE"); a.status != 200 || len(r.store.writes) != before {
				t.Errorf("%s: %s", name, a)
			}
			if a := r.do("POST", "/kv/k", "", name+": PUT"); a.status != 405 {
				t.Errorf("%s: %s", name, a)
			}
		}
	}
	a := open.do("OPTIONS", "/kv/k", "", "Origin: "+listed, "Access-Control-Request-Method: PUT")
	if a.status != 204 || a.header["Access-Control-Allow-Methods"] != allowKV || a.header["Access-Control-Max-Age"] == "" ||
		!strings.Contains(a.header["Access-Control-Allow-Headers"], "Authorization") {
		t.Errorf("preflight: %s %v", a, a.header)
	}
	if a := closed.do("POST", "/sync/now", "", "Origin: "+listed); a.problem() != slugForbidden {
		t.Errorf("an order of another site: %s", a)
	}
	if a := open.do("POST", "/sync/now", "", "Origin: "+listed); a.status/100 != 2 {
		t.Errorf("an order of a listed site: %s", a)
	}
	if a := open.do("POST", "/sync/now", "", "Origin: "+other); a.problem() != slugForbidden {
		t.Errorf("an order of a site that is not listed: %s", a)
	}
}

// Goal: a sane name of a request comes back, any other is replaced, in the header, the
// problem and no two alike.
func TestRequestIDs(t *testing.T) {
	r := newRig(t, nil)
	for _, id := range []string{"a", "0af7651916cd43dd8448eb211c80319c", "Root=1-67891233-abcdef012345678912345678", strings.Repeat("x", 128)} {
		if a := r.do("GET", "/kv/none", "", "X-Request-ID: "+id); a.header["X-Request-Id"] != id ||
			!strings.Contains(a.body, `"request_id":"`+id+`"`) {
			t.Errorf("%s: %s %v", id, a, a.header)
		}
	}
	seen := map[string]bool{}
	for _, id := range []string{"", " ", "a b", `a"b`, "a\xffb", "a<b", strings.Repeat("x", 129)} {
		for _, target := range []string{"/kv/none", "/health", "/kv/"} {
			got := r.do("GET", target, "", "X-Request-ID: "+id).header["X-Request-Id"]
			if len(got) != 24 || seen[got] {
				t.Errorf("%q at %s became %q", id, target, got)
			}
			seen[got] = true
		}
	}
	if a := r.raw("GET", "hello\r\n\r\n"); len(a.header["X-Request-Id"]) != 24 || !strings.Contains(a.body, a.header["X-Request-Id"]) {
		t.Errorf("what cannot be read: %s %v", a, a.header)
	}
}
