package e2e

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// dial opens a connection to a node and sends what it is given.
func dial(t *testing.T, n *node, raw string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", n.address())
	n.must(err)
	t.Cleanup(func() { _ = conn.Close() })
	n.must(conn.SetDeadline(time.Now().Add(20 * time.Second)))
	if _, err := io.WriteString(conn, raw); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestSilentConnectionIsClosedSilently opens a connection and sends nothing. A
// client keeps such connections for later requests, and would take a refusal
// that comes unasked for the answer to its next request.
func TestSilentConnectionIsClosedSilently(t *testing.T) {
	n := start(t, "n1", `header_timeout: "500ms"`)
	if got, err := io.ReadAll(dial(t, n, "")); err != nil || len(got) > 0 {
		t.Errorf("a connection without a request got %q (%v)", got, err)
	}
}

// TestOpenConnectionsDoNotDelayTheStop ends a node that has connections on which
// no request is under way: one that was used, and one that never was.
func TestOpenConnectionsDoNotDelayTheStop(t *testing.T) {
	for _, c := range []struct{ name, raw string }{
		{"used", "GET /health HTTP/1.1\r\nHost: e2e\r\n\r\n"},
		{"never used", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := start(t, "n1")
			dial(t, n, c.raw)
			n.put("after", "1") // by now the node has accepted the other connection
			t.Logf("stopped in %v", n.end(syscall.SIGTERM, stopsWithin).Round(time.Millisecond))
		})
	}
}

// TestSlowRequestDelaysTheStopByItsGrace ends a node whose client never finishes
// a request: it gets shutdown_timeout, and costs nobody else's data.
func TestSlowRequestDelaysTheStopByItsGrace(t *testing.T) {
	n := start(t, "n1", `shutdown_timeout: "500ms"`)
	dial(t, n, "PUT /kv/slow HTTP/1.1\r\nHost: e2e\r\nContent-Length: 10\r\n\r\n1")
	n.put("quick", "1")
	n.signal(syscall.SIGTERM)
	code, took := n.awaitEnd(stopsWithin)
	t.Logf("ended with code %d in %v", code, took.Round(time.Millisecond))
	n.start()
	if !n.shows("quick", "1") || !n.lacks("slow") {
		t.Error("want the finished request stored, the other not")
	}
}

// TestStopUnderLoadLosesNothing ends a node by SIGTERM in the middle of writes:
// exit code 0, and every acknowledged write is there after the next start.
func TestStopUnderLoadLosesNothing(t *testing.T) {
	n := start(t, "n1")
	w := newWriting(n)
	for range 2 {
		w.begin()
		w.awaitMore(t, 400)
		n.stop()
		w.end()
		n.start()
		w.check(t, n)
	}
}
