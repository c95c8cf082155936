package httpapi

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// mutate changes a few bytes of a text, or repeats, drops and joins parts of it.
func mutate(r *rand.Rand, text []byte, more []byte) []byte {
	text = slices.Clone(text)
	for range 1 + r.IntN(4) {
		if len(text) == 0 {
			return []byte{0}
		}
		at := r.IntN(len(text))
		switch r.IntN(6) {
		case 0:
			text[at] = byte(r.IntN(256))
		case 1:
			text[at] ^= 1 << r.IntN(8)
		case 2:
			text = append(text[:at], text[min(at+1+r.IntN(16), len(text)):]...)
		case 3:
			text = slices.Insert(text, at, bytes.Repeat(text[at:min(at+8, len(text))], 1+r.IntN(40))...)
		case 4:
			text = slices.Insert(text, at, []byte("\r\n\x00\xff :;,/%?#&=\"{}[]\t")[r.IntN(20)])
		case 5:
			text = append(text[:at], more[r.IntN(len(more)):]...)
		}
	}
	return text
}

// TestB14HTTPMutants: whatever bytes come, the server answers with a status below 500 or
// closes, holds no more memory after than before, and serves the next client.
func TestB14HTTPMutants(t *testing.T) {
	count := 100_000
	if testing.Short() || raceEnabled {
		count = 10_000
	}
	var log lockedBuffer
	store := &fakeStore{}
	s := New(Options{Store: store, Cluster: fakeCluster{}, Operator: &fakeOperator{},
		Logger:  slog.New(slog.NewTextHandler(&log, nil)),
		Tunable: Tunable{RateLimit: RateLimit{Requests: 1_000_000_000, Window: time.Hour}}})
	seeds := [][]byte{
		[]byte("PUT /kv/users/john HTTP/1.1\r\nHost: kvs\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{\"name\":[1,2e3]}"),
		[]byte("GET /kv/_range?start_key=a%20b&end_key=c&limit=5 HTTP/1.1\r\nHost: kvs\r\nAccept: */*\r\n\r\n"),
		[]byte("PUT /kv/k?ttl=1h HTTP/1.1\r\nHost: kvs\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n[1,\r\n2\r\n2]\r\n0\r\n\r\n"),
		[]byte("PUT /kv/k HTTP/1.1\r\nHost: kvs\r\nExpect: 100-continue\r\nContent-Length: 22\r\n\r\n{\"data\":1,\"ttl\":\"1h\"}\n"),
		[]byte("GET http://kvs/acl/a/b HTTP/1.1\r\nHost: kvs\r\nAuthorization: Bearer a.b.c\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n"),
		[]byte("POST /kv/_batch HTTP/1.1\r\nHost: kvs\r\nIdempotency-Key: a\r\nContent-Length: 59\r\n\r\n" +
			"[{\"op\":\"put\",\"key\":\"a/b\",\"data\":{\"a\":[1]},\"if_match\":\"*\"}]\n"),
		[]byte("DELETE /kv/users/?recurse&limit=2 HTTP/1.1\r\nHost: kvs\r\nKVS-Confirm: users/\r\n\r\n" +
			"GET /kv/_recent?since=0&reverse HTTP/1.1\r\nHost: kvs\r\nAccept: application/x-ndjson\r\n\r\n"),
		[]byte("PATCH /kv/k?ttl=1h HTTP/1.1\r\nHost: kvs\r\nPrefer: return=representation\r\nIdempotency-Key: b\r\n\r\n"),
		[]byte("DELETE /kv/a/b/c?strict=true HTTP/1.0\r\nConnection: keep-alive\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: kvs\r\n\r\n"),
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	statuses := make([]map[int]int, 4)
	var workers sync.WaitGroup
	for w := range statuses {
		statuses[w] = map[int]int{}
		workers.Go(func() {
			random := rand.New(rand.NewPCG(14, uint64(w)))
			for range count / len(statuses) {
				request := mutate(random, seeds[random.IntN(len(seeds))], seeds[random.IntN(len(seeds))])
				status, err := s.throw(request)
				if err != nil || status >= 500 {
					t.Errorf("%q: %d, %v", request, status, err)
					return
				}
				statuses[w][status]++
			}
		})
	}
	workers.Wait()
	good := []byte("GET /health HTTP/1.1\r\nHost: kvs\r\n\r\n")
	if status, err := s.throw(good); err != nil || status != 200 {
		t.Errorf("a good client after that: %d, %v", status, err)
	}
	store.writes, store.records = nil, nil // what the fake keeps is not the server's
	runtime.GC()
	runtime.ReadMemStats(&after)
	if after.HeapAlloc > before.HeapAlloc+20<<20 {
		t.Errorf("the heap has %d bytes, before it had %d", after.HeapAlloc, before.HeapAlloc)
	}
	if log.contains("panicked") {
		t.Error("a handler panicked: ", log.String())
	}
	refused, served := 0, 0
	for _, s := range statuses {
		refused, served = refused+s[400]+s[404]+s[405]+s[413]+s[415], served+s[200]+s[201]+s[204]
	}
	if refused < count/4 || served < count/100 {
		t.Errorf("%d refused and %d served of %d: the inputs say little", refused, served, count)
	}
}

// throw serves a connection that brings these bytes and ends, and returns the status of
// the first answer, 0 if there is none.
func (s *Server) throw(request []byte) (int, error) {
	c := &thrown{in: bytes.NewReader(request)}
	_ = s.http.ServeConn(&clientConn{Conn: c, all: &s.conns}) // what went wrong is in the answer
	head := bytes.TrimPrefix(c.out, []byte("HTTP/1.1 100 Continue\r\n\r\n"))
	if len(head) == 0 {
		return 0, nil
	}
	if len(head) < 12 || string(head[:9]) != "HTTP/1.1 " {
		return 0, fmt.Errorf("answered %q", head)
	}
	return strconv.Atoi(string(head[9:12]))
}

// thrown is a connection whose other end has sent everything and is gone.
type thrown struct {
	net.Conn // nil: nothing else is called
	in       *bytes.Reader
	out      []byte
}

func (c *thrown) Read(b []byte) (int, error)       { return c.in.Read(b) }
func (c *thrown) Write(b []byte) (int, error)      { c.out = append(c.out, b...); return len(b), nil }
func (c *thrown) Close() error                     { return nil }
func (c *thrown) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)} }
func (c *thrown) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *thrown) SetDeadline(time.Time) error      { return nil }
func (c *thrown) SetReadDeadline(time.Time) error  { return nil }
func (c *thrown) SetWriteDeadline(time.Time) error { return nil }

// lockedBuffer is a log that many goroutines write.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *lockedBuffer) contains(s string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Contains(b.text.Bytes(), []byte(s))
}
