package client

import (
	"bytes"
	"errors"
	"testing"
	"testing/synctest"
)

// Goal: what comes is written as it comes, and what becomes of an answer that falls
// silent, of a refusal, and of a place that takes no more.
func TestDownload(t *testing.T) {
	refused := reply{status: 403, body: `{"code":"forbidden","status":403}`}
	for name, test := range map[string]struct {
		reply
		want string
		is   func(error) bool
	}{
		"whole":   {reply{status: 200, body: "a\nb\n"}, "a\nb\n", func(err error) bool { return err == nil }},
		"silent":  {reply{status: 200, body: "a\n", open: true}, "a\n", func(err error) bool { return errors.Is(err, errSilent) }},
		"refused": {refused, "", func(err error) bool { _, ok := errors.AsType[*Error](err); return ok }},
		"down":    {reply{err: refusedConnection()}, "", func(err error) bool { _, ok := errors.AsType[*NoAnswer](err); return ok }},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeCluster{replies: map[string][]reply{"a": {test.reply}}}
			var got bytes.Buffer
			err := newFake(t, f).Download(t.Context(), "/long", &got)
			if !test.is(err) || got.String() != test.want || f.asked[0] != "a GET /long" {
				t.Errorf("%s: %q, %v, asked %v", name, &got, err, f.asked)
			}
		})
	}
	full := errors.New("the disk is full")
	f := &fakeCluster{replies: map[string][]reply{"a": {ok("a\n")}}}
	if err := newFake(t, f).Download(t.Context(), "/long", failing{full}); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
}

// failing takes nothing.
type failing struct{ error }

// Write implements io.Writer.
func (f failing) Write([]byte) (int, error) { return 0, f.error }
