package client

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// Goal: what each call sends, to the byte.
func TestRequests(t *testing.T) {
	ctx := t.Context()
	for want, call := range map[string]func(*Client) error{
		"GET /kv/a%20b/%2525": func(c *Client) error { _, err := c.Get(ctx, "/a b/%25"); return err },
		"PUT /kv/k?raw=true&ttl=1m30s 1": func(c *Client) error {
			_, err := c.Put(ctx, "k", []byte("1"), TTL(90*time.Second))
			return err
		},
		"PUT /kv/k?raw=true&ttl=0s {\"N\":1}": func(c *Client) error {
			_, err := c.PutJSON(ctx, "k", struct{ N int }{1}, TTL(0))
			return err
		},
		"PATCH /kv/k {} application/merge-patch+json": func(c *Client) error {
			_, err := c.Patch(ctx, "k", []byte("{}"))
			return err
		},
		"DELETE /kv/k If-Match \"u-1\",\"u-2\"": func(c *Client) error { return c.Delete(ctx, "k", IfMatch("u-1", "u-2")) },
		"DELETE /kv/k If-Match *":               func(c *Client) error { return c.Delete(ctx, "k", IfMatch()) },
		"PUT /kv/k?raw=true 1 If-None-Match *":  func(c *Client) error { _, err := c.Put(ctx, "k", []byte("1"), IfAbsent()); return err },
		"PUT /kv/k?raw=true 1 Idempotency-Key \"n\"": func(c *Client) error {
			_, err := c.Put(ctx, "k", []byte("1"), IdempotencyKey("n"))
			return err
		},
		"GET /kv/k If-None-Match \"u-1\"": func(c *Client) error { _, err := c.Get(ctx, "k", IfChanged("u-1")); return err },
	} {
		f := &fakeCluster{replies: map[string][]reply{"a": {ok(stored)}}}
		if err := call(newFake(t, f)); err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		got := f.asked[0][len("a "):]
		if f.sent[0] != "" {
			got += " " + f.sent[0]
		}
		if kind := f.last.Header.Get("Content-Type"); kind != "" && kind != "application/json" {
			got += " " + kind
		}
		for _, name := range []string{"If-Match", "If-None-Match", headerIdempotency} {
			for i, value := range f.last.Header.Values(name) {
				if i == 0 {
					got += " " + name + " " + value
				} else {
					got += "," + value
				}
			}
		}
		if got != want {
			t.Errorf("sent %s, want %s", got, want)
		}
	}
}

// Goal: a read gives all that the answer says, and nothing where there is nothing.
func TestRecords(t *testing.T) {
	f := &fakeCluster{replies: map[string][]reply{"a": {
		ok(`{"uuid":"u-1","timestamp":5,"data":[1, 2],"expires_at":9}`), {status: 304},
	}}}
	c := newFake(t, f)
	values, r, err := GetAs[[]int](t.Context(), c, "k")
	if err != nil || !slices.Equal(values, []int{1, 2}) || r.Version != "u-1" || r.Key != "k" ||
		!r.Timestamp.Equal(time.UnixMilli(5)) || !r.ExpiresAt.Equal(time.UnixMilli(9)) || string(r.Data) != "[1, 2]" {
		t.Errorf("%v %+v %v", values, r, err)
	}
	if _, err := c.Get(t.Context(), "k", IfChanged("u-1")); !errors.Is(err, ErrUnchanged) {
		t.Errorf("unchanged: %v", err)
	}
}

// Goal: a listing goes page by page as it is read, on another node where one fails, can
// be left and walked again, and ends after an error.
func TestPages(t *testing.T) {
	f := &fakeCluster{replies: map[string][]reply{
		"a": {ok(`{"items":[{"key":"x"},{"key":"y"}],"next":"N"}`), {err: cut()}},
		"b": {ok(`{"items":[{"key":"z","uuid":"u-1","timestamp":5,"data":1}]}`), problem(400, "invalid-parameter")},
	}}
	c := newFake(t, f)
	walk := c.Range(t.Context(), RangeOptions{Prefix: "p/", Start: "p/1", End: "p/2"})
	var keys []string
	for r, err := range walk {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, r.Key)
	}
	want := []string{
		"a GET /kv/_range?end_key=p%2F2&limit=1000&prefix=p%2F&start_key=p%2F1",
		"a GET /kv/_range?cursor=N&end_key=p%2F2&limit=1000&prefix=p%2F&start_key=p%2F1",
		"b GET /kv/_range?cursor=N&end_key=p%2F2&limit=1000&prefix=p%2F&start_key=p%2F1",
	}
	if !slices.Equal(keys, []string{"x", "y", "z"}) || !slices.Equal(f.asked, want) {
		t.Errorf("keys %q, asked %q", keys, f.asked)
	}
	failed := 0
	for _, err := range walk {
		failed++
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("second walk: %v", err)
		}
	}
	if failed != 1 || f.asked[3] != "b GET /kv/_range?end_key=p%2F2&limit=1000&prefix=p%2F&start_key=p%2F1" {
		t.Errorf("%d errors, asked %q", failed, f.asked[3])
	}
}

// Goal: leaving a listing asks for no further page.
func TestLeavingAListing(t *testing.T) {
	f := &fakeCluster{replies: map[string][]reply{"a": {ok(`{"items":[{"key":"x"},{"key":"y/"}],"next":"N"}`)}}}
	for r, err := range newFake(t, f).List(t.Context(), "/p q/", ListOptions{Depth: 1, KeysOnly: true}) {
		if err != nil || r.Key != "x" || !r.Timestamp.IsZero() {
			t.Errorf("%+v %v", r, err)
		}
		break
	}
	if !slices.Equal(f.asked, []string{"a GET /kv/p%20q/?depth=1&keys_only=true&limit=1000&list=true"}) {
		t.Errorf("asked %q", f.asked)
	}
}

// Goal: a count adds up the parts that a node gives.
func TestCount(t *testing.T) {
	f := &fakeCluster{replies: map[string][]reply{"a": {ok(`{"keys":2,"bytes":7,"next":"N"}`), ok(`{"keys":1,"bytes":1}`)}}}
	got, err := newFake(t, f).Count(t.Context(), "")
	if err != nil || got != (Usage{3, 8}) || f.asked[1] != "a GET /kv/?count=true&cursor=N&list=true" {
		t.Errorf("%+v %v, asked %q", got, err, f.asked)
	}
}
