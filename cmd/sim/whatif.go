package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"kvs/internal/config"
	"kvs/sim"
	"kvs/statemachine"
)

// whatIf is what somebody asks about a cluster with settings of their own.
type whatIf struct {
	config     string
	loss       string
	partitions []string
}

func (q *whatIf) asked() bool { return q.config != "" || q.loss != "" || len(q.partitions) > 0 }

// measured is how long a measurement goes on behind the last partition, and at least.
const measured = time.Minute

// measure plays a calm cluster with the settings, losses and partitions that are asked
// about, and prints what its users would notice.
func (r *running) measure(out io.Writer, scenario bool) error {
	if scenario {
		return errors.New("--scenario draws faults of its own: leave it out with --config, --loss and --partition")
	}
	opt, _ := sim.Scenario("calm", r.seed, r.nodes) // there is one
	if opt.Nodes < 1 || opt.Nodes > sim.NodesMax {
		return fmt.Errorf("--nodes %d: want 1 to %d", opt.Nodes, sim.NodesMax)
	}
	opt.HashTrace = true
	settings, err := r.whatIf.settings(&opt.Core)
	if err != nil {
		return err
	}
	if opt.LossPermille, err = permille(r.whatIf.loss); err != nil {
		return err
	}
	splits, end, err := r.whatIf.splits(opt.Nodes)
	if err != nil {
		return err
	}
	length := max(r.duration, 2*measured, end+measured)
	opt.Duration = sim.Millis(length.Milliseconds())
	opt.Settle = 2 * max(opt.Core.GossipMax, opt.Core.Sync, opt.Core.Catchup, 60_000)
	began := time.Now()
	m := sim.Measure(opt, splits, r.report != "")
	if err := writeReport(r.report, m.Film, "sim: what if", r.asking()); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d nodes, %s, %s of messages lost, %d writes a second\n", opt.Nodes, settings,
		orNone(r.whatIf.loss), 1_000/opt.WriteEvery)
	r.whatIf.print(out, &m, opt.Nodes)
	res := m.Result
	if res.Failure != nil {
		fmt.Fprintln(out, res.Failure)
	}
	fmt.Fprintf(out, "seed=%d nodes=%d virtual=%v wall=%.1fs events=%d writes=%d trace=%s result=%s\n", r.seed, opt.Nodes,
		virtual(res.Virtual), time.Since(began).Seconds(), res.Events, res.Writes, res.Trace, verdict(res))
	return failed(res)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// asking is the command that measures the same again.
func (r *running) asking() string {
	words := []string{"sim run"}
	if r.whatIf.config != "" {
		words = append(words, "--config", r.whatIf.config)
	}
	if r.nodes > 0 {
		words = append(words, "--nodes", strconv.Itoa(r.nodes))
	}
	if r.whatIf.loss != "" {
		words = append(words, "--loss", r.whatIf.loss)
	}
	for _, p := range r.whatIf.partitions {
		words = append(words, "--partition '"+p+"'")
	}
	return strings.Join(append(words, fmt.Sprintf("--seed %d", r.seed)), " ")
}

// settings takes the core's settings from the file, as a node does, and says which.
func (q *whatIf) settings(core *statemachine.Config) (string, error) {
	if q.config == "" {
		return "the default settings", nil
	}
	text, err := os.ReadFile(q.config)
	if err != nil {
		return "", fmt.Errorf("--config: %w", err)
	}
	cfg, err := config.Parse(q.config, text)
	if err != nil {
		return "", err
	}
	if !cfg.ClusteringEnabled {
		return "", fmt.Errorf("%s: clustering_enabled is false: such a node talks to no other", q.config)
	}
	timed(core, cfg)
	return "the settings of " + q.config, nil
}

// timed gives the core the settings that decide when what is sent: the part of
// internal/server's translation that a simulated cluster shares.
func timed(core *statemachine.Config, cfg config.Config) {
	ms := func(d time.Duration) statemachine.Millis { return statemachine.Millis(d.Milliseconds()) }
	core.GossipMin, core.GossipMax = ms(cfg.GossipIntervalMin), ms(cfg.GossipIntervalMax)
	core.Replication = ms(cfg.ReplicationInterval)
	core.Sync, core.Catchup = ms(cfg.SyncInterval), ms(cfg.CatchupInterval)
	core.FailedAfter, core.RemovedAfter = ms(cfg.FailedAfter), ms(cfg.RemovedAfter)
	core.Retention, core.Horizon = ms(cfg.TombstoneMinRetention), ms(cfg.BootstrapMaxAge)
	core.Throttle, core.FetchDelay = ms(cfg.ThrottleDelay), ms(cfg.FetchDelay)
	core.MaxSkew, core.RingBytes = ms(cfg.MaxClockSkew), cfg.PushRingMB<<20
	core.Revisions = 0
	if cfg.RevisionHistoryEnabled {
		core.Revisions = cfg.MaxRevisions
	}
}

// permille reads a share such as 5% or 0.5%.
func permille(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	percent, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || !(percent >= 0 && percent <= 90) { // NaN is no share
		return 0, fmt.Errorf("--loss %q: want a share of 0%% to 90%%, such as 5%%", text)
	}
	return int(percent*10 + .5), nil
}

// splits reads the partitions, and says when the last of them ends.
func (q *whatIf) splits(nodes int) (all []sim.Split, end time.Duration, err error) {
	for _, text := range q.partitions {
		s, err := split(text, nodes)
		if err != nil {
			return nil, 0, fmt.Errorf("--partition %q: %w", text, err)
		}
		all = append(all, s)
		end = max(end, virtual(s.To))
	}
	return all, end, nil
}

// split reads a partition such as a,b|c..g@30s-90s: groups of nodes, of which the
// first is called a or n0, and from when until when they are apart.
func split(text string, nodes int) (s sim.Split, err error) {
	who, when, _ := strings.Cut(text, "@")
	first, last, _ := strings.Cut(when, "-")
	from, bad := time.ParseDuration(first)
	to, worse := time.ParseDuration(last)
	if bad != nil || worse != nil || from < 0 || to <= from || to > 24*time.Hour {
		return s, errors.New("want a time within a day behind @, such as @30s-90s")
	}
	s.From, s.To = sim.Millis(from.Milliseconds()), sim.Millis(to.Milliseconds())
	var seen []int
	for _, part := range strings.Split(who, "|") {
		var group []int
		for _, names := range strings.Split(part, ",") {
			if group, err = members(group, strings.TrimSpace(names), nodes); err != nil {
				return s, err
			}
		}
		s.Groups = append(s.Groups, group)
		seen = append(seen, group...)
	}
	slices.Sort(seen)
	switch {
	case len(s.Groups) < 2:
		return s, errors.New("want groups with | between them, such as a,b|c..g")
	case len(slices.Compact(seen)) < len(seen):
		return s, errors.New("a node is named twice")
	}
	return s, nil
}

// members adds a node, or those from one to another.
func members(group []int, names string, nodes int) ([]int, error) {
	first, last, isRange := strings.Cut(names, "..")
	if !isRange {
		last = first
	}
	from, err := node(first, nodes)
	if err != nil {
		return nil, err
	}
	to, err := node(last, nodes)
	if err != nil {
		return nil, err
	}
	if to < from {
		return nil, fmt.Errorf("%s: %s comes before %s", names, last, first)
	}
	for ; from <= to; from++ {
		group = append(group, from)
	}
	return group, nil
}

// node is the index of a node that is called a to z, or n and its index.
func node(name string, nodes int) (int, error) {
	at := -1
	if number, ok := strings.CutPrefix(name, "n"); ok && number != "" {
		if n, err := strconv.Atoi(number); err == nil {
			at = n
		}
	} else if len(name) == 1 && name[0] >= 'a' && name[0] <= 'z' {
		at = int(name[0] - 'a')
	}
	if at < 0 || at >= nodes {
		return 0, fmt.Errorf("%q is none of %d nodes: they are called a, b, c or n0, n1, n2", name, nodes)
	}
	return at, nil
}

// windowsMax bounds the windows that are printed.
const windowsMax = 20

// print prints what was measured.
func (q *whatIf) print(out io.Writer, m *sim.Measured, nodes int) {
	for i, took := range m.CaughtUp {
		after := "not before the end"
		if took >= 0 {
			after = "after " + virtual(took).String()
		}
		fmt.Fprintf(out, "partition %s: once it healed, all nodes had what was written before %s\n", q.partitions[i], after)
	}
	fmt.Fprintf(out, "writes       %d acknowledged, %d refused\n", m.Result.Writes, m.Refused)
	if nodes > 1 {
		fmt.Fprintf(out, "second copy  %s\n", percentiles(m.Second))
		fmt.Fprintf(out, "all nodes    %s\n", percentiles(m.All))
		printWindows(out, m.Windows)
	}
	fmt.Fprintf(out, "traffic      %s while clients write, %s at rest; of each node, before compression\n",
		rate(m.Busy, nodes), rate(m.Idle, nodes))
}

// printWindows prints when acknowledged writes were on one disk alone.
func printWindows(out io.Writer, ws []sim.Window) {
	if len(ws) == 0 {
		fmt.Fprintln(out, "risk         no acknowledged write was on one disk alone for longer than a second")
		return
	}
	for _, w := range ws[:min(len(ws), windowsMax)] {
		fmt.Fprintf(out, "risk         n%d alone had %d acknowledged writes at some time from %v to %v\n", w.Host, w.Writes,
			virtual(w.From), virtual(w.To))
	}
	if more := len(ws) - windowsMax; more > 0 {
		fmt.Fprintf(out, "risk         and %d windows more\n", more)
	}
}

// percentiles prints how sorted times are spread.
func percentiles(ms []sim.Millis) string {
	n := len(ms)
	if n == 0 {
		return "of no write"
	}
	return fmt.Sprintf("p50 %v, p99 %v, longest %v", virtual(ms[n/2]), virtual(ms[n*99/100]), virtual(ms[n-1]))
}

// rate prints what each node sends in a second.
func rate(t sim.Traffic, nodes int) string {
	ms := max(int(t.For), 1) * nodes
	return fmt.Sprintf("%d B/s in %d messages/s", t.Bytes*1_000/ms, t.Messages*1_000/ms)
}
