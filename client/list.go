package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// RangeOptions says which records a Range visits: all of them unless it says otherwise.
type RangeOptions struct {
	Start    string // The first key that may come; "" is no bound.
	End      string // The first key behind the range; "" is no bound.
	Prefix   string // What all keys begin with; it need not end at a slash.
	KeysOnly bool   // Leaves everything but Record.Key empty.
	Reverse  bool   // From the last key to the first.
}

// Range visits records in bytewise order of their keys, page by page as the caller goes
// on. It is no snapshot: what is written meanwhile may be seen or not. After an error
// it ends.
func (c *Client) Range(ctx context.Context, o RangeOptions) iter.Seq2[Record, error] {
	query := url.Values{}
	for name, value := range map[string]string{"start_key": o.Start, "end_key": o.End, "prefix": o.Prefix} {
		if value != "" {
			query.Set(name, value)
		}
	}
	switchOn(query, "keys_only", o.KeysOnly)
	switchOn(query, "reverse", o.Reverse)
	return c.pages(ctx, "/kv/_range", query)
}

// ListOptions says how a List shows what lies below a path.
type ListOptions struct {
	Depth    int  // How many segments are shown, directories included; 0 is all records, whole.
	KeysOnly bool // Leaves everything but Record.Key empty.
	Reverse  bool // From the last key to the first.
}

// List visits what lies below a path; "" is the root. With a Depth, what lies deeper is
// shown as directories: records with a key that ends with a slash, and no version.
func (c *Client) List(ctx context.Context, path string, o ListOptions) iter.Seq2[Record, error] {
	query := url.Values{"list": {"true"}}
	if o.Depth != 0 {
		query.Set("depth", strconv.Itoa(o.Depth))
	}
	switchOn(query, "keys_only", o.KeysOnly)
	switchOn(query, "reverse", o.Reverse)
	return c.pages(ctx, below(path), query)
}

// switchOn sets a parameter that is there or not.
func switchOn(query url.Values, name string, on bool) {
	if on {
		query.Set(name, "true")
	}
}

// below is where the API lists a path.
func below(path string) string {
	if path = strings.Trim(path, "/"); path == "" {
		return "/kv/"
	}
	return keyPath(path) + "/"
}

// Usage is how much lies below a path.
type Usage struct {
	Keys  int64
	Bytes int64 // Of the values.
}

// Count counts the records below a path; "" is the root.
func (c *Client) Count(ctx context.Context, path string) (Usage, error) {
	query := url.Values{"list": {"true"}, "count": {"true"}}
	var sum Usage
	for {
		var part struct {
			Keys  int64  `json:"keys"`
			Bytes int64  `json:"bytes"`
			Next  string `json:"next"`
		}
		if _, err := c.ask(ctx, Request{Method: http.MethodGet, Path: withQuery(below(path), query)}, &part); err != nil {
			return Usage{}, err
		}
		sum.Keys, sum.Bytes = sum.Keys+part.Keys, sum.Bytes+part.Bytes
		if part.Next == "" {
			return sum, nil
		}
		query.Set("cursor", part.Next)
	}
}

// pages visits the items of a listing. A cursor holds keys alone, so that another node
// can go on where one has stopped answering.
func (c *Client) pages(ctx context.Context, path string, query url.Values) iter.Seq2[Record, error] {
	query.Set("limit", strconv.Itoa(pageItems))
	return func(yield func(Record, error) bool) {
		query := url.Values(http.Header(query).Clone()) // each walk begins anew
		for {
			var page struct {
				Items []record `json:"items"`
				Next  string   `json:"next"`
			}
			if _, err := c.ask(ctx, Request{Method: http.MethodGet, Path: withQuery(path, query)}, &page); err != nil {
				yield(Record{}, err)
				return
			}
			for i := range page.Items {
				if !yield(page.Items[i].record(), nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Set("cursor", page.Next)
		}
	}
}
