package metrics

import (
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// full makes a registry in which every metric of the catalogue has a series.
func full() *Registry {
	counted := map[string]bool{
		HTTPRequests: true, HTTPDuration: true, HTTPInFlight: true, HTTPBodyBytes: true, AuthFailures: true,
		RateLimited: true, Writes: true, Reads: true, Expired: true, Conflicts: true, ReplicationLag: true,
		StateChanges: true, StepSeconds: true, Effects: true, CommitSeconds: true, BatchSize: true,
	}
	r := New(func(emit Emit) {
		for _, m := range Catalogue() {
			if !counted[m.Name] {
				emit(m.Name, 1, m.Labels...)
			}
		}
	})
	r.HTTP.Open([]string{"/kv/{key}"})
	r.HTTP.Begin()
	r.HTTP.End(Request{Route: "/kv/{key}", Method: []byte("GET"), Status: 200, Took: time.Millisecond, In: 1, Out: 2})
	r.HTTP.Unauthorized("missing")
	r.HTTP.Limited("user")
	r.Node.Conflict("uuid")
	r.Node.Changed("failed")
	r.Node.Effect("send").Inc()
	r.Node.Lag("b", time.Second)
	return r
}

func text(t *testing.T, r *Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	r.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// Goal: names, units, types and help of all metrics are as Prometheus asks.
func TestMetricsLint(t *testing.T) {
	found, err := promlint.New(strings.NewReader(text(t, full()))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// Goal: all of the catalogue is shown under its own type, and nothing else.
func TestMetricsAreTheCatalogue(t *testing.T) {
	shown := map[string]string{}
	for line := range strings.Lines(text(t, full())) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(strings.TrimSpace(rest), " ")
			shown[name] = kind
		}
	}
	for _, m := range Catalogue() {
		if shown[m.Name] != string(m.Kind) {
			t.Errorf("%s is shown as %q, want %s", m.Name, shown[m.Name], m.Kind)
		}
		delete(shown, m.Name)
	}
	if len(shown) > 0 {
		t.Errorf("not in the catalogue: %v", shown)
	}
}

// Goal: docs/metrics.md has a row for each metric, word for word, and no other.
func TestDocumentationIsTheCatalogue(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "| `kvs_") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	for _, m := range Catalogue() {
		want = append(want, Row(m))
	}
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w {
			t.Errorf("row %d:\n%s\nwant\n%s", i+1, g, w)
		}
	}
}

// Goal: what clients make up makes no series of its own.
func TestUnknownRoutesAndMethodsShareASeries(t *testing.T) {
	r := New(func(Emit) {})
	r.HTTP.Open([]string{"/health"})
	for _, route := range []string{"", "/made/up", "/health/"} {
		for _, method := range []string{"BREW", "x"} {
			r.HTTP.Begin()
			r.HTTP.End(Request{Route: route, Method: []byte(method), Status: 999, Out: -1})
		}
	}
	out := text(t, r)
	if want := `kvs_http_requests_total{class="other",method="other",route="other"} 6`; !strings.Contains(out, want) {
		t.Errorf("no %s in\n%s", want, out)
	}
	if strings.Contains(out, "made") || !strings.Contains(out, "kvs_http_in_flight 0") {
		t.Error(out)
	}
}

// Goal: a metric that is not in the catalogue, or has other labels, cannot be said.
func TestEmittingTheUnknownIsAnError(t *testing.T) {
	for _, labels := range [][]string{{"x", "y"}, nil} {
		r := New(func(emit Emit) { emit("kvs_members", 1, labels...) })
		if r.Check() == nil {
			t.Errorf("%q was taken", labels)
		}
	}
	if New(func(emit Emit) { emit("kvs_no_such", 1) }).Check() == nil {
		t.Error("a name that is not in the catalogue was taken")
	}
	if err := full().Check(); err != nil {
		t.Error(err)
	}
}

// Goal: counting a request that was served before allocates nothing, and many at once
// lose none.
func TestCountingCostsNoMemory(t *testing.T) {
	r := full()
	q := Request{Route: "/kv/{key}", Method: []byte("GET"), Status: 200, Took: time.Millisecond, In: 1, Out: 2}
	if n := testing.AllocsPerRun(100, func() { r.HTTP.Begin(); r.HTTP.End(q) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	r = New(func(Emit) {})
	r.HTTP.Open([]string{"/kv/{key}"})
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 1000 {
				r.HTTP.Begin()
				r.HTTP.End(q)
			}
		})
	}
	wait.Wait()
	if out := text(t, r); !strings.Contains(out, `route="/kv/{key}"} 8000`) {
		t.Error(out)
	}
}

func BenchmarkRequest(b *testing.B) {
	r := full()
	q := Request{Route: "/kv/{key}", Method: []byte("GET"), Status: 200, Took: time.Millisecond, Out: 200}
	b.ReportAllocs()
	for b.Loop() {
		r.HTTP.Begin()
		r.HTTP.End(q)
	}
}
