package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
)

const (
	topEvery = time.Second
	// topTimeout bounds the wait for a member, so that one that hangs does not stop
	// the table.
	topTimeout = 900 * time.Millisecond
	// clearScreen moves the cursor home and clears what is below (ECMA-48: CUP, ED).
	clearScreen = "\x1b[H\x1b[J"
)

func topCommand(via http.RoundTripper) *cobra.Command {
	var count int
	cmd := &cobra.Command{
		Use: "top", Short: "Watch all members, once a second",
		Long: "Asks every member for /status and /metrics, at the address where its peers find it, which is\n" +
			"that of its API unless cluster_port or advertise_address differ. Ctrl-C ends it.",
		Example: "  kvs top\n  kvs top --count 1",
		Args:    exactly(),
	}
	cmd.Flags().IntVar(&count, "count", 0, "end after so many tables, 0 never")
	return asking(via, cmd, func(r *remote, _ []string) error {
		t := &top{first: r, nodes: map[string]*topNode{}}
		out := cmd.OutOrStdout()
		tick := time.NewTicker(topEvery)
		defer tick.Stop()
		for n := 1; ; n++ {
			rows, err := t.round(cmd.Context())
			if err != nil {
				return err
			}
			if isTerminal(out) {
				fmt.Fprint(out, clearScreen)
			}
			if err := printTop(out, rows); err != nil || n == count {
				return err
			}
			select {
			case <-tick.C:
			case <-cmd.Context().Done():
				return nil
			}
		}
	})
}

// top knows the members from the node that was named.
type top struct {
	first *remote
	nodes map[string]*topNode // by address
}

// topNode is a member between two rounds.
type topNode struct {
	*remote
	at                     time.Time
	requests, writes       float64
	commitSeconds, commits float64
}

// topRow is a member in one round.
type topRow struct {
	name                     string
	err                      error
	status                   nodeStatus
	known                    bool // rates mean something: there was a round before
	requests, writes, commit float64
}

// round asks all members once.
func (t *top) round(ctx context.Context) ([]topRow, error) {
	var s nodeStatus
	if _, err := t.first.ask(ctx, http.MethodGet, "/status", "", &s); err != nil {
		return nil, err
	}
	rows := make([]topRow, len(s.Members))
	var wait sync.WaitGroup
	for i, m := range s.Members {
		node, err := t.node(m.Address, m.Self)
		rows[i].name = m.ID
		if err != nil {
			rows[i].err = err
			continue
		}
		wait.Go(func() { node.fill(ctx, &rows[i]) })
	}
	wait.Wait()
	return rows, nil
}

func (t *top) node(address string, self bool) (*topNode, error) {
	if self {
		address = t.first.addr
	}
	if n := t.nodes[address]; n != nil {
		return n, nil
	}
	r := *t.first
	if !self {
		scheme := "http"
		if u, err := url.Parse(t.first.addr); err == nil {
			scheme = cmp.Or(u.Scheme, scheme)
		}
		r.addr = scheme + "://" + address
		if err := r.connect(); err != nil {
			return nil, err
		}
	}
	n := &topNode{remote: &r}
	t.nodes[address] = n
	return n, nil
}

// fill asks one member.
func (n *topNode) fill(ctx context.Context, row *topRow) {
	ctx, cancel := context.WithTimeout(ctx, topTimeout)
	defer cancel()
	if _, row.err = n.ask(ctx, http.MethodGet, "/status", "", &row.status); row.err != nil {
		return
	}
	text, err := n.call(ctx, http.MethodGet, "/metrics", "")
	if err != nil {
		return // metrics_enabled may be off: the rest is known
	}
	now := time.Now()
	requests, writes := sum(text, "kvs_http_requests_total"), sum(text, "kvs_writes_total")
	seconds, commits := sum(text, "kvs_storage_commit_seconds_sum"), sum(text, "kvs_storage_commit_seconds_count")
	if past := now.Sub(n.at).Seconds(); !n.at.IsZero() && past > 0 {
		row.known = true
		row.requests, row.writes = (requests-n.requests)/past, (writes-n.writes)/past
		if commits > n.commits {
			row.commit = 1000 * (seconds - n.commitSeconds) / (commits - n.commits)
		}
	}
	n.at, n.requests, n.writes, n.commitSeconds, n.commits = now, requests, writes, seconds, commits
}

// sum adds up the series of one metric in the text format of Prometheus.
func sum(text []byte, name string) (total float64) {
	for line := range strings.Lines(string(text)) {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest == "" || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		v, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' ')+1:]), 64)
		if err == nil {
			total += v
		}
	}
	return total
}

func printTop(out io.Writer, rows []topRow) error {
	return table(out, func(w io.Writer) {
		fmt.Fprintln(w, "NODE\tSTATUS\tMODE\tKEYS\tROOT\tREQ/S\tWRITES/S\tCOMMIT\tCONVERGED\tDISK FREE\tUP")
		for i := range rows {
			r := &rows[i]
			if r.err != nil {
				fmt.Fprintf(w, "%s\tno answer\t-\t-\t-\t-\t-\t-\t-\t-\t-\n", r.name)
				continue
			}
			s, rates := &r.status, "-\t-\t-"
			if r.known {
				rates = fmt.Sprintf("%.0f\t%.0f\t%.1f ms", r.requests, r.writes, r.commit)
			}
			free := "-"
			if s.Disk != nil {
				free = size(s.Disk.Free)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%.8s\t%s\t%s\t%s\t%s\n", r.name, okOr(s.well(), "look"), s.Mode, s.Sync.Keys,
				s.Sync.Root, rates, okOr(s.Sync.Converged, "no"), free, span(s.UptimeMs))
		}
	})
}
