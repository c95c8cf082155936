package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"kvs/internal/bench"
)

// benching is a benchmark as it was typed.
type benching struct {
	*remote
	work  bench.Workload
	load  bench.Load
	reads string // share of the reads, as a percentage

	self, keep, filled, quiet bool
	csv                       string
}

func benchCommand(via http.RoundTripper) *cobra.Command {
	b := &benching{remote: &remote{via: via}}
	cmd := &cobra.Command{
		Use: "bench WORKLOAD", Short: "Put load on a node and measure how it answers",
		Long: "WORKLOAD is put, get, mixed (gets and puts) or scan (pages of a range). Keys below --prefix are\n" +
			"written first where it reads, and deleted at the end; deletes are remembered like any others.\n" +
			"Each client sends its next request after an answer; with --rate, requests have times to start\n" +
			"at, and a latency counts from there, whether a client was free or not.\n\n" +
			"Refusals (429, 503) are counted apart from other errors. It exits with 1 if there are others,\n" +
			"and if nothing was answered. Beside a rate limit it measures that: rate_limiting_enabled: false.",
		Example: "  kvs bench get --self\n  kvs bench mixed --reads 90% --clients 64 --duration 30s\n" +
			"  kvs bench put --rate 2000 --csv puts.csv\n  kvs bench scan --page 1000 --dist zipf -o json",
		Args: exactly("WORKLOAD"), ValidArgs: bench.Workloads,
	}
	b.remote.flags(cmd)
	b.benchFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
		finish, err := b.begin(cmd)
		if err != nil {
			return err
		}
		defer finish()
		if err := b.typed(args[0]); err != nil {
			return err
		}
		ctx, stop := signal.NotifyContext(context.WithoutCancel(cmd.Context()), os.Interrupt, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop) // a second one kills
		if b.self {
			end, err := b.startSelf()
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, end()) }()
		} else if err := b.check(ctx); err != nil {
			return err
		}
		return b.measure(ctx, cmd)
	}
	return cmd
}

func (b *benching) benchFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&b.load.Clients, "clients", 64, "requests at once, each on a connection of its own, at most 4096")
	f.Float64Var(&b.load.Rate, "rate", 0, "requests a second of all clients together; 0: as many as are answered")
	f.DurationVar(&b.load.Warmup, "warmup", time.Second, "how long nothing counts at the begin")
	f.DurationVar(&b.load.Duration, "duration", 10*time.Second, "how long to measure; 0: until --count")
	f.Int64Var(&b.load.Count, "count", 0, "measure so many requests at most; 0: until --duration")
	f.IntVar(&b.work.Keys.Count, "keys", 10_000, "how many keys")
	f.StringVar(&b.work.Keys.Distribution, "dist", "uniform", "which keys: uniform, or zipf, where some are far more popular")
	f.StringVar(&b.work.Keys.Prefix, "prefix", "", "below which the keys lie; a new one below bench/ unless given")
	f.IntVar(&b.work.Size, "size", 200, "bytes of a value")
	f.StringVar(&b.reads, "reads", "90%", "share of the gets in mixed")
	f.IntVar(&b.work.Page, "page", 100, "records of a page in scan, at most 1000")
	f.BoolVar(&b.self, "self", false, "measure a node in this process, in a temporary directory, alone and without tokens and rate limits")
	f.BoolVar(&b.keep, "keep", false, "leave the keys there, for another run with --prefix and --filled")
	f.BoolVar(&b.filled, "filled", false, "the keys are there: do not write them first")
	f.BoolVar(&b.quiet, "no-progress", false, "show no progress; only a terminal is shown any")
	f.StringVar(&b.csv, "csv", "", "write the measurements to this file too, a line for each kind of request")
	_ = cmd.RegisterFlagCompletionFunc("dist", cobra.FixedCompletions(bench.Distributions, cobra.ShellCompDirectiveNoFileComp))
}

// typed checks what was typed, and completes it.
func (b *benching) typed(workload string) error {
	b.work.Name = workload
	share, err := strconv.ParseFloat(strings.TrimSuffix(b.reads, "%"), 64)
	if err != nil {
		return usage{fmt.Errorf("--reads must be a percentage, not %q. Try: --reads 90%%", b.reads)}
	}
	b.work.Reads = share / 100
	if err := errors.Join(b.work.Check(), b.load.Check()); err != nil {
		return usage{fmt.Errorf("%w. Try: kvs bench --help", err)}
	}
	if b.self && (b.addr != "" || b.within != "" || b.node != "") {
		return usage{errors.New("--self measures a node of its own. Try: --self without --addr, --context and --node")}
	}
	if b.filled && b.work.Keys.Prefix == "" {
		return usage{errors.New("--filled needs the --prefix of a run with --keep. Try: --prefix PREFIX --filled")}
	}
	if b.work.Keys.Prefix == "" {
		var id [4]byte
		_, _ = rand.Read(id[:]) // never fails
		b.work.Keys.Prefix = "bench/" + hex.EncodeToString(id[:])
	}
	b.work.Keys.Prefix = strings.Trim(b.work.Keys.Prefix, "/") + "/"
	if b.work.Keys.Prefix == "/" { // all of it is deleted at the end
		return usage{errors.New("--prefix must name a place that is the run's own. Try: --prefix bench/mine")}
	}
	return nil
}

// measure fills, runs, prints and deletes.
func (b *benching) measure(ctx context.Context, cmd *cobra.Command) (err error) {
	node, err := b.dial()
	if err != nil {
		return err
	}
	defer node.Close()
	if !b.filled {
		if err := b.reserve(ctx); err != nil {
			return err
		}
		if b.keep {
			defer fmt.Fprintf(cmd.ErrOrStderr(), "the keys stay: --prefix %s --filled\n", b.work.Keys.Prefix)
		} else {
			defer func() { err = errors.Join(err, b.remove(context.WithoutCancel(ctx))) }()
		}
		if b.work.NeedsFill() {
			if err := b.work.Fill(ctx, node, b.watch(cmd, "write keys")); err != nil {
				return b.unfilled(err)
			}
		}
	}
	open := func(client int) bench.Request { return b.work.Open(node, client) }
	result := b.load.Run(ctx, open, b.watch(cmd, b.work.Name))
	if err := b.print(cmd.OutOrStdout(), result); err != nil {
		return err
	}
	return b.verdict(result)
}

// dial makes the client that is fast enough to measure with.
func (b *benching) dial() (*bench.Node, error) {
	token := b.token
	if token == "" && b.secret != "" {
		text, err := os.ReadFile(b.secret)
		if err != nil {
			return nil, usage{fmt.Errorf("--token-file: %w. Try: DATA_DIR/admin.token, as a user who may read it", err)}
		}
		token = strings.TrimSpace(string(text))
	}
	var trust *tls.Config
	if b.trust != "" {
		text, err := os.ReadFile(b.trust)
		pool := x509.NewCertPool()
		if err != nil || !pool.AppendCertsFromPEM(text) {
			return nil, usage{fmt.Errorf("--ca-file: no certificates in %s. Try: a PEM file that you may read", b.trust)}
		}
		trust = &tls.Config{RootCAs: pool}
	}
	return bench.Dial(b.addr, token, trust), nil
}

// reserve sees to it that nothing is deleted at the end but what the run has written.
func (b *benching) reserve(ctx context.Context) error {
	query := url.Values{"list": {"true"}, "keys_only": {"true"}, "limit": {"1"}}
	taken := false
	err := b.pages(ctx, http.MethodGet, prefixPath([]string{b.work.Keys.Prefix}), query, func(_ []byte, page *listed) error {
		if taken = len(page.Items) > 0; taken {
			return errEnough
		}
		return nil
	})
	if err == nil && taken && !b.keep {
		return &failure{exitConflict, "there are keys below " + b.work.Keys.Prefix + " that the run would delete at its end",
			"another --prefix, or --keep to write among them, or --filled to read them"}
	}
	return err
}

// remove deletes what the run has written.
func (b *benching) remove(ctx context.Context) error {
	query := url.Values{"recurse": {"true"}, "limit": {strconv.Itoa(pageItems)}}
	path := prefixPath([]string{b.work.Keys.Prefix})
	err := b.pages(ctx, http.MethodDelete, path, query, func([]byte, *listed) error { return nil },
		"KVS-Confirm", strings.TrimPrefix(path, "/kv"))
	if err != nil {
		return &failure{exitCode(err), "the keys below " + b.work.Keys.Prefix + " are not all deleted: " + err.Error(),
			"kvs del " + b.work.Keys.Prefix + " -r --yes"}
	}
	return nil
}

// unfilled is why the keys could not be written before a run.
func (b *benching) unfilled(err error) error {
	if errors.Is(err, context.Canceled) {
		return &failure{exitInterrupted, "interrupted while the keys were written", "fewer --keys"}
	}
	var refusal *bench.Refusal
	if !errors.As(err, &refusal) {
		return b.failed(err)
	}
	return &failure{codeOf(refusal.Status), "the keys cannot be written: " + cmp.Or(refusal.Detail, refusal.Error()), tryOf(refusal.Status)}
}

// tryOf is what helps against a refusal.
func tryOf(status int) string {
	switch status {
	case http.StatusTooManyRequests:
		return "rate_limiting_enabled: false at the node, or --self"
	case http.StatusUnauthorized, http.StatusForbidden:
		return "--token-file with a token that may write below --prefix"
	}
	return "kvs status, for how the node is"
}

// watch shows at a terminal what happens, a line each second.
func (b *benching) watch(cmd *cobra.Command, what string) func(bench.Progress) {
	out := cmd.ErrOrStderr()
	if b.quiet || !isTerminal(out) {
		return nil
	}
	return follow(out, what)
}

func follow(out io.Writer, what string) func(bench.Progress) {
	var before bench.Progress
	return func(p bench.Progress) {
		note := ""
		if !p.Warm {
			note = "  warm-up"
		}
		seconds := max((p.Elapsed - before.Elapsed).Seconds(), 0.001)
		fmt.Fprintf(out, "%4.0fs  %-10s %8.0f/s  %d errors%s\n", p.Elapsed.Seconds(), what,
			float64(p.Done-before.Done)/seconds, p.Failed, note)
		before = p
	}
}

// verdict is the error of a run, if there is one.
func (b *benching) verdict(r *bench.Result) error {
	refused, unexpected := r.Failed()
	switch {
	case unexpected > 0:
		return &failure{exitOther, fmt.Sprintf("%d requests failed: the first %s", unexpected, unexpectedOf(r)), "kvs doctor, and the log of the node"}
	case r.Done() == 0 && refused > 0:
		return &failure{exitLimited, fmt.Sprintf("the node refused all requests: %s", r.Failures[0].Example),
			"rate_limiting_enabled: false if they are 429, else kvs status"}
	case r.Interrupted:
		return &failure{exitInterrupted, "interrupted: what is printed is of the time before", "a shorter --duration"}
	case r.Done() == 0:
		return &failure{exitOther, "nothing was answered in this time", "a longer --duration"}
	}
	return nil
}

func unexpectedOf(r *bench.Result) string {
	for _, f := range r.Failures {
		if !f.Refusal {
			return fmt.Sprintf("%q of %d alike", f.Example, f.Count)
		}
	}
	return ""
}
