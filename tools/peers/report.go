package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// report is what a run prints.
type report struct {
	rows  []row
	table []string // all servers under all loads
	notes []string
}

// row is one target.
type row struct {
	what        string
	ours, other string
	measured    float64
	least, most float64 // of the rounds; both 0 if there was one
	target      float64
	atMost      bool // whether the target is an upper bound
	unit        string
}

func (r row) held() string {
	if r.atMost && r.measured <= r.target || !r.atMost && r.measured >= r.target {
		return "held"
	}
	return "**not**"
}

func (r row) String() string {
	bound := map[bool]string{true: "≤", false: "≥"}[r.atMost]
	spread := ""
	if r.least != r.most {
		spread = fmt.Sprintf(" (%s–%s)", digits(r.least), digits(r.most))
	}
	return fmt.Sprintf("| %s | %s | %s | %s%s%s | %s %s%s | %s |", r.what, r.ours, r.other, digits(r.measured), r.unit, spread,
		bound, digits(r.target), r.unit, r.held())
}

// digits prints three significant digits, and no exponent.
func digits(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

func (r *report) add(x row) { r.rows = append(r.rows, x) }
func (r *report) note(format string, values ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, values...))
}

// begin prints which machine this is.
func (r *report) begin(out io.Writer, s settings) {
	fmt.Fprintf(out, "Machine: %s, %d CPUs, %s, %s; load generator and servers share it. Values of %d bytes, %d keys, "+
		"%d rounds of %v. Load average before: %s.\n", cpuName(), runtime.NumCPU(), kernel(), runtime.Version(), s.size, s.keys, s.rounds,
		s.length, loadAverage())
}

// end prints all that was measured.
func (r *report) end(out io.Writer) {
	fmt.Fprintf(out, "Load average after: %s.\n\n", loadAverage())
	if len(r.rows) > 0 {
		fmt.Fprintln(out, "| what | ours | other | ratio or value (rounds) | target | |\n|---|---:|---:|---:|---:|---|")
	}
	for _, x := range r.rows {
		fmt.Fprintln(out, x)
	}
	if len(r.table) > 0 {
		fmt.Fprintln(out, "\n"+strings.Join(r.table, "\n"))
	}
	fmt.Fprintln(out)
	for _, note := range r.notes {
		fmt.Fprintln(out, "- "+note)
	}
}

// all tabulates every server under every load.
func (r *report) all(rivals []*rival, loads []load, got samples) {
	r.table = append(r.table, "| load, connections | server | rate | p50 | p99 | CPU of the server, µs a request |", "|---|---|---:|---:|---:|---:|")
	for _, w := range loads {
		for _, v := range rivals {
			s := got[cell{v.name, w}]
			r.table = append(r.table, fmt.Sprintf("| %s | %s | %s | %s | %s | %s |", w, v.name, rates().middle(s),
				medians().middle(s), tails().middle(s), processor().middle(s)))
		}
	}
}

// property is something of a sample, and how it is printed.
type property struct {
	of   func(sample) float64
	show func(float64) string
}

func rates() property {
	return property{func(s sample) float64 { return s.Rate }, func(v float64) string { return fmt.Sprintf("%.0f/s", v) }}
}

func medians() property {
	return property{func(s sample) float64 { return float64(s.P50) }, brief}
}

func tails() property {
	return property{func(s sample) float64 { return float64(s.P99) }, brief}
}

func processor() property {
	return property{
		func(s sample) float64 { return float64(s.cpu) / float64(time.Microsecond) },
		func(v float64) string { return fmt.Sprintf("%.1f", v) },
	}
}

// comparisons are the targets for servers that stand alone.
func (r *report) comparisons(got samples) {
	get, put, one := load{"get", many}, load{"put", many}, load{"put", 1}
	for _, c := range []struct {
		what        string
		ours, other cell
		of          property
		target      float64
		atMost      bool
	}{
		{"GET / fasthttp + Badger", cell{"kvs", get}, cell{"grouped", get}, rates(), 0.95, false},
		{"GET / fixed answer", cell{"kvs", get}, cell{"fixed", get}, rates(), 0.70, false},
		{"GET / NATS KV", cell{"kvs", get}, cell{"nats", get}, rates(), 1.5, false},
		{"GET / etcd gRPC", cell{"kvs", get}, cell{"etcd", get}, rates(), 4, false},
		{"GET with tokens / without", cell{"kvs auth", get}, cell{"kvs", get}, rates(), 0.90, false},
		{"GET p99 / that of fasthttp + Badger", cell{"kvs", get}, cell{"grouped", get}, tails(), 1.2, true},
		{"PUT / grouped commits", cell{"kvs", put}, cell{"grouped", put}, rates(), 0.75, false},
		{"PUT / sync by request", cell{"kvs", put}, cell{"synced", put}, rates(), 4, false},
		{"PUT / etcd gRPC", cell{"kvs", put}, cell{"etcd", put}, rates(), 2, false},
		{"PUT / etcd HTTP", cell{"kvs", put}, cell{"etcd http", put}, rates(), 3, false},
		{"PUT / NATS KV, sync always", cell{"kvs", put}, cell{"nats", put}, rates(), 5, false},
		{"PUT of one connection / grouped commits", cell{"kvs", one}, cell{"grouped", one}, rates(), 0.90, false},
	} {
		r.ratio(c.what, got[c.ours], got[c.other], c.of, c.target, c.atMost)
	}
}

// ratio adds a row: the median of the ratios within the rounds.
func (r *report) ratio(what string, ours, other []sample, of property, target float64, atMost bool) {
	var ratios []float64
	for i := range min(len(ours), len(other)) {
		ratios = append(ratios, of.of(ours[i])/of.of(other[i]))
	}
	if len(ratios) == 0 {
		return
	}
	slices.Sort(ratios)
	r.add(row{what, of.middle(ours), of.middle(other), ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1], target, atMost, ""})
}

// middle is the median, printed.
func (p property) middle(s []sample) string { return p.show(p.median(s)) }

func (p property) median(s []sample) float64 {
	var v []float64
	for _, x := range s {
		v = append(v, p.of(x))
	}
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func brief(ns float64) string { return time.Duration(ns).Round(10 * time.Microsecond).String() }

// cpuName is the processor's name.
func cpuName() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	var name unix.Utsname
	if unix.Uname(&name) != nil {
		return runtime.GOOS
	}
	return unix.ByteSliceToString(name.Sysname[:]) + " " + unix.ByteSliceToString(name.Release[:])
}

func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if fields := strings.Fields(string(text)); err == nil && len(fields) > 0 {
		return fields[0]
	}
	return "unknown"
}
