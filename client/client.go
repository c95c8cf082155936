package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client asks the nodes of one cluster. Its methods may be called by many goroutines
// at once.
type Client struct {
	nodes    *nodes
	http     *http.Client
	token    *token
	session  *session // nil: none
	attempts int
	timeout  time.Duration
}

// New makes a client of the nodes at endpoints, such as "http://10.0.0.1:8080"; http is
// assumed where no scheme is given. The first is asked first. It connects to nobody yet:
// its errors are about the arguments and the files that they name.
func New(endpoints []string, options ...Option) (*Client, error) {
	s := settings{
		transport: http.DefaultTransport, attempts: attemptsDefault, timeout: attemptTimeoutDefault,
	}
	for _, set := range options {
		set(&s)
	}
	if len(endpoints) == 0 {
		return nil, errors.New("client: no endpoint. Try: http://127.0.0.1:8080")
	}
	var urls []string
	for _, e := range endpoints {
		u, err := endpoint(e)
		if err != nil {
			return nil, err
		}
		urls = append(urls, u)
	}
	if s.attempts < 1 || s.timeout <= 0 {
		return nil, fmt.Errorf("client: attempts (%d) and their timeout (%v) must be positive", s.attempts, s.timeout)
	}
	via, err := s.trusting()
	if err != nil {
		return nil, err
	}
	c := &Client{
		nodes: newNodes(urls), token: &s.token, attempts: s.attempts, timeout: s.timeout,
		http: &http.Client{Transport: via, CheckRedirect: stay},
	}
	return c, c.token.load()
}

// stay keeps a token with the node that it was meant for: nodes never redirect.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// endpoint is the address of a node as requests begin with it.
func endpoint(text string) (string, error) {
	full := text
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" {
		return "", &EndpointError{text}
	}
	return strings.TrimRight(full, "/"), nil
}

// Request is one call of the API, for those that have no method of their own.
type Request struct {
	Method string
	// Path is the encoded path and query, such as "/sync/diff?peer=b".
	Path string
	Body []byte // JSON, unless Header says another Content-Type; nil is none.
	// Header is for further headers; nil is none.
	Header http.Header

	repeatable bool // Whether the body is such that a second attempt does no harm.
}

// safe says that sending a request twice does no harm (RFC 9110 section 9.2.1): it
// reads, or a node tells the second from the first.
func (r *Request) safe() bool {
	if r.repeatable || reads(r.Method) {
		return true
	}
	for _, name := range [...]string{"If-Match", "If-None-Match", headerIdempotency} {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	return false
}

// Answer is a node's good answer.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	Node   string // The endpoint that gave it.
}

// Do sends a request until one node answers it for good, and returns that answer; or an
// *Error if it is a refusal, or a *NoAnswer if nobody gave one.
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	unwilling := map[*node]bool{} // those that will not do this, whenever they are asked
	var last result
	end, err := c.session.begin(ctx, &r)
	if err != nil {
		return nil, &NoAnswer{Nodes: c.nodes.urls(), Err: err}
	}
	defer func() { end(&last) }()
	uncertain := false // whether some node may have carried it out
	for range c.attempts {
		n, pause := c.nodes.next(unwilling)
		if n == nil || pause > pauseMax || !wait(ctx, pause) {
			break
		}
		last = c.attempt(ctx, n, &r)
		if last.verdict == settled {
			c.nodes.answered(n)
			return last.answer, last.failure(uncertain)
		}
		c.nodes.failed(n, last.retryAfter())
		unwilling[n] = unwilling[n] || last.verdict == elsewhere
		uncertain = uncertain || last.verdict == lost && !reads(r.Method)
		if ctx.Err() != nil || last.verdict == lost && !r.safe() {
			break
		}
	}
	if last.err == nil {
		return nil, &NoAnswer{Nodes: c.nodes.urls(), Err: cmp.Or(context.Cause(ctx), errResting)}
	}
	return nil, last.failure(uncertain)
}

// errResting is why nobody was asked when all nodes have failed just before.
var errResting = errors.New("it has failed lately and may not be asked again before the deadline")

func reads(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// wait pauses, unless that takes longer than the context lasts.
func wait(ctx context.Context, pause time.Duration) bool {
	if ctx.Err() != nil {
		return false
	}
	if pause <= 0 {
		return true
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= pause {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
