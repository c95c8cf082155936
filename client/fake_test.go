package client

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeCluster answers for nodes by their host name: each gives its replies one by one,
// the last again and again. It notes who was asked, and when.
type fakeCluster struct {
	replies map[string][]reply

	mu    sync.Mutex
	asked []string // "host METHOD target"
	at    []time.Time
	last  *http.Request
	sent  []string // bodies
}

// reply is one answer, or the failure to give one.
type reply struct {
	status int
	body   string
	header map[string]string
	err    error
	hangs  bool // until the request is given up
	open   bool // the body does not end before the request is given up
}

// RoundTrip implements http.RoundTripper.
func (f *fakeCluster) RoundTrip(req *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	host := req.URL.Host
	f.asked = append(f.asked, host+" "+req.Method+" "+req.URL.RequestURI())
	f.at = append(f.at, time.Now())
	f.last = req
	body, _ := io.ReadAll(req.Body)
	f.sent = append(f.sent, string(body))
	list := f.replies[host]
	if len(list) == 0 {
		return nil, refusedConnection()
	}
	r := list[0]
	if len(list) > 1 {
		f.replies[host] = list[1:]
	}
	if r.hangs {
		f.mu.Unlock()
		<-req.Context().Done()
		f.mu.Lock()
		return nil, req.Context().Err()
	}
	if r.err != nil {
		return nil, r.err
	}
	resp := &http.Response{
		StatusCode: r.status, Header: http.Header{},
		Body: io.NopCloser(&lineBody{req.Context(), r.body, r.open}),
	}
	for name, value := range r.header {
		resp.Header.Set(name, value)
	}
	return resp, nil
}

// lineBody is that of an answer. It comes line by line, while the request is not given up;
// an open one does not end.
type lineBody struct {
	ctx  context.Context
	text string
	open bool
}

// Read implements io.Reader.
func (b *lineBody) Read(p []byte) (int, error) {
	if b.text == "" && b.open {
		<-b.ctx.Done()
	}
	switch {
	case b.ctx.Err() != nil:
		return 0, b.ctx.Err()
	case b.text == "":
		return 0, io.EOF
	}
	line, _, _ := strings.Cut(b.text, "\n")
	n := copy(p, b.text[:min(len(line)+1, len(b.text))])
	b.text = b.text[n:]
	return n, nil
}

// hosts are those that were asked, in order.
func (f *fakeCluster) hosts() (out []string) {
	for _, line := range f.asked {
		host, _, _ := strings.Cut(line, " ")
		out = append(out, host)
	}
	return out
}

// refusedConnection is what the network says of a port that nobody listens on.
func refusedConnection() error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
}

// cut is what it says of a connection that ends before the answer.
func cut() error { return io.ErrUnexpectedEOF }

func ok(body string) reply { return reply{status: 200, body: body} }

// problem is a refusal as nodes word it.
func problem(status int, code string) reply {
	return reply{status: status, body: `{"type":"/problems/` + code + `","title":"T","status":` +
		strconv.Itoa(status) + `,"detail":"it did not","code":"` + code + `","try":"this"}`}
}

// later is a refusal with Retry-After.
func later(r reply, seconds int) reply {
	r.header = map[string]string{"Retry-After": strconv.Itoa(seconds)}
	return r
}

// newFake is a client of the nodes a, b and c, as many as there are replies for.
func newFake(t *testing.T, f *fakeCluster, options ...Option) *Client {
	t.Helper()
	var endpoints []string
	for _, host := range []string{"a", "b", "c"} {
		if _, ok := f.replies[host]; ok {
			endpoints = append(endpoints, host)
		}
	}
	c, err := New(endpoints, append([]Option{WithTransport(f)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
