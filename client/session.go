package client

import (
	"context"
	"net/http"
)

const headerSession = "KVS-Session"

// session is what a caller has seen, as nodes hand it out: opaque, and passed on from
// each answer to the next request.
type session struct {
	turn  chan struct{} // Holds one value while nobody has the turn.
	token string        // Guarded by the turn.
}

// Session is the same client for one caller that wants to see its own writes on every
// node, and never an older version of a key than it has seen. A node that is behind waits
// for what it lacks; if that takes too long, another one is asked. Calls of one session
// wait for each other. Watch and listings are not part of it.
func (c *Client) Session() *Client {
	own := *c
	own.session = &session{turn: make(chan struct{}, 1)}
	own.session.turn <- struct{}{}
	return &own
}

// begin takes the turn and shows what was seen with a request. end takes what its answer
// adds, and passes the turn on.
func (s *session) begin(ctx context.Context, r *Request) (end func(*result), err error) {
	if s == nil {
		return func(*result) {}, nil
	}
	select {
	case <-s.turn:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	r.Header = r.Header.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header[http.CanonicalHeaderKey(headerSession)] = []string{s.token} // empty begins one
	return func(last *result) {
		if next := last.header.Get(headerSession); next != "" {
			s.token = next
		}
		s.turn <- struct{}{}
	}, nil
}
