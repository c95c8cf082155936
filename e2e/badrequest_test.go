package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// badRequest is a request that is refused: the raw bytes, and the refusal.
type badRequest struct {
	name   string
	raw    string
	status int
	code   string
	says   string // part of the detail
}

// rawPut is a PUT with its length, as bytes.
func rawPut(target, body string) string {
	return fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: e2e\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\n\r\n%s", target, len(body), body)
}

// chunkedPut is a PUT whose length shows only at its end.
func chunkedPut(target, body string) string {
	const chunkBytes = 64 << 10
	var b strings.Builder
	fmt.Fprintf(&b, "PUT %s HTTP/1.1\r\nHost: e2e\r\nTransfer-Encoding: chunked\r\n\r\n", target)
	for len(body) > 0 {
		n := min(len(body), chunkBytes)
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return b.String() + "0\r\n\r\n"
}

func badKeys() []badRequest {
	key := func(name, target, code, says string) badRequest {
		return badRequest{name, rawPut(target, "1"), http.StatusBadRequest, code, says}
	}
	return []badRequest{
		key("reserved key", "/kv/_ts:1:x", "reserved-key", "_ts:1:x"),
		key("reserved key, encoded", "/kv/%5Fx", "reserved-key", "_x"),
		key("empty key", "/kv/", "invalid-key", "empty"),
		key("encoded slash", "/kv/a%2Fb", "invalid-key", "%2F"),
		key("dot-dot segment", "/kv/a/../b", "invalid-key", ".."),
		key("encoded dot-dot segment", "/kv/a/%2e%2E/b", "invalid-key", ".."),
		key("dot segment", "/kv/./a", "invalid-key", "."),
		key("empty segment", "/kv/a//b", "invalid-key", "empty"),
		key("trailing slash", "/kv/a/", "invalid-key", "/"),
		key("NUL", "/kv/a%00b", "invalid-key", "U+0000"),
		key("line break", "/kv/a%0d%0ab", "invalid-key", "U+000D"),
		key("DEL", "/kv/a%7f", "invalid-key", "U+007F"),
		key("encoded byte that is not UTF-8", "/kv/a%ff", "invalid-key", "UTF-8"),
		key("raw byte that is not UTF-8", "/kv/a\xff", "invalid-key", "UTF-8"),
		key("overlong UTF-8", "/kv/a%c0%afb", "invalid-key", "UTF-8"),
		key("surrogate", "/kv/%ed%a0%80", "invalid-key", "UTF-8"),
		key("broken escape", "/kv/100%", "invalid-key", "%25"),
		key("broken escape in the middle", "/kv/a%zzb", "invalid-key", "%zz"),
		key("too long a key", "/kv/"+strings.Repeat("k", 1025), "invalid-key", "1024"),
		key("fragment", "/kv/a#b", "bad-request", "%23"),
	}
}

func badValues() []badRequest {
	value := func(name, body, says string) badRequest {
		return badRequest{name, rawPut("/kv/v", body), http.StatusBadRequest, "invalid-json", says}
	}
	return []badRequest{
		value("empty body", "", "empty"),
		value("blank body", " \n", ""),
		value("word", "hello", "line 1"),
		value("open object", `{"a":1`, "line 1"),
		value("two texts", `{} {}`, "line 1"),
		value("trailing comma", "[1,\n2,]", "line 2"),
		value("leading zero", "01", "line 1"),
		value("byte that is not UTF-8", "\"\xff\"", "UTF-8"),
		value("raw line break in a string", "\"a\nb\"", ""),
		value("byte order mark", "\ufeff1", "line 1"),
		value("too deep", strings.Repeat("[", 65)+strings.Repeat("]", 65), "64"),
		value("far too deep", strings.Repeat("[", 500_000), "64"),
	}
}

func badTTLs() []badRequest {
	ttl := func(name, target, body string) badRequest {
		return badRequest{name, rawPut(target, body), http.StatusBadRequest, "invalid-ttl", "ttl"}
	}
	return []badRequest{
		ttl("envelope with a word", "/kv/t", `{"data":1,"ttl":"soon"}`),
		ttl("envelope with a number", "/kv/t", `{"data":1,"ttl":60}`),
		ttl("envelope with null", "/kv/t", `{"data":1,"ttl":null}`),
		ttl("envelope with a negative one", "/kv/t", `{"data":1,"ttl":"-1h"}`),
		ttl("envelope with an empty one", "/kv/t", `{"ttl":"","data":1}`),
		ttl("query without a unit", "/kv/t?ttl=60", `1`),
		ttl("query with days", "/kv/t?ttl=1d", `1`),
		ttl("query with far too much", "/kv/t?ttl=9999999999h", `1`),
		ttl("both", "/kv/t?ttl=1h", `{"data":1,"ttl":"1h"}`),
	}
}

func badSizesAndForms() []badRequest {
	const bytesMax = 1 << 20
	over := `"` + strings.Repeat("x", bytesMax-1) + `"`
	far := `"` + strings.Repeat("x", 8*bytesMax) + `"`
	return []badRequest{
		{"one byte too large", rawPut("/kv/b", over), 413, "body-too-large", ""},
		{"one byte too large, chunked", chunkedPut("/kv/b", over), 413, "body-too-large", ""},
		{"far too large", rawPut("/kv/b", far), 413, "body-too-large", ""},
		{"far too large, chunked", chunkedPut("/kv/b", far), 413, "body-too-large", ""},
		{"large and an envelope", rawPut("/kv/b", `{"data":`+over+`,"ttl":"1h"}`), 413,
			"body-too-large", ""},
		{"form", "PUT /kv/f HTTP/1.1\r\nHost: e2e\r\nContent-Length: 3\r\n" +
			"Content-Type: application/x-www-form-urlencoded\r\n\r\na=b", 415, "unsupported-media", ""},
		{"compressed", "PUT /kv/f HTTP/1.1\r\nHost: e2e\r\nContent-Length: 1\r\n" +
			"Content-Encoding: gzip\r\n\r\n1", 415, "unsupported-media", ""},
		{"two lengths", "PUT /kv/f HTTP/1.1\r\nHost: e2e\r\nContent-Length: 1\r\n" +
			"Transfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n", 400, "bad-request", ""},
		{"unknown parameter", rawPut("/kv/f?tll=1h", "1"), 400, "invalid-parameter", "ttl"},
		{"POST", "POST /kv/f HTTP/1.1\r\nHost: e2e\r\nContent-Length: 1\r\n\r\n1", 405,
			"method-not-allowed", ""},
		{"DELETE of a reserved key", "DELETE /kv/_x HTTP/1.1\r\nHost: e2e\r\n\r\n", 400,
			"reserved-key", ""},
		{"not HTTP", "\x16\x03\x01\x00\xa5 hello\r\n\r\n", 400, "bad-request", ""},
	}
}

// TestBadRequestsStoreNothing sends requests that must be refused, as raw bytes,
// each on its own connection, and checks the refusal, and that nothing of them
// was stored.
func TestBadRequestsStoreNothing(t *testing.T) {
	n := start(t, "n1")
	empty := n.root()
	for _, group := range [][]badRequest{badKeys(), badValues(), badTTLs(), badSizesAndForms()} {
		for _, r := range group {
			t.Run(r.name, func(t *testing.T) { checkRefused(t, n, r) })
		}
	}
	if data := n.everything(); len(data) != 0 || n.root() != empty {
		t.Errorf("something was stored: %d keys, root %s, was %s", len(data), n.root(), empty)
	}
	n.put("good", "1")
	n.stop()
}

func checkRefused(t *testing.T, n *node, r badRequest) {
	t.Helper()
	a := exchange(t, n, r.raw)
	p := a.problem(t)
	if a.status != r.status || p.Code != r.code || p.Detail == "" ||
		!strings.Contains(p.Detail, r.says) {
		t.Errorf("%s, want %d %s with %q", a, r.status, r.code, r.says)
	}
	if r.code == "body-too-large" && (p.ConfigKey != "max_json_size" || p.Limit != 1<<20) {
		t.Errorf("%s does not name max_json_size and its value", a)
	}
}

// exchange sends bytes and reads one response while it sends, as the node may
// answer before it has read everything.
func exchange(t *testing.T, n *node, raw string) answer {
	t.Helper()
	conn, err := net.DialTimeout("tcp", n.address(), 2*time.Second)
	n.must(err)
	defer conn.Close()
	n.must(conn.SetDeadline(time.Now().Add(5 * time.Second)))
	go func() { _, _ = io.WriteString(conn, raw) }() // an early refusal may end it
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no response: %v", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("response %d: %v", resp.StatusCode, err)
	}
	return answer{resp.StatusCode, resp.Header, bytes.TrimSpace(body)}
}
