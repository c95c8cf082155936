package client

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// Download writes the answer to a GET of a path, which may be longer than memory, as it
// comes. One node is asked, once: what has come of an answer that breaks off is written,
// and the error is a *NoAnswer. A refusal is an *Error, and an error of to comes back as
// it is.
func (c *Client) Download(ctx context.Context, path string, to io.Writer) error {
	n, pause := c.nodes.next(nil)
	if !wait(ctx, pause) {
		return context.Cause(ctx)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(silenceMax, func() { cancel(errSilent) })
	defer silence.Stop()
	resp, failed := c.open(ctx, n, &Request{Method: http.MethodGet, Path: path})
	if failed != nil {
		c.nodes.failed(n, failed.retryAfter())
		return failed.failure(false)
	}
	defer resp.Body.Close()
	c.nodes.answered(n)
	in := &noisy{Reader: resp.Body, silence: silence}
	_, err := io.Copy(to, in)
	if in.err == nil || errors.Is(in.err, io.EOF) {
		return err
	}
	if cause := context.Cause(ctx); cause != nil {
		in.err = cause
	}
	return &NoAnswer{Nodes: []string{n.url}, Err: in.err}
}

// noisy puts off the end of the wait with each read that brings something.
type noisy struct {
	io.Reader
	silence *time.Timer
	err     error
}

// Read implements io.Reader.
func (r *noisy) Read(p []byte) (n int, err error) {
	n, r.err = r.Reader.Read(p)
	r.silence.Reset(silenceMax)
	return n, r.err
}
