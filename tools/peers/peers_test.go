package main

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"kvs/internal/bench"
)

// Goal: a ratio is the median of those within the rounds, not that of the medians, and a
// target is held on its own side only.
func TestRatiosAreWithinRounds(t *testing.T) {
	at := func(rates ...float64) (out []sample) {
		for _, r := range rates {
			out = append(out, sample{Kind: bench.Kind{Rate: r, P99: time.Duration(r)}})
		}
		return out
	}
	var r report
	r.ratio("x", at(10, 100, 30), at(5, 200, 20), rates(), 1.5, false)
	r.ratio("x", at(10, 100, 30), at(5, 200, 20), rates(), 1.5, true)
	if got := r.rows[0]; got.measured != 1.5 || got.least != 0.5 || got.most != 2 || got.held() != "held" {
		t.Errorf("%+v", got)
	}
	r.rows[1].measured = 1.51
	if r.rows[1].held() == "held" {
		t.Error("an upper bound is held from above")
	}
	r.rows[0].measured = 1.49
	if r.rows[0].held() == "held" {
		t.Error("a lower bound is held from below")
	}
	r.rows[0].measured = math.NaN()
	if r.rows[0].held() == "held" {
		t.Error("what was not measured is held")
	}
}

// Goal: metrics are added up over labels, and by one label's value; quantiles come from
// what a histogram counted between two looks.
func TestMetricsOfANode(t *testing.T) {
	text := "# TYPE b counter\nb{peer=\"x\",dir=\"sent\"} 3\nb{peer=\"y\",dir=\"sent\"} 4\nb{peer=\"x\",dir=\"received\"} 100\n" +
		"# TYPE h histogram\nh_bucket{le=\"1\"} 50\nh_bucket{le=\"2\"} 98\nh_bucket{le=\"4\"} 100\nh_bucket{le=\"+Inf\"} 100\nh_sum 1\nh_count 100\n"
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	m := metrics(families)
	if sent, all := m.sum("b", "sent"), m.sum("b", ""); sent != 7 || all != 107 || m.sum("h", "") != 100 || m.sum("none", "") != 0 {
		t.Errorf("sent %v, all %v", sent, all)
	}
	for share, want := range map[float64]float64{0.25: 0.5, 0.5: 1, 0.99: 3, 1: 4} {
		if got := quantile(m.buckets("h"), share); got != want {
			t.Errorf("%v: %v, want %v", share, got, want)
		}
	}
	if got := quantile(nil, 0.5); !math.IsNaN(got) {
		t.Errorf("of nothing: %v", got)
	}
}

// Goal: the table has a line for each target, each with as many cells as its head.
func TestTable(t *testing.T) {
	r := report{rows: []row{{"a", "1/s", "2/s", 0.5, 0.4, 0.6, 0.45, false, ""}, {"b", "", "", 3, 0, 0, 2, true, " s"}}}
	var out bytes.Buffer
	r.end(&out)
	for _, want := range []string{"| a | 1/s | 2/s | 0.500 (0.400–0.600) | ≥ 0.450 | held |", "| b |  |  | 3.00 s | ≤ 2.00 s | **not** |"} {
		if !strings.Contains(out.String(), want+"\n") {
			t.Errorf("%s\nlacks %s", out.String(), want)
		}
	}
}
