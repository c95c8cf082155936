package httpapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
	"pgregory.net/rapid"
)

// keysBelow pages through a listing, by the cursors of the bodies.
func keysBelow(t *rapid.T, h fasthttp.RequestHandler, target string) (keys []string) {
	for cursor := ""; ; {
		status, body := direct(h, target+cursor)
		var page rangeBody
		if err := json.Unmarshal(body, &page); status != 200 || err != nil {
			t.Fatalf("%s: %d %s", target+cursor, status, body)
		}
		for _, item := range page.Items {
			keys = append(keys, item.Key)
		}
		if page.Next == "" {
			return keys
		}
		if len(keys) > 1000 {
			t.Fatalf("%s: no end", target)
		}
		cursor = "&cursor=" + url.QueryEscape(page.Next)
	}
}

// countedBelow adds up the counts of pages.
func countedBelow(t *rapid.T, h fasthttp.RequestHandler, base string) (total int) {
	var sum struct {
		Keys, Bytes int
		Next        string
	}
	for cursor := ""; ; cursor = "&cursor=" + sum.Next {
		status, body := direct(h, base+"&count"+cursor)
		sum.Next = ""
		if err := json.Unmarshal(body, &sum); status != 200 || err != nil || sum.Bytes != 3*sum.Keys {
			t.Fatalf("count: %d %s", status, body)
		}
		if total += sum.Keys; sum.Next == "" {
			return total
		}
	}
}

// Goal: the pages of a listing, put together, are what lies below the prefix, each
// directory once, whatever the page size, the depth and the store's scan budget; and
// the count is the number of records. Method: rapid, against a plain model.
func TestListAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		store := &fakeStore{budget: rapid.IntRange(0, 4).Draw(t, "budget")}
		segment := rapid.SampledFrom([]string{"a", "b", "A", "z", "~", "!", "é"})
		for range rapid.IntRange(0, 40).Draw(t, "records") {
			key := strings.Join(rapid.SliceOfN(segment, 1, 5).Draw(t, "key"), "/")
			if _, err := store.Write(Write{Key: key, Value: []byte("123")}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := store.Write(Write{Key: "_acl/a", Value: []byte("1")}); err != nil {
			t.Fatal(err)
		}
		prefix := ""
		for _, s := range rapid.SliceOfN(segment, 0, 2).Draw(t, "prefix") {
			prefix += s + "/"
		}
		depth := rapid.IntRange(0, 3).Draw(t, "depth")
		var want []string
		records := 0
		for _, r := range store.records {
			rest, ok := strings.CutPrefix(r.Key, prefix)
			if !ok || isReserved(r.Key) {
				continue
			}
			records++
			shown := r.Key
			if parts := strings.Split(rest, "/"); depth > 0 && len(parts) > depth {
				shown = prefix + strings.Join(parts[:depth], "/") + "/"
			}
			if !slices.Contains(want, shown) {
				want = append(want, shown)
			}
		}
		h := New(Options{Store: store, Cluster: fakeCluster{}, Operator: &fakeOperator{}}).handle
		base := "/kv/" + string(appendPath(nil, prefix)) + "?list"
		target := fmt.Sprintf("%s&keys_only=%v&limit=%d", base, rapid.Bool().Draw(t, "keys only"),
			rapid.IntRange(1, 6).Draw(t, "limit"))
		switch {
		case depth == 1 && rapid.Bool().Draw(t, "delimiter"):
			target += "&delimiter=/"
		case depth > 0:
			target += fmt.Sprintf("&depth=%d", depth)
		}
		if rapid.Bool().Draw(t, "reverse") {
			target += "&reverse"
			slices.Reverse(want)
		}
		if got := keysBelow(t, h, target); !slices.Equal(got, want) {
			t.Fatalf("%s of %d records:\n got %q\nwant %q", target, len(store.records), got, want)
		}
		total := countedBelow(t, h, base)
		if total != records {
			t.Fatalf("counted %d, want %d", total, records)
		}
	})
}

// Goal: what a listing refuses, and the shape of what it shows.
func TestListForms(t *testing.T) {
	r := newRig(t, nil)
	for _, key := range []string{"a/b", "a/c/d", "x"} {
		r.do("PUT", "/kv/"+key, "1")
	}
	for _, c := range []struct {
		target string
		status int
		body   string
	}{
		{"/kv/?list&delimiter=/&keys_only", 200, `{"items":[{"key":"a/"},{"key":"x"}]}`},
		{"/kv/a/?list&delimiter=/&keys_only", 200, `{"items":[{"key":"a/b"},{"key":"a/c/"}]}`},
		{"/kv/a/?list&keys_only", 200, `{"items":[{"key":"a/b"},{"key":"a/c/d"}]}`},
		{"/kv/a/?list&count", 200, `{"keys":2,"bytes":2}`},
		{"/kv/none/?list", 200, `{"items":[]}`},
		{"/kv/_range?prefix=a/&keys_only", 200, `{"items":[{"key":"a/b"},{"key":"a/c/d"}]}`},
		{"/kv/_range?prefix=a/c&keys_only", 200, `{"items":[{"key":"a/c/d"}]}`},
		{"/kv/_range?prefix=a/&start_key=a/c&keys_only", 200, `{"items":[{"key":"a/c/d"}]}`},
		{"/kv/_range?prefix=b&end_key=a&keys_only", 200, `{"items":[]}`},
		{"/kv/a/?list&limit=1", 200, `"data":1}],"next":"`},
		{"/kv/a/", 400, "add ?list"},
		{"/kv/a/?list=false", 400, "add ?list"},
		{"/kv/?list&delimiter=.", 400, "delimiter must be /"},
		{"/kv/?list&depth=0", 400, "from 1 to 64"},
		{"/kv/?list&limit=0", 400, "limit must be"},
		{"/kv/?list&raw", 400, "unknown query parameter"},
		{"/kv/a//?list", 400, "ends with"},
		{"/kv/_acl/?list", 400, "reserved"},
		{"/kv/a/?list&cursor=x", 400, "cursor"},
		{"/kv/?list&delimiter=/&keys_only&reverse", 200, `{"items":[{"key":"x"},{"key":"a/"}]}`},
		{"/kv/_range?reverse=true&keys_only&end_key=x", 200, `{"items":[{"key":"a/c/d"},{"key":"a/b"}]}`},
		{"/kv/_range?reverse=yes", 400, "reverse must be"},
		{"/kv/a?list", 400, "unknown query parameter"},
	} {
		a := r.do("GET", c.target, "")
		if a.status != c.status || !strings.Contains(a.body, c.body) {
			t.Errorf("%s: %s, want %d %s", c.target, a, c.status, c.body)
		}
	}
}
