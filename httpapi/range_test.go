package httpapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/valyala/fasthttp"
	"pgregory.net/rapid"
)

// direct runs the handler without a connection.
func direct(h fasthttp.RequestHandler, target string) (int, []byte) {
	var ctx fasthttp.RequestCtx
	ctx.Request.SetRequestURI(target)
	h(&ctx)
	return ctx.Response.StatusCode(), ctx.Response.Body()
}

type rangeBody struct {
	Items []struct {
		Key  string          `json:"key"`
		Data json.RawMessage `json:"data"`
	} `json:"items"`
	Next string `json:"next"`
}

// listAll pages through a range; bounds beside the cursor are optional.
func listAll(t *rapid.T, h fasthttp.RequestHandler, start, end string, limit int, back bool) []string {
	bounds := url.Values{"start_key": {start}, "end_key": {end}, "limit": {fmt.Sprint(limit)}}
	if back {
		bounds.Set("reverse", "true")
	}
	target := "/kv/_range?" + bounds.Encode()
	var keys []string
	for pages := 0; ; pages++ {
		status, body := direct(h, target)
		var page rangeBody
		if err := json.Unmarshal(body, &page); status != 200 || err != nil {
			t.Fatalf("%s: %d %s", target, status, body)
		}
		if len(page.Items) > limit || pages > 1000 {
			t.Fatalf("%s: %d items, page %d", target, len(page.Items), pages)
		}
		for _, item := range page.Items {
			keys = append(keys, item.Key)
		}
		if page.Next == "" {
			return keys
		}
		next := url.Values{"cursor": {page.Next}, "limit": {fmt.Sprint(limit)}}
		if rapid.Bool().Draw(t, "repeat bounds") {
			next.Set("start_key", start)
			next.Set("end_key", end)
		}
		target = "/kv/_range?" + next.Encode()
	}
}

// Goal: the pages of a range, put together, are the sorted map's own answer,
// whatever the page size and the store's scan budget. Method: rapid.
func TestRangePagesAgainstSortedMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := &fakeStore{budget: rapid.IntRange(0, 5).Draw(t, "budget")}
		for _, key := range rapid.SliceOfN(rapid.Custom(genKey), 0, 30).Draw(t, "keys") {
			if _, err := store.Write(Write{Key: key, Value: []byte("1")}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := store.Write(Write{Key: "_system", Value: []byte("1")}); err != nil {
			t.Fatal(err)
		}
		bound := rapid.OneOf(rapid.Just(""), rapid.Custom(genKey), rapid.StringMatching(`[a-z]{1,2}/?`))
		start, end := bound.Draw(t, "start"), bound.Draw(t, "end")
		var want []string
		for _, r := range store.records {
			if r.Key >= start && (end == "" || r.Key < end) && !isReserved(r.Key) {
				want = append(want, r.Key)
			}
		}
		h := New(Options{Store: store, Cluster: fakeCluster{}, Operator: &fakeOperator{}}).Handler()
		back := rapid.Bool().Draw(t, "reverse")
		if back {
			slices.Reverse(want)
		}
		got := listAll(t, h, start, end, rapid.IntRange(1, 7).Draw(t, "limit"), back)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("range [%q, %q): %s", start, end, diff)
		}
	})
}

// Goal: one page never grows past its bound in bytes, and the pages still
// hold everything.
func TestRangePageBytes(t *testing.T) {
	store := &fakeStore{}
	value := []byte(`"` + strings.Repeat("x", 900<<10) + `"`)
	for i := range 12 {
		if _, err := store.Write(Write{Key: fmt.Sprintf("k%02d", i), Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	h := New(Options{Store: store, Cluster: fakeCluster{}, Operator: &fakeOperator{}}).Handler()
	total := 0
	for target := "/kv/_range"; target != ""; {
		_, body := direct(h, target)
		if len(body) > rangePageBytesMax+4096 {
			t.Fatalf("%s: a page of %d bytes", target, len(body))
		}
		var page rangeBody
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatal(err)
		}
		total += len(page.Items)
		if target = ""; page.Next != "" {
			target = "/kv/_range?cursor=" + page.Next
		}
	}
	if total != 12 {
		t.Fatalf("%d items", total)
	}
}

// Goal: the shape of a page, to the byte.
func TestRangeShape(t *testing.T) {
	r := newRig(t, nil)
	r.do("PUT", "/kv/users/john", `{"n":1}`)
	r.do("PUT", "/kv/users/zed?ttl=1s", `2`)
	r.do("PUT", "/kv/other", `3`)
	a := r.do("GET", "/kv/_range?start_key=users/&end_key=users0&limit=100", "")
	want := `{"items":[{"key":"users/john","uuid":"00000000-0000-0000-0000-000000000001",` +
		`"timestamp":1672531200001,"data":{"n":1}},` +
		`{"key":"users/zed","uuid":"00000000-0000-0000-0000-000000000002",` +
		`"timestamp":1672531200002,"data":2,"expires_at":1672531201002}]}`
	if a.status != 200 || a.body != want {
		t.Errorf("got %s\nwant %s", a, want)
	}
	// The seed's own example: the end is exclusive and bytewise.
	a = r.do("GET", "/kv/_range?start_key=/users/&end_key=/users/z&limit=100", "")
	if strings.Contains(a.body, "zed") || !strings.Contains(a.body, "john") {
		t.Errorf("seed's example: %s", a)
	}
}

// Goal: bad parameters are refused by name.
func TestRangeRefusals(t *testing.T) {
	r := newRig(t, nil)
	other := (&Server{}).cursorText(cursor{Walk{Start: "a", End: "n"}, "m"}, false)
	back := (&Server{}).cursorText(cursor{Walk{Start: "a", End: "n", Back: true}, "m"}, false)
	for target, want := range map[string]string{
		"/kv/_range?limit=0":                              "limit",
		"/kv/_range?limit=1001":                           "limit",
		"/kv/_range?limit=ten":                            "limit",
		"/kv/_range?limit=":                               "limit",
		"/kv/_range?limit=5&limit=6":                      "twice",
		"/kv/_range?start=a":                              "start_key, end_key",
		"/kv/_range?start_key=%zz":                        "start_key",
		"/kv/_range?start_key=%ff":                        "start_key",
		"/kv/_range?end_key=" + strings.Repeat("k", 1025): "end_key",
		"/kv/_range?cursor=":                              "cursor",
		"/kv/_range?cursor=AAAA":                          "cursor",
		"/kv/_range?cursor=" + other + "&end_key=z":       "another range",
		"/kv/_range?cursor=" + other + "&start_key=b":     "another range",
		"/kv/_range?cursor=" + other + "&reverse":         "other direction",
		"/kv/_range?cursor=" + back + "&reverse=false":    "other direction",
		"/kv/_range?cursor=" + back + "&end_key=mm":       "another range",
		"/kv/_range?cursor=" + back + "&start_key=l":      "another range",
		"/kv/_range?raw=true":                             "unknown",
	} {
		if a := r.do("GET", target, ""); a.problem() != slugInvalidParameter || !strings.Contains(a.body, want) {
			t.Errorf("%.60s: %s", target, a)
		}
	}
	for _, method := range []string{"PUT", "DELETE"} {
		if a := r.do(method, "/kv/_range", "1"); a.problem() != slugReservedKey {
			t.Errorf("%s: %s", method, a)
		}
	}
	if a := r.do("GET", "/kv/_range?start_key=b&end_key=a", ""); a.body != `{"items":[]}` {
		t.Errorf("empty range: %s", a)
	}
}

// FuzzRangeParameters: any query string is answered with a page or a problem.
func FuzzRangeParameters(f *testing.F) {
	for _, seed := range []string{"limit=5", "start_key=a&end_key=b", "cursor=AgABYWI", "a=%", "&&=", "limit=+1"} {
		f.Add(seed)
	}
	store := &fakeStore{}
	for i := range 20 {
		if _, err := store.Write(Write{Key: fmt.Sprintf("k/%d", i), Value: []byte("1")}); err != nil {
			f.Fatal(err)
		}
	}
	s := New(Options{Store: store, Cluster: fakeCluster{}, Operator: &fakeOperator{}})
	f.Fuzz(func(t *testing.T, raw string) {
		var x exchange
		x.ctx = &fasthttp.RequestCtx{}
		x.rawQuery = []byte(raw)
		if p := s.serveRange(&x); p != nil {
			if p.Code != slugInvalidParameter {
				t.Fatalf("%q: %+v", raw, p)
			}
			return
		}
		if body := x.ctx.Response.Body(); !json.Valid(body) {
			t.Fatalf("%q: %s", raw, body)
		}
	})
}
