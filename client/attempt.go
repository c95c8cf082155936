package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// verdict is what one attempt means for the next.
type verdict uint8

const (
	// settled: an answer that asking again would not change.
	settled verdict = iota
	// refused: it is certain that nothing was done; later or elsewhere it may be.
	refused
	// elsewhere: as refused, but this node will go on refusing.
	elsewhere
	// lost: nobody knows whether it was done.
	lost
)

// result is what one attempt came to. Invariant: err is nil exactly if answer is not.
type result struct {
	verdict verdict
	answer  *Answer
	err     error // *Error or *NoAnswer
	header  http.Header
}

// failure is the error for the caller. uncertain says that an attempt may have been
// carried out, whatever the last one came to.
func (r *result) failure(uncertain bool) error {
	var refusal *Error
	var silence *NoAnswer
	switch {
	case errors.As(r.err, &refusal):
		refusal.Uncertain = refusal.Uncertain || uncertain
	case errors.As(r.err, &silence):
		silence.Uncertain = uncertain
	}
	return r.err
}

// retryAfter is how long the node wants to be left alone, 0 if it has not said.
func (r *result) retryAfter() time.Duration {
	var refusal *Error
	if errors.As(r.err, &refusal) {
		return refusal.RetryAfter
	}
	return 0
}

// unauthenticated says that the node did not accept the token.
func (r *result) unauthenticated() bool { return errors.Is(r.err, ErrUnauthenticated) }

// attempt sends a request to one node. A token that a file holds is read anew when the
// node does not accept it: whoever keeps the file fresh does so while the client runs.
func (c *Client) attempt(ctx context.Context, n *node, r *Request) result {
	secret := c.token.value()
	res := c.exchange(ctx, n, r, secret)
	if res.unauthenticated() && c.token.renew(secret) {
		return c.exchange(ctx, n, r, c.token.value())
	}
	return res
}

func (c *Client) exchange(ctx context.Context, n *node, r *Request, secret string) result {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	resp, failed := c.begin(ctx, n, r, secret)
	if failed != nil {
		return *failed
	}
	defer resp.Body.Close()
	body, err := readAll(resp.Body)
	if err != nil {
		return result{verdict: lost, err: &NoAnswer{Nodes: []string{n.url}, Err: err}}
	}
	return result{settled, &Answer{resp.StatusCode, resp.Header, body, n.url}, nil, resp.Header}
}

// open begins a request whose answer is read as it comes. The answer is good, or failed
// says why there is none.
func (c *Client) open(ctx context.Context, n *node, r *Request) (resp *http.Response, failed *result) {
	secret := c.token.value()
	resp, failed = c.begin(ctx, n, r, secret)
	if failed != nil && failed.unauthenticated() && c.token.renew(secret) {
		return c.begin(ctx, n, r, c.token.value())
	}
	return resp, failed
}

// begin sends a request and looks at the status of the answer.
func (c *Client) begin(ctx context.Context, n *node, r *Request, secret string) (resp *http.Response, failed *result) {
	resp, err := c.send(ctx, n, r, secret)
	if err != nil {
		v := lost
		if unsent(err) {
			v = refused
		}
		return nil, &result{verdict: v, err: &NoAnswer{Nodes: []string{n.url}, Err: plain(err)}}
	}
	if resp.StatusCode < 300 || resp.StatusCode == http.StatusNotModified {
		return resp, nil
	}
	defer resp.Body.Close()
	body, err := readAll(resp.Body)
	if err != nil {
		return nil, &result{verdict: lost, err: &NoAnswer{Nodes: []string{n.url}, Err: err}}
	}
	refusal := newError(n.url, resp.StatusCode, resp.Header, body)
	return nil, &result{judge(refusal, r.Method), nil, refusal, resp.Header}
}

// send makes the HTTP request of r.
func (c *Client) send(ctx context.Context, n *node, r *Request, secret string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, n.url+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	for name, values := range r.Header {
		req.Header[name] = values
	}
	if len(r.Body) > 0 && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if secret != "" {
		req.Header.Set("Authorization", "Bearer "+secret)
	}
	return c.http.Do(req)
}

func readAll(body io.Reader) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(body, answerBytesMax+1))
	if err == nil && len(out) > answerBytesMax {
		err = fmt.Errorf("the answer is longer than %d bytes", answerBytesMax)
	}
	return out, err
}

// unsent says that no byte of a request can have reached a node: there was no
// connection, or one to somebody that is not trusted.
func unsent(err error) bool {
	var dial *net.OpError
	return errors.As(err, &dial) && dial.Op == "dial" || errors.As(err, new(*net.DNSError)) ||
		errors.As(err, new(*tls.CertificateVerificationError))
}

// plain drops the method and URL that net/http puts before an error.
func plain(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// judge says what a refusal means. Nodes say so in its code; a proxy between has none.
func judge(e *Error, method string) verdict {
	switch e.Code {
	case codeRateLimited, codeOverloaded, codeSyncing, codeNotReady, codeWaitTimeout, codeRunning:
		return refused
	case codeReadOnly, codeLeaving:
		return elsewhere
	case codeUnknownOutcome:
		e.Uncertain = !reads(method)
		return lost
	case codeInternal, codeDamaged:
		if reads(method) {
			return elsewhere
		}
	case "":
		switch e.Status {
		case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return lost
		}
	}
	return settled
}

// parseRetryAfter reads the header of RFC 9110 section 10.2.3.
func parseRetryAfter(text string) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}
