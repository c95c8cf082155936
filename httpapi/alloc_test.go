package httpapi

import (
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

// oneRecord answers every key with the same record, without allocating.
type oneRecord struct{ record Record }

func (o *oneRecord) View(_ string, visit func(Record)) error { visit(o.record); return nil }
func (o *oneRecord) Walk(Walk, func(Record) (string, bool)) (string, error) {
	return "", nil
}
func (o *oneRecord) Write(w Write) (Written, error) {
	return Written{UUID: o.record.UUID, Timestamp: o.record.Timestamp, Existed: true}, nil
}
func (o *oneRecord) Recent(Walk, func(Record) bool) (string, error) { return "", nil }

func (o *oneRecord) WriteAll([]Write) []Fate { return nil }

func (o *oneRecord) Digest() (Digest, error) { return Digest{}, nil }

// hotPath returns a handler and a context that carries one request.
func hotPath(method, body string) (fasthttp.RequestHandler, *fasthttp.RequestCtx) {
	store := &oneRecord{Record{Timestamp: 1672531200000, Data: []byte(`{"name":"John Doe","age":30}`)}}
	ctx := &fasthttp.RequestCtx{}
	ctx.Request.Header.SetMethod(method)
	ctx.Request.SetRequestURI("/kv/users/john/profile")
	if body != "" {
		ctx.Request.Header.SetContentType(typeJSON)
		ctx.Request.SetBodyString(body)
	}
	return New(Options{Store: store, Cluster: fakeCluster{}, Operator: &fakeOperator{},
		Tunable: Tunable{RateLimit: RateLimit{Requests: 1_000_000_000, Window: time.Minute}}}).Handler(), ctx
}

// Goal: the hot paths allocate the key and nothing else, also where requests are counted.
func TestHotPathAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools forget")
	}
	for _, c := range []struct {
		method, body string
		status       int
	}{
		{"GET", "", 200},
		{"PUT", `{"name":"John Doe","age":30}`, 200},
	} {
		h, ctx := hotPath(c.method, c.body)
		got := testing.AllocsPerRun(1000, func() {
			ctx.Response.ResetBody()
			h(ctx)
		})
		if ctx.Response.StatusCode() != c.status || got > 1 {
			t.Errorf("%s: %d, %v allocations, want at most 1", c.method, ctx.Response.StatusCode(), got)
		}
	}
}

func BenchmarkGet(b *testing.B) { benchmarkHandler(b, "GET", "") }
func BenchmarkPut(b *testing.B) { benchmarkHandler(b, "PUT", `{"name":"John Doe","age":30}`) }

func benchmarkHandler(b *testing.B, method, body string) {
	h, ctx := hotPath(method, body)
	b.ReportAllocs()
	for b.Loop() {
		ctx.Response.ResetBody()
		h(ctx)
	}
}

// BenchmarkScanJSON measures the one pass over a body.
func BenchmarkScanJSON(b *testing.B) {
	text := []byte(`{"name":"John Doe","age":30,"email":"john@example.com","tags":["a","b","c"],"n":[1,2.5,-3e4]}`)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		var s scanner
		if p := s.scan(text); p != nil {
			b.Fatal(p.Detail)
		}
	}
}
