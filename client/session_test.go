package client

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// seen is a reply that hands out a session.
func seen(r reply, token string) reply {
	r.header = map[string]string{headerSession: token}
	return r
}

// Goal: a session carries what one answer hands out to the next request, whichever node
// gives it and whether it is a refusal, and begins empty; without one there is none.
func TestSession(t *testing.T) {
	var sent []string
	f := &fakeCluster{replies: map[string][]reply{
		"a": {seen(ok(stored), "s1"), seen(problem(404, "key-not-found"), "s2"), problem(503, "wait-timeout")},
		"b": {ok(stored), seen(ok(stored), "s3")},
	}}
	c := newFake(t, f)
	s := c.Session()
	for range 5 {
		_, _ = s.Get(t.Context(), "k")
		sent = append(sent, strings.Join(f.last.Header.Values(headerSession), ","))
	}
	if got := strings.Join(sent, " "); got != " s1 s2 s2 s3" || strings.Join(f.hosts(), "") != "aaabbb" {
		t.Errorf("sent %q, asked %q", got, f.hosts())
	}
	if _, _ = c.Get(t.Context(), "k"); f.last.Header.Values(headerSession) != nil {
		t.Errorf("without a session: %q", f.last.Header)
	}
}

// Goal: calls of one session wait for each other, as long as their contexts last.
func TestCallsOfASessionWait(t *testing.T) {
	f := &fakeCluster{replies: map[string][]reply{"a": {{hangs: true}}}}
	s := newFake(t, f, WithAttempts(1)).Session()
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error, 1)
	<-s.session.turn // somebody has the turn
	go func() {
		_, err := s.Get(ctx, "k")
		first <- err
	}()
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) || len(f.asked) != 0 {
		t.Errorf("%v, asked %q", err, f.asked)
	}
}
