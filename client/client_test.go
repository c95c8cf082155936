package client

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const stored = `{"uuid":"u-1","timestamp":1700000000000}`

// Goal: what is asked again and what is not, by how the first of two nodes fails and by
// what is asked. A write of unknown outcome is never sent twice without a condition or a
// name, and its error says so.
func TestWhatIsSentAgain(t *testing.T) {
	read := func(c *Client) error { _, err := c.Get(t.Context(), "k"); return err }
	put := func(options ...WriteOption) func(*Client) error {
		return func(c *Client) error { _, err := c.Put(t.Context(), "k", []byte("1"), options...); return err }
	}
	remove := func(c *Client) error { return c.Delete(t.Context(), "k") }
	down, lost := reply{err: refusedConnection()}, reply{err: cut()}
	for name, c := range map[string]struct {
		first     reply
		call      func(*Client) error
		again     bool
		uncertain bool
	}{
		"read, nobody there":              {down, read, true, false},
		"read, cut off":                   {lost, read, true, false},
		"read, damaged here":              {problem(500, "record-damaged"), read, true, false},
		"read, absent":                    {problem(404, "key-not-found"), read, false, false},
		"write, nobody there":             {down, put(), true, false},
		"write, cut off":                  {lost, put(), false, true},
		"delete, cut off":                 {lost, remove, false, true},
		"write, overloaded":               {problem(503, "overloaded"), put(), true, false},
		"write, read-only":                {problem(403, "read-only"), put(), true, false},
		"write, leaving":                  {problem(503, "leaving"), put(), true, false},
		"write, rate limited":             {later(problem(429, "rate-limited"), 60), put(), true, false},
		"write, stopped in between":       {problem(503, "unknown-outcome"), put(), false, true},
		"write, internal":                 {problem(500, "internal"), put(), false, false},
		"write, forbidden":                {problem(403, "forbidden"), put(), false, false},
		"write, a proxy alone":            {reply{status: 502, body: "<html>"}, put(), false, true},
		"conditional write, cut off":      {lost, put(IfMatch("u-0")), true, false},
		"creating write, cut off":         {lost, put(IfAbsent()), true, false},
		"named write, cut off":            {lost, put(IdempotencyKey("x")), true, false},
		"named write, outcome is unknown": {problem(503, "unknown-outcome"), put(IdempotencyKey("x")), true, false},
	} {
		f := &fakeCluster{replies: map[string][]reply{"a": {c.first}, "b": {ok(stored)}}}
		err := c.call(newFake(t, f))
		want := []string{"a"}
		if c.again {
			want = []string{"a", "b"}
		}
		if hosts := f.hosts(); !slices.Equal(hosts, want) || (err == nil) != c.again {
			t.Errorf("%s: asked %q, want %q: %v", name, hosts, want, err)
		}
		if errors.Is(err, ErrUncertain) != c.uncertain {
			t.Errorf("%s: uncertain is %v, want %v: %v", name, !c.uncertain, c.uncertain, err)
		}
	}
}

// Goal: a condition that fails after an attempt of unknown outcome may have failed
// because of that attempt, and the error says so.
func TestPreconditionAfterAnUnknownOutcome(t *testing.T) {
	f := &fakeCluster{replies: map[string][]reply{
		"a": {{err: cut()}}, "b": {{status: 412, body: `{"detail":"no","code":"precondition-failed","current":"u-2"}`}},
	}}
	_, err := newFake(t, f).Put(t.Context(), "k", []byte("1"), IfMatch("u-1"))
	var refusal *Error
	if !errors.Is(err, ErrPrecondition) || !errors.Is(err, ErrUncertain) || !errors.As(err, &refusal) || refusal.Current != "u-2" {
		t.Errorf("%v", err)
	}
}

// Goal: the client stays with the node that answered last, and does not come back to one
// that failed until it fails itself.
func TestStaysWithTheNodeThatAnswered(t *testing.T) {
	f := &fakeCluster{replies: map[string][]reply{
		"a": {{err: cut()}, ok(stored)}, "b": {ok(stored), ok(stored), {err: cut()}}, "c": {ok(stored)},
	}}
	c := newFake(t, f)
	for range 4 {
		if _, err := c.Get(t.Context(), "k"); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(f.hosts(), ""); got != "abbbcc" {
		t.Errorf("asked %s", got)
	}
}

// Goal: that holds also when the node which failed before it may be asked again, and a
// node that hangs does not bring the client back to one that has failed already while
// there is a third. Method: virtual time.
func TestTurnsToTheNextNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeCluster{replies: map[string][]reply{
			"a": {later(problem(503, "syncing"), 5), ok(stored)}, "b": {ok(stored), {err: cut()}, ok(stored)},
		}}
		c := newFake(t, f)
		for range 3 {
			if _, err := c.Get(t.Context(), "k"); err != nil {
				t.Fatal(err)
			}
			if len(f.asked) == 4 { // b has failed and was asked again, because a rests
				<-time.After(10 * time.Second)
			}
		}
		if got := strings.Join(f.hosts(), ""); got != "abbbb" {
			t.Errorf("asked %s", got)
		}
		f = &fakeCluster{replies: map[string][]reply{"a": {{err: cut()}}, "b": {{hangs: true}}, "c": {ok(stored)}}}
		if _, err := newFake(t, f).Get(t.Context(), "k"); err != nil || strings.Join(f.hosts(), "") != "abc" {
			t.Errorf("asked %q: %v", f.hosts(), err)
		}
	})
}

// Goal: pauses grow with full jitter up to their bound, and the last error is reported
// with all nodes tried. Method: virtual time, one node that nobody starts.
func TestBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeCluster{replies: map[string][]reply{"a": {{err: refusedConnection()}}}}
		_, err := newFake(t, f, WithAttempts(12)).Get(t.Context(), "k")
		var silence *NoAnswer
		if !errors.As(err, &silence) || !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUncertain) || len(f.at) != 12 {
			t.Fatalf("%d attempts: %v", len(f.at), err)
		}
		total := time.Duration(0)
		for i, at := range f.at[1:] {
			pause, bound := at.Sub(f.at[i]), min(backoffFirst<<i, backoffMax)
			if pause > bound {
				t.Errorf("pause %d is %v, at most %v", i, pause, bound)
			}
			total += pause
		}
		if total < 100*time.Millisecond {
			t.Errorf("12 attempts within %v", total)
		}
	})
}

// Goal: Retry-After is waited for where there is no other node; not if it is too long,
// or the context ends before. Method: virtual time.
func TestHonoursRetryAfter(t *testing.T) {
	for _, c := range []struct {
		seconds  int
		deadline time.Duration
		waits    bool
	}{{2, time.Minute, true}, {31, time.Hour, false}, {2, time.Second, false}} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), c.deadline)
			defer cancel()
			f := &fakeCluster{replies: map[string][]reply{
				"a": {later(problem(429, "rate-limited"), c.seconds), ok(stored)},
			}}
			began := time.Now()
			_, err := newFake(t, f).Put(ctx, "k", []byte("1"))
			took, want := time.Since(began), time.Duration(c.seconds)*time.Second
			switch {
			case c.waits && (err != nil || took < want || took > want+backoffFirst):
				t.Errorf("%+v: waited %v: %v", c, took, err)
			case !c.waits && (!errors.Is(err, ErrRateLimited) || took != 0):
				t.Errorf("%+v: waited %v: %v", c, took, err)
			}
		})
	}
}

// Goal: a call ends with its context, in a pause and in an attempt, and the error is the
// context's.
func TestEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f := &fakeCluster{replies: map[string][]reply{"a": {later(problem(503, "syncing"), 20)}}}
		c := newFake(t, f)
		time.AfterFunc(time.Second, cancel)
		began := time.Now()
		if _, err := c.Get(ctx, "k"); !errors.Is(err, ErrUnavailable) || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if _, err := c.Get(ctx, "k"); !errors.Is(err, context.Canceled) || len(f.asked) != 1 {
			t.Errorf("a context that is over: %v, asked %q", err, f.asked)
		}
	})
}

// Goal: the token goes with every request; one from a file is read again when a node
// does not accept it, and only then.
func TestTokenOfAFileIsRenewed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	save := func(text string) {
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save("old")
	f := &fakeCluster{replies: map[string][]reply{
		"a": {ok(stored), problem(401, "unauthorized"), ok(stored), problem(401, "unauthorized")},
	}}
	c := newFake(t, f, WithTokenFile(file))
	for i, want := range []string{"Bearer old", "Bearer new", "Bearer new"} {
		_, err := c.Get(t.Context(), "k")
		if got := f.last.Header.Get("Authorization"); got != want || (err == nil) != (i < 2) {
			t.Errorf("call %d shows %q, want %q: %v", i, got, want, err)
		}
		save("new")
	}
	if len(f.asked) != 4 {
		t.Errorf("asked %q", f.asked)
	}
	if _, err := New([]string{"a"}, WithTokenFile(file+"x")); !errors.As(err, new(*FileError)) {
		t.Errorf("no such file: %v", err)
	}
}

// Goal: what New refuses.
func TestNewChecksItsArguments(t *testing.T) {
	for _, endpoints := range [][]string{nil, {""}, {"ftp://a"}, {"http://"}, {"a", "http://b?x"}} {
		if _, err := New(endpoints); err == nil {
			t.Errorf("%q was taken", endpoints)
		}
	}
	notes := filepath.Join(t.TempDir(), "notes")
	if err := os.WriteFile(notes, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]Option{
		"no attempt": WithAttempts(0), "no time": WithAttemptTimeout(0),
		"no certificate": WithCAFile(notes), "no token": WithTokenFile(notes),
	} {
		if _, err := New([]string{"a"}, o); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// Goal: every refusal is what errors.Is says, and holds what the node said.
func TestErrors(t *testing.T) {
	for code, c := range map[string]struct {
		status int
		is     error
	}{
		"key-not-found": {404, ErrNotFound}, "conflict-clock": {409, ErrConflict}, "idempotency-key-reused": {422, ErrInvalid}, "unauthorized": {401, ErrUnauthenticated},
		"forbidden": {403, ErrForbidden}, "invalid-key": {400, ErrInvalid}, "body-too-large": {413, ErrInvalid},
		"precondition-failed": {412, ErrPrecondition}, "overloaded": {503, ErrUnavailable},
	} {
		f := &fakeCluster{replies: map[string][]reply{"a": {problem(c.status, code)}}}
		_, err := newFake(t, f, WithAttempts(1)).Get(t.Context(), "k")
		for _, sentinel := range []error{
			ErrNotFound, ErrConflict, ErrPrecondition, ErrUnchanged, ErrUnauthenticated, ErrForbidden, ErrInvalid,
			ErrRateLimited, ErrUnavailable, ErrUncertain,
		} {
			if errors.Is(err, sentinel) != (sentinel == c.is) {
				t.Errorf("%s: errors.Is(%v) is %v", code, sentinel, errors.Is(err, sentinel))
			}
		}
		var refusal *Error
		if !errors.As(err, &refusal) || refusal.Code != code || refusal.Status != c.status || refusal.Node != "http://a" ||
			err.Error() != "it did not. Try: this" {
			t.Errorf("%s: %+v", code, err)
		}
	}
}

// Goal: nothing that is not a node's answer is taken for one.
func TestAnswersOfOthers(t *testing.T) {
	for want, r := range map[string]reply{
		"does not answer as a node": ok("<html>"),
		"answers 302":               {status: 302, header: map[string]string{"Location": "http://evil/"}},
		"longer than":               ok(strings.Repeat(" ", answerBytesMax+1)),
	} {
		f := &fakeCluster{replies: map[string][]reply{"a": {r}}}
		if _, err := newFake(t, f, WithAttempts(1)).Get(t.Context(), "k"); err == nil ||
			!strings.Contains(err.Error(), want) || len(f.asked) != 1 {
			t.Errorf("%s: %v, asked %q", want, err, f.asked)
		}
	}
}
