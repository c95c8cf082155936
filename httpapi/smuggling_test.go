package httpapi

import (
	"strings"
	"testing"
)

// smuggled is a request whose end, target or version somebody in front could see
// differently.
type smuggled struct {
	name, request string
	status        int
	calls         int // of the store; a refusal makes none
}

const hiddenRequest = "PUT /kv/hidden HTTP/1.1\r\nHost: kvs\r\nContent-Length: 1\r\n\r\n1"

// framings are wrong: the connection closes, and what follows is not served.
func framings() []smuggled {
	put := func(name, version, headers, body string) smuggled {
		return smuggled{name, "PUT /kv/k " + version + "\r\nHost: kvs\r\n" + headers + "\r\n" + body, 400, 0}
	}
	v11 := func(name, headers, body string) smuggled { return put(name, "HTTP/1.1", headers, body) }
	const chunk = "1\r\n1\r\n0\r\n\r\n"
	return []smuggled{
		v11("length and chunked", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", chunk),
		v11("chunked and length", "transfer-encoding: chunked\r\ncontent-length: 1\r\n", chunk),
		v11("chunked and length 0", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", chunk),
		v11("identity", "Transfer-Encoding: identity\r\n", ""),
		v11("identity and length", "Transfer-Encoding: identity\r\nContent-Length: 1\r\n", "1"),
		v11("gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n", chunk),
		v11("chunked, identity", "Transfer-Encoding: chunked, identity\r\n", chunk),
		v11("chunked twice", "Transfer-Encoding: chunked, chunked\r\n", chunk),
		v11("chunked in two headers", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunk),
		v11("identity, then chunked", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n", chunk),
		v11("chunked in quotes", "Transfer-Encoding: \"chunked\"\r\n", chunk),
		v11("xchunked", "Transfer-Encoding: xchunked\r\n", chunk),
		v11("chunked with parameter", "Transfer-Encoding: chunked;q=1\r\n", chunk),
		v11("empty encoding", "Transfer-Encoding: \r\nContent-Length: 1\r\n", "1"),
		v11("vertical tab", "Transfer-Encoding: \vchunked\r\n", chunk),
		v11("two equal lengths", "Content-Length: 1\r\nContent-Length: 1\r\n", "1"),
		v11("two lengths", "Content-Length: 1\r\nContent-Length: 2\r\n", "1"),
		v11("length list", "Content-Length: 1, 1\r\n", "1"),
		v11("signed length", "Content-Length: +1\r\n", "1"),
		v11("negative length", "Content-Length: -1\r\n", ""),
		v11("hex length", "Content-Length: 0x1\r\n", "1"),
		v11("length with text", "Content-Length: 1a\r\n", "1"),
		v11("huge length", "Content-Length: 99999999999999999999\r\n", "1"),
		v11("empty length", "Content-Length: \r\n", ""),
		v11("folded", "X-A: b\r\n c\r\nContent-Length: 1\r\n", "1"),
		v11("folded by tab", "X-A: b\r\n\tc\r\nContent-Length: 1\r\n", "1"),
		v11("folded length", "Content-Length:\r\n 1\r\n", "1"),
		v11("folded first", " X-A: b\r\nContent-Length: 1\r\n", "1"),
		v11("space before colon", "Content-Length : 1\r\n", "1"),
		v11("tab before colon", "Transfer-Encoding\t: chunked\r\n", chunk),
		v11("no colon", "Content-Length 1\r\n", "1"),
		v11("NUL in a name", "X\x00A: b\r\nContent-Length: 1\r\n", "1"),
		v11("NUL in a value", "X-A: b\x00c\r\nContent-Length: 1\r\n", "1"),
		v11("bare CR in a value", "X-A: b\rTransfer-Encoding: chunked\r\nContent-Length: 1\r\n", "1"),
		v11("bad chunk size", "Transfer-Encoding: chunked\r\n", "zz\r\n1\r\n0\r\n\r\n"),
		v11("negative chunk size", "Transfer-Encoding: chunked\r\n", "-1\r\n1\r\n0\r\n\r\n"),
		v11("hex prefix of a chunk", "Transfer-Encoding: chunked\r\n", "0x1\r\n1\r\n0\r\n\r\n"),
		v11("huge chunk size", "Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n1\r\n0\r\n\r\n"),
		v11("chunk without its end", "Transfer-Encoding: chunked\r\n", "1\r\n1xx0\r\n\r\n"),
		v11("line break in an extension", "Transfer-Encoding: chunked\r\n", "1;a\n\r\n1\r\n0\r\n\r\n"),
		v11("two hosts", "Host: other\r\nContent-Length: 1\r\n", "1"),
		put("version 9.9", "HTTP/9.9", "Content-Length: 1\r\n", "1"),
		put("version 2.0", "HTTP/2.0", "Content-Length: 1\r\n", "1"),
		put("version 1.2", "HTTP/1.2", "Content-Length: 1\r\n", "1"),
		put("version in lower case", "http/1.1", "Content-Length: 1\r\n", "1"),
		put("chunked in 1.0", "HTTP/1.0", "Transfer-Encoding: chunked\r\n", chunk),
		put("long header", "HTTP/1.1", "X-A: "+strings.Repeat("x", headerBytesMax)+"\r\n", ""),
	}
}

// targets are wrong, or meant for somebody else.
func targets() []smuggled {
	put := func(name, line, host string, status int) smuggled {
		if host != "" {
			host = "Host: " + host + "\r\n"
		}
		return smuggled{name, "PUT " + line + " HTTP/1.1\r\n" + host + "Content-Length: 1\r\n\r\n1", status, 0}
	}
	return []smuggled{
		put("no host", "/kv/k", "", 400),
		put("absolute with other host", "http://other/kv/k", "kvs", 400),
		put("absolute with user", "http://kvs@other/kv/k", "kvs", 400),
		put("absolute with other port", "http://kvs:81/kv/k", "kvs", 400),
		put("other scheme", "ftp://kvs/kv/k", "kvs", 400),
		put("authority alone", "kvs:80", "kvs", 400),
		put("no slash", "kv/k", "kvs", 400),
		put("control", "/kv/\x01", "kvs", 400),
		put("space in the target", "/kv/a b", "kvs", 400),
		{"not HTTP", "hello\r\n\r\n", 400, 0},
		{"TLS", "\x16\x03\x01\x00\xa5 hello\r\n\r\n", 400, 0},
		{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 0},
		{"HTTP/0.9", "GET /kv/k\r\n\r\n", 400, 0},
	}
}

// honest requests look strange and are right.
func honest() []smuggled {
	return []smuggled{
		{"pipeline", hiddenRequest, 201, 1},
		{"chunked", "PUT /kv/k HTTP/1.1\r\nHost: kvs\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n1\r\n0\r\n\r\n", 201, 1},
		{"chunked in upper case", "PUT /kv/k HTTP/1.1\r\nHost: kvs\r\nTransfer-Encoding: CHUNKED\r\n\r\n1\r\n1\r\n0\r\n\r\n", 201, 1},
		// RFC 9112 section 7.1.1: a recipient ignores extensions that it does not know.
		{"chunk extension", "PUT /kv/k HTTP/1.1\r\nHost: kvs\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\n1\r\n0\r\n\r\n", 201, 1},
		{"leading zeros of a chunk", "PUT /kv/k HTTP/1.1\r\nHost: kvs\r\nTransfer-Encoding: chunked\r\n\r\n001\r\n1\r\n0\r\n\r\n", 201, 1},
		{"absolute form", "PUT http://kvs/kv/k HTTP/1.1\r\nHost: kvs\r\nContent-Length: 1\r\n\r\n1", 201, 1},
		{"absolute form, host in upper case", "PUT http://KVS/kv/k HTTP/1.1\r\nHost: kvs\r\nContent-Length: 1\r\n\r\n1", 201, 1},
		{"HTTP/1.0 that stays", "PUT /kv/k HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n1", 201, 1},
	}
}

// TestS6RequestSmuggling sends each case with another request behind it. A wrong one is
// answered 400, its connection closes, and neither of the two reaches the store; an
// honest one does, and so does what follows.
func TestS6RequestSmuggling(t *testing.T) {
	r := newRig(t, nil)
	wrong := append(framings(), targets()...)
	if len(wrong) < 45 {
		t.Fatalf("%d cases", len(wrong))
	}
	for _, c := range wrong {
		before := len(r.store.writes)
		answers := r.pipeline("PUT", c.request+hiddenRequest, 2)
		if len(answers) != 1 || answers[0].status != c.status || answers[0].problem() != slugBadRequest ||
			!answers[0].closed {
			t.Errorf("%s: %v", c.name, answers)
		}
		if calls := len(r.store.writes) - before; calls != c.calls {
			t.Errorf("%s: the store was called %d times, want %d", c.name, calls, c.calls)
		}
	}
	for _, c := range honest() {
		before := len(r.store.writes)
		r.store.records = nil
		answers := r.pipeline("PUT", c.request+hiddenRequest, 2)
		if len(answers) != 2 || answers[0].status != c.status || answers[1].status/100 != 2 {
			t.Errorf("%s: %v", c.name, answers)
		}
		if calls := len(r.store.writes) - before; calls != c.calls+1 {
			t.Errorf("%s: the store was called %d times, want %d", c.name, calls, c.calls+1)
		}
	}
}
