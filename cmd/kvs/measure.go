package main

import (
	"container/heap"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kvs/client"
)

// samplesMax bounds the requests of kvs latency.
const samplesMax = 10_000

func latencyCommand(via http.RoundTripper) *cobra.Command {
	var count int
	cmd := &cobra.Command{
		Use: "latency [KEY]", Short: "Measure how long a node takes to answer",
		Long: "Sends one request after the other on one connection: GET /healthz, and with KEY reads of\n" +
			"it as well. The times are those of this command, the way to the node included.",
		Example: "  kvs latency\n  kvs latency users/john --count 1000 --node beta", Args: atMostOne,
	}
	cmd.Flags().IntVar(&count, "count", 100, "how many requests of each kind, at most 10000")
	return asking(via, cmd, func(r *remote, args []string) error {
		if count < 1 || count > samplesMax {
			return usage{fmt.Errorf("--count must be from 1 to %d, not %d. Try: --count 100", samplesMax, count)}
		}
		paths := []string{"/healthz"}
		if len(args) == 1 {
			paths = append(paths, keyPath(args[0])+"?raw")
		}
		var rows []latency
		for _, path := range paths {
			row, err := r.sample(cmd.Context(), path, count)
			if err != nil {
				return err
			}
			rows = append(rows, row)
		}
		if r.format == "json" {
			fmt.Fprintln(cmd.OutOrStdout(), body(rows))
			return nil
		}
		return table(cmd.OutOrStdout(), func(w io.Writer) {
			fmt.Fprintln(w, "REQUEST\tCOUNT\tMIN\tP50\tP90\tP99\tMAX")
			for _, l := range rows {
				fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\n", l.Request, l.Count, micros(l.Min), micros(l.P50), micros(l.P90), micros(l.P99), micros(l.Max))
			}
		})
	})
}

// latency sums up requests of one kind, in microseconds.
type latency struct {
	Request string `json:"request"`
	Count   int    `json:"count"`
	Min     int64  `json:"min_us"`
	P50     int64  `json:"p50_us"`
	P90     int64  `json:"p90_us"`
	P99     int64  `json:"p99_us"`
	Max     int64  `json:"max_us"`
}

func micros(n int64) string { return (time.Duration(n) * time.Microsecond).String() }

// sample sends a request again and again.
func (r *remote) sample(ctx context.Context, path string, count int) (latency, error) {
	took := make([]int64, count)
	for i := range took {
		began := time.Now()
		if _, err := r.call(ctx, http.MethodGet, path, ""); err != nil {
			return latency{}, err
		}
		took[i] = time.Since(began).Microseconds()
	}
	slices.Sort(took)
	at := func(percent int) int64 { return took[(count-1)*percent/100] }
	return latency{"GET " + path, count, took[0], at(50), at(90), at(99), took[count-1]}, nil
}

// bigkeysMax bounds the keys that kvs bigkeys shows.
const bigkeysMax = 10_000

func bigkeysCommand(via http.RoundTripper) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "bigkeys [PREFIX]", Short: "List the keys with the longest values",
		Long:    "Reads every value, page by page: give a PREFIX where there are many.",
		Example: "  kvs bigkeys\n  kvs bigkeys users/ --limit 5", Args: atMostOne,
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "how many, at most 10000")
	return asking(via, cmd, func(r *remote, args []string) error {
		if limit < 1 || limit > bigkeysMax {
			return usage{fmt.Errorf("--limit must be from 1 to %d, not %d. Try: --limit 20", bigkeysMax, limit)}
		}
		options := client.RangeOptions{}
		if len(args) == 1 {
			options.Prefix = strings.TrimPrefix(args[0], "/")
		}
		var most smallest
		for record, err := range r.client.Range(cmd.Context(), options) {
			if err != nil {
				return r.failed(err)
			}
			if heap.Push(&most, bigkey{record.Key, len(record.Data)}); len(most) > limit {
				heap.Pop(&most)
			}
		}
		slices.SortFunc(most, func(a, b bigkey) int {
			if a.Bytes != b.Bytes {
				return b.Bytes - a.Bytes
			}
			return strings.Compare(a.Key, b.Key)
		})
		if r.format == "json" {
			fmt.Fprintln(cmd.OutOrStdout(), body(append([]bigkey{}, most...)))
			return nil
		}
		return table(cmd.OutOrStdout(), func(w io.Writer) {
			fmt.Fprintln(w, "BYTES\tKEY")
			for _, k := range most {
				fmt.Fprintf(w, "%d\t%s\n", k.Bytes, k.Key)
			}
		})
	})
}

// bigkey is a key and the length of its value.
type bigkey struct {
	Key   string `json:"key"`
	Bytes int    `json:"bytes"`
}

// smallest is a heap with the shortest value on top.
type smallest []bigkey

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (s smallest) Len() int           { return len(s) }
func (s smallest) Less(i, j int) bool { return s[i].Bytes < s[j].Bytes }
func (s smallest) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }
func (s *smallest) Push(x any)        { *s = append(*s, x.(bigkey)) }
func (s *smallest) Pop() any {
	last := (*s)[len(*s)-1]
	*s = (*s)[:len(*s)-1]
	return last
}
