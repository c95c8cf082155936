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
		"DELETE /kv/k If-Match \"u-1\", \"u-2\"": func(c *Client) error { return c.Delete(ctx, "k", IfMatch("u-1", "u-2")) },
		"PATCH /kv/k?ttl=1h0m0s":                 func(c *Client) error { _, err := c.Touch(ctx, "k", time.Hour); return err },
		"DELETE /kv/k If-Match *":                func(c *Client) error { return c.Delete(ctx, "k", IfMatch()) },
		"PUT /kv/k?raw=true 1 If-None-Match *":   func(c *Client) error { _, err := c.Put(ctx, "k", []byte("1"), IfAbsent()); return err },
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

// Goal: a batch goes as the API takes it, its results come back in order, each with what
// it has or why not, and what cannot be said in a batch is refused before it is sent.
func TestBatch(t *testing.T) {
	f := &fakeCluster{replies: map[string][]reply{"a": {ok(`{"results":[{"status":201,"uuid":"u-1","timestamp":5},` +
		`{"status":412,"problem":{"status":412,"detail":"no","code":"precondition-failed","current":"u-9"}},` +
		`{"status":204},{"status":200,"uuid":"u-2","timestamp":6,"data":[1],"expires_at":7}]}`)}}}
	c, ctx := newFake(t, f), t.Context()
	got, err := c.Batch(ctx, []Op{
		OpPut("a b", []byte("1"), TTL(time.Minute)), OpPut("c", []byte("null"), IfAbsent()),
		OpDelete("d", IfMatch("u-0")), OpGet("e"),
	}, IdempotencyKey("n"))
	const want = `[{"op":"put","key":"a b","data":1,"ttl":"1m0s"},{"op":"put","key":"c","data":null,"if_none_match":"*"},` +
		`{"op":"delete","key":"d","if_match":"u-0"},{"op":"get","key":"e"}]`
	if err != nil || f.sent[0] != want || f.asked[0] != "a POST /kv/_batch" || f.last.Header.Get(headerIdempotency) != `"n"` {
		t.Fatalf("sent %s: %v", f.sent[0], err)
	}
	var refusal *Error
	if !got[0].Written.Created || got[0].Written.Version != "u-1" || got[0].Err != nil || got[2].Status != 204 ||
		!errors.As(got[1].Err, &refusal) || refusal.Current != "u-9" || !errors.Is(got[1].Err, ErrPrecondition) ||
		got[3].Record.Key != "e" || string(got[3].Record.Data) != "[1]" || !got[3].Record.ExpiresAt.Equal(time.UnixMilli(7)) {
		t.Errorf("%+v", got)
	}
	for name, err := range map[string]error{
		"two versions": second(c.Batch(ctx, []Op{OpDelete("d", IfMatch("u-0", "u-1"))})),
		"a named op":   second(c.Batch(ctx, []Op{OpDelete("d", IdempotencyKey("n"))})),
		"a TTL of all": second(c.Batch(ctx, nil, TTL(1))), "a condition of all": second(c.Batch(ctx, nil, IfAbsent())),
		"no JSON": second(c.Batch(ctx, []Op{OpPut("a", []byte("{"))})),
	} {
		if !errors.Is(err, ErrInvalid) || len(f.asked) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.Batch(ctx, []Op{OpGet("a")}); err == nil {
		t.Error("four results for one op were taken")
	}
}

func second[T any](_ T, err error) error { return err }

// Goal: a batch of reads and conditional writes is sent again, any other is not.
func TestWhichBatchIsSentAgain(t *testing.T) {
	for _, c := range []struct {
		ops   []Op
		again bool
	}{
		{[]Op{OpGet("a"), OpPut("b", []byte("1"), IfAbsent()), OpDelete("c", IfMatch())}, true},
		{[]Op{OpGet("a"), OpPut("b", []byte("1"))}, false},
	} {
		f := &fakeCluster{replies: map[string][]reply{"a": {{err: cut()}}, "b": {ok(`{"results":[]}`)}}}
		_, err := newFake(t, f).Batch(t.Context(), c.ops)
		if again := len(f.asked) == 2; again != c.again || errors.Is(err, ErrUncertain) == c.again {
			t.Errorf("%d ops: asked %q: %v", len(c.ops), f.asked, err)
		}
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
