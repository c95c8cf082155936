package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"kvs/internal/bench"
)

// benched is a run as scripts read it.
type benched struct {
	Workload    string         `json:"workload"`
	Clients     int            `json:"clients"`
	TargetRate  float64        `json:"target_rate,omitempty"`
	Keys        int            `json:"keys"`
	Dist        string         `json:"dist"`
	Size        int            `json:"size"`
	Prefix      string         `json:"prefix"`
	Seconds     float64        `json:"seconds"`
	Requests    []benchedKind  `json:"requests"`
	Errors      []benchedError `json:"errors"`
	Refused     int64          `json:"refused"`
	Unsent      int64          `json:"unsent"`
	Interrupted bool           `json:"interrupted"`
}

// benchedKind is one kind of requests; times are in microseconds.
type benchedKind struct {
	Kind  string  `json:"kind"`
	Count int64   `json:"count"`
	Rate  float64 `json:"rate"`
	Mean  float64 `json:"mean_us"`
	P50   float64 `json:"p50_us"`
	P90   float64 `json:"p90_us"`
	P99   float64 `json:"p99_us"`
	P999  float64 `json:"p999_us"`
	Max   float64 `json:"max_us"`
}

type benchedError struct {
	Error   string `json:"error"`
	Refusal bool   `json:"refusal"`
	Count   int64  `json:"count"`
	Example string `json:"example"`
}

func (b *benching) report(r *bench.Result) benched {
	refused, _ := r.Failed()
	out := benched{
		b.work.Name, b.load.Clients, b.load.Rate, b.work.Keys.Count, b.work.Keys.Distribution, b.work.Size, b.work.Keys.Prefix,
		r.Elapsed.Seconds(), []benchedKind{}, []benchedError{}, refused, r.Unsent, r.Interrupted,
	}
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	for _, k := range r.Kinds {
		out.Requests = append(out.Requests, benchedKind{k.Name, k.Count, k.Rate, us(k.Mean), us(k.P50), us(k.P90), us(k.P99), us(k.P999), us(k.Max)})
	}
	for _, f := range r.Failures {
		out.Errors = append(out.Errors, benchedError{f.Name, f.Refusal, f.Count, f.Example})
	}
	return out
}

// print shows what was measured.
func (b *benching) print(out io.Writer, r *bench.Result) error {
	if b.csv != "" {
		if err := b.writeCSV(r); err != nil {
			return err
		}
	}
	if b.format == "json" {
		_, err := fmt.Fprintln(out, body(b.report(r)))
		return err
	}
	if err := table(out, func(w io.Writer) {
		fmt.Fprintln(w, "REQUEST\tCOUNT\tPER SECOND\tMEAN\tP50\tP90\tP99\tP99.9\tMAX")
		for _, k := range r.Kinds {
			fmt.Fprintf(w, "%s\t%d\t%.0f\t%v\t%v\t%v\t%v\t%v\t%v\n", k.Name, k.Count, k.Rate, short(k.Mean), short(k.P50),
				short(k.P90), short(k.P99), short(k.P999), short(k.Max))
		}
	}); err != nil {
		return err
	}
	if r.Unsent > 0 {
		fmt.Fprintf(out, "%d requests of --rate were never sent: all clients waited for answers\n", r.Unsent)
	}
	if len(r.Failures) == 0 {
		return nil
	}
	fmt.Fprintln(out)
	return table(out, func(w io.Writer) {
		fmt.Fprintln(w, "COUNT\tERROR\tKIND")
		for _, f := range r.Failures {
			kind := "unexpected"
			if f.Refusal {
				kind = "refused"
			}
			fmt.Fprintf(w, "%d\t%s\t%s\n", f.Count, f.Name, kind)
		}
	})
}

// short is a duration with three digits.
func short(d time.Duration) time.Duration {
	for unit := time.Second; unit > time.Microsecond; unit /= 10 {
		if d >= unit {
			return d.Round(unit / 100)
		}
	}
	return d.Round(10 * time.Nanosecond)
}

// csvColumns are those of --csv. Times are in microseconds.
func csvColumns() []string {
	return []string{"workload", "kind", "clients", "target_rate", "keys", "dist", "size", "seconds", "count", "rate",
		"mean_us", "p50_us", "p90_us", "p99_us", "p999_us", "max_us", "refused", "unexpected", "unsent"}
}

func (b *benching) writeCSV(r *bench.Result) (err error) {
	file, err := os.Create(b.csv)
	if err != nil {
		return usage{fmt.Errorf("--csv: %w. Try: a file that you may write", err)}
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := csv.NewWriter(file)
	_ = out.Write(csvColumns()) // Error tells
	report := b.report(r)
	_, unexpected := r.Failed()
	number := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	for _, k := range report.Requests {
		_ = out.Write([]string{
			report.Workload, k.Kind, strconv.Itoa(report.Clients), number(report.TargetRate), strconv.Itoa(report.Keys), report.Dist,
			strconv.Itoa(report.Size), number(report.Seconds), strconv.FormatInt(k.Count, 10), number(k.Rate),
			number(k.Mean), number(k.P50), number(k.P90), number(k.P99), number(k.P999), number(k.Max),
			strconv.FormatInt(report.Refused, 10), strconv.FormatInt(unexpected, 10), strconv.FormatInt(report.Unsent, 10),
		})
	}
	out.Flush()
	return out.Error()
}
