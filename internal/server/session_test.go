package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"kvs/httpapi"
	"kvs/statemachine"
)

// client asks nodes, and carries a session from one to the other.
type client struct {
	t       *testing.T
	session *string // nil: none
}

func (c client) do(s *Server, method, path, body string) (status int, answer string, header http.Header) {
	c.t.Helper()
	r, err := http.NewRequest(method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if c.session != nil {
		r.Header.Set("KVS-Session", *c.session)
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if next := a.Header.Get("KVS-Session"); c.session != nil && next != "" {
		*c.session = next
	}
	return a.StatusCode, string(text), a.Header
}

// meeting starts two nodes of one cluster.
func meeting(t *testing.T) (a, b *Server) {
	t.Helper()
	a = startNode(t, "a")
	b = startNode(t, "b", a.Address())
	eventually(t, 20*time.Second, "one cluster of two", func() bool {
		sa, sb := a.Status(), b.Status()
		return len(sa.Members) == 2 && len(sb.Members) == 2 && sb.Identity.Joined != 0 && !sb.Transfer.Active() &&
			sb.Mode == statemachine.ModeNormal && sameRoots(a, b)
	})
	return a, b
}

// Goal: whoever carries a session reads on any node what it has written and read on
// others, deletions too.
func TestSessionReadsItsWrites(t *testing.T) {
	a, b := meeting(t)
	c := client{t, new(string)}
	nodes := []*Server{a, b}
	for i := range 60 {
		here, there := nodes[i%2], nodes[(i+1)%2]
		if status, text, _ := c.do(here, "PUT", "/kv/k", fmt.Sprint(i)); status >= 300 {
			t.Fatal(status, text)
		}
		if status, text, _ := c.do(there, "GET", "/kv/k?raw", ""); status != 200 || text != fmt.Sprint(i) {
			t.Fatalf("wrote %d here, reads %d %q there", i, status, text)
		}
		if i%10 == 9 {
			c.do(there, "DELETE", "/kv/k", "")
			if status, text, _ := c.do(here, "GET", "/kv/k", ""); status != 404 {
				t.Fatalf("deleted there, reads %d %q here", status, text)
			}
		}
	}
	if len(*c.session) == 0 || len(*c.session) > 256 {
		t.Errorf("session of %d bytes", len(*c.session))
	}
	for _, bad := range []string{"x", "AQ", strings.Repeat("A", 100)} {
		if status, _, _ := (client{t, &bad}).do(a, "GET", "/kv/k", ""); status != http.StatusBadRequest {
			t.Errorf("session %q: %d", bad, status)
		}
	}
}

// Goal: what a session has seen and this node never will is told in time.
func TestSessionWaits(t *testing.T) {
	a := startNode(t, "a")
	c := client{t, new(string)}
	c.do(a, "PUT", "/kv/k", "1")
	s, err := a.api().Session([]byte(*c.session))
	if err != nil {
		t.Fatal(err)
	}
	s.Saw(httpapi.Mark{Stream: [24]byte{9}, Number: 7}, 1) // of a node that nobody knows
	*c.session = string(s.Append(nil))
	began := time.Now()
	status, text, _ := c.do(a, "GET", "/kv/k?wait=300ms", "")
	if took := time.Since(began); status != http.StatusServiceUnavailable || !strings.Contains(text, "wait-timeout") ||
		took < 300*time.Millisecond || took > 20*time.Second {
		t.Errorf("%d %s after %v", status, text, took)
	}
}

// Goal: the reads of a batch wait for the session as others do, its writes do not, and what
// they read is in the session.
func TestBatchReadsForItsSession(t *testing.T) {
	a := startNode(t, "a")
	c := client{t, new(string)}
	c.do(a, "PUT", "/kv/k", "1")
	before := *c.session
	put(t, a, "other", "2")
	put(t, a, "gone", "3")
	if _, err := a.api().Write(httpapi.Write{Key: "gone", Delete: true}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"other", "gone"} {
		last := *c.session
		if status, text, _ := c.do(a, "POST", "/kv/_batch", `[{"op":"get","key":"`+key+`"}]`); status != 200 || *c.session == last {
			t.Errorf("%d %s, session %q after %q", status, text, *c.session, before)
		}
	}
	s, err := a.api().Session([]byte(*c.session))
	if err != nil {
		t.Fatal(err)
	}
	s.Saw(httpapi.Mark{Stream: [24]byte{9}, Number: 7}, 1) // of a node that nobody knows
	*c.session = string(s.Append(nil))
	status, text, _ := c.do(a, "POST", "/kv/_batch?wait=50ms", `[{"op":"get","key":"k"},{"op":"put","key":"w","data":1}]`)
	var got struct {
		Results []struct {
			Status  int
			Problem struct{ Code string }
		}
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || status != 200 || len(got.Results) != 2 {
		t.Fatal(status, text, err)
	}
	if r := got.Results; r[0].Status != 503 || r[0].Problem.Code != "wait-timeout" || r[1].Status != 201 {
		t.Errorf("%s", text)
	}
	if status, _, _ := c.do(a, "POST", "/kv/_batch?wait=x", `[]`); status != http.StatusBadRequest {
		t.Errorf("a wait of x: %d", status)
	}
}

// Goal: a write says on how many replicas it is, and a read asks as many.
func TestCopies(t *testing.T) {
	a, b := meeting(t)
	c := client{t: t}
	put := func(query string) (int, string) {
		status, _, header := c.do(a, "PUT", "/kv/k?"+query, "1")
		return status, header.Get("KVS-Acks")
	}
	eventually(t, 20*time.Second, "pushes reach the other node", func() bool {
		status, acks := put("acks=2")
		return status < 202 && acks == "2"
	})
	for range 20 {
		if status, acks := put("acks=all&wait=10s"); status != 200 || acks != "2" {
			t.Errorf("acks=all: %d, on %q", status, acks)
		}
		if status, text, _ := c.do(b, "GET", "/kv/k?read=2&wait=10s", ""); status != 200 {
			t.Errorf("read=2: %d %s", status, text)
		}
	}
	if status, acks := put("acks=3&wait=100ms"); status != http.StatusAccepted || acks != "2" {
		t.Errorf("acks=3 of two nodes: %d, on %q", status, acks)
	}
	if status, text, _ := c.do(b, "GET", "/kv/k?read=3&wait=100ms", ""); status != http.StatusServiceUnavailable {
		t.Errorf("read=3 of two nodes: %d %s", status, text)
	}
	for _, bad := range []string{"acks=0", "acks=x", "wait=1h", "wait=x"} {
		if status, _ := put(bad); status != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, status)
		}
	}
}
