package client

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// line is a line of a feed: an op of a key, and perhaps a cursor.
func line(op, key, cursor string) string {
	text := `{"op":"` + op + `","key":"` + key + `","uuid":"u-` + key + `","timestamp":5,"version":"0a"`
	if cursor != "" {
		text += `,"cursor":"` + cursor + `"`
	}
	return text + "}\n"
}

// since lists where the requests of a watch began.
func (f *fakeCluster) since() (out []string) {
	for _, asked := range f.asked {
		_, text, _ := strings.Cut(asked, "since=")
		text, _, _ = strings.Cut(text, "&")
		out = append(out, asked[:1]+" "+text)
	}
	return out
}

// watched collects ops and keys until one is "last", and the error that ended it.
func watched(ctx context.Context, c *Client, o WatchOptions) (shown []string, err error) {
	for change, err := range c.Watch(ctx, o) {
		if err != nil {
			return shown, err
		}
		shown = append(shown, change.Op+" "+change.Key)
		if change.Key == "last" {
			break
		}
	}
	return shown, nil
}

// Goal: what a watch asks for, and what it shows of a change.
func TestWatchRequest(t *testing.T) {
	f := &fakeCluster{replies: map[string][]reply{"a": {ok(
		`{"op":"put","key":"last","uuid":"u-1","timestamp":5,"version":"0b","expires_at":9,"data":[1],"cursor":"C"}` + "\n")}}}
	for c, err := range newFake(t, f).Watch(t.Context(), WatchOptions{Since: "B", Prefix: "p q", Values: true}) {
		if err != nil || c.Op != OpPutted || c.Key != "last" || c.Version != "u-1" || string(c.Data) != "[1]" ||
			c.Order != "0b" || c.Cursor != "C" || !c.ExpiresAt.Equal(time.UnixMilli(9)) {
			t.Errorf("%+v %v", c, err)
		}
		break
	}
	const want = "a GET /changes?feed=continuous&heartbeat=5s&include=value&prefix=p+q&since=B"
	if !slices.Equal(f.asked, []string{want}) {
		t.Errorf("asked %q", f.asked)
	}
}

// Goal: a feed goes on at another node from the last cursor, whether it ends or falls
// silent, and as often as the nodes say something; heartbeats move the cursor on and are not shown. Method: virtual time.
func TestWatchGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := ok(line("heartbeat", "", "C2") + line("heartbeat", "", "C3") + line("put", "z", "C4"))
		silent.open = true
		f := &fakeCluster{replies: map[string][]reply{
			"a": {ok(line("synced", "", "C0") + line("put", "x", "") + line("delete", "y", "C1") + line("put", "y", ""))},
			"b": {silent}, "c": {ok(line("put", "last", "C5"))},
		}}
		began := time.Now()
		shown, err := watched(t.Context(), newFake(t, f, WithAttempts(2)), WatchOptions{})
		want := []string{"synced ", "put x", "delete y", "put y", "put z", "put last"}
		if err != nil || !slices.Equal(shown, want) {
			t.Errorf("shown %q: %v", shown, err)
		}
		if got := f.since(); !slices.Equal(got, []string{"a now", "b C1", "c C4"}) {
			t.Errorf("asked %q", got)
		}
		if took := time.Since(began); took < silenceMax || took > silenceMax+time.Second {
			t.Errorf("took %v", took)
		}
		f = &fakeCluster{replies: map[string][]reply{"a": {{hangs: true}}, "b": {ok(line("put", "last", ""))}}}
		began = time.Now()
		if shown, err := watched(t.Context(), newFake(t, f), WatchOptions{}); err != nil || time.Since(began) != silenceMax {
			t.Errorf("a node that does not answer: %q after %v: %v", shown, time.Since(began), err)
		}
	})
}

// Goal: a caller that takes its time with a change is not taken for a silent node.
// Method: virtual time.
func TestWatchWaitsForItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeCluster{replies: map[string][]reply{"a": {ok(line("put", "x", "C1") + line("put", "last", "C2"))}}}
		for c, err := range newFake(t, f).Watch(t.Context(), WatchOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			if <-time.After(2 * silenceMax); c.Key == "last" {
				break
			}
		}
		if len(f.asked) != 1 {
			t.Errorf("asked %q", f.asked)
		}
	})
}

// Goal: what ends a watch, and how.
func TestWatchEnds(t *testing.T) {
	gone := problem(410, "cursor-expired")
	for name, c := range map[string]struct {
		first reply
		want  error
		asked int
	}{
		"reset":        {ok(`{"op":"reset","reason":"too old","cursor":"C"}` + "\n"), ErrCursorExpired, 1},
		"expired":      {gone, ErrCursorExpired, 1},
		"forbidden":    {problem(401, "unauthorized"), ErrUnauthenticated, 1},
		"nobody there": {reply{err: refusedConnection()}, ErrUnavailable, 8},
		"no feed":      {ok("<html>"), ErrUnavailable, 8},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeCluster{replies: map[string][]reply{"a": {c.first}}}
			shown, err := watched(t.Context(), newFake(t, f), WatchOptions{Since: "B"})
			if !errors.Is(err, c.want) || len(f.asked) != c.asked || len(shown) > 0 {
				t.Errorf("%s: shown %q, asked %d: %v", name, shown, len(f.asked), err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		quiet := ok("")
		quiet.open = true
		f := &fakeCluster{replies: map[string][]reply{"a": {quiet}}}
		if _, err := watched(ctx, newFake(t, f), WatchOptions{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the context: %v", err)
		}
	})
}

// Goal: a snapshot that its node does not finish begins anew at the next, which cannot go
// on in it; once all was shown, an expired cursor is an error.
func TestWatchBeginsASnapshotAnew(t *testing.T) {
	f := &fakeCluster{replies: map[string][]reply{
		"a": {ok(line("put", "x", "C1"))},
		"b": {problem(410, "cursor-expired"), ok(line("put", "x", "C1") + line("synced", "", "C2"))},
		"c": {problem(410, "cursor-expired")},
	}}
	shown, err := watched(t.Context(), newFake(t, f), WatchOptions{Since: SinceStart})
	if !errors.Is(err, ErrCursorExpired) || !slices.Equal(shown, []string{"put x", "put x", "synced "}) {
		t.Errorf("shown %q: %v", shown, err)
	}
	if got := f.since(); !slices.Equal(got, []string{"a start", "b C1", "b start", "c C2"}) {
		t.Errorf("asked %q", got)
	}
}
