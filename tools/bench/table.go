package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// print writes the medians, and the ratios that the rounds gave side by side.
func print(out io.Writer, results map[cell][]measurement, s settings) {
	fmt.Fprintf(out, "Machine: %s, %d CPUs, %s; client and servers share it. %d keys, values of %d "+
		"bytes, %d rounds of %v, medians.\n\n", cpu(), runtime.NumCPU(), runtime.Version(), s.keys,
		s.value, s.rounds, s.length)
	fmt.Fprintln(out, "| | connections | kvs: a second | p50 | p99 | bare: a second | grouped: a second | "+
		"kvs / bare | kvs / grouped |")
	fmt.Fprintln(out, "|---|---:|---:|---:|---:|---:|---:|---:|---:|")
	for _, op := range []string{"PUT", "GET"} {
		for _, n := range s.connect {
			own := results[cell{op, n, "kvs"}]
			bare, grouped := results[cell{op, n, "bare"}], results[cell{op, n, "grouped"}]
			fmt.Fprintf(out, "| %s | %d | %.0f | %v | %v | %.0f | %.0f | %.2f | %.2f |\n", op, n,
				rate(own), round(median(own, func(m measurement) float64 { return float64(m.p50) })),
				round(median(own, func(m measurement) float64 { return float64(m.p99) })),
				rate(bare), rate(grouped), ratio(own, bare), ratio(own, grouped))
		}
	}
}

func rate(ms []measurement) float64 {
	return median(ms, func(m measurement) float64 { return m.rate })
}

// ratio is the median of the ratios within each round.
func ratio(a, b []measurement) float64 {
	var rs []float64
	for i := range a {
		rs = append(rs, a[i].rate/b[i].rate)
	}
	slices.Sort(rs)
	return rs[len(rs)/2]
}

func median(ms []measurement, of func(measurement) float64) float64 {
	var v []float64
	for _, m := range ms {
		v = append(v, of(m))
	}
	slices.Sort(v)
	return v[len(v)/2]
}

func round(ns float64) time.Duration { return time.Duration(ns).Round(10 * time.Microsecond) }

// cpu is the processor's name.
func cpu() string {
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
