package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kvs/sim"
)

// running is what sim run is told.
type running struct {
	seed     uint64
	nodes    int
	duration time.Duration
	scenario string
	trace    string
	report   string
	whatIf   whatIf
}

func runCommand() *cobra.Command {
	var r running
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run one seed and print its trace hash",
		Args:  cobra.NoArgs,
		Example: `  sim run --seed 7
  sim run --seed 7 --nodes 5 --duration 10m --scenario calm
  sim run --seed 7 --report seven.html
  sim run --config node.yaml --nodes 7 --loss 5% --partition 'a,b|c..g@30s-90s'`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.whatIf.asked() {
				return r.measure(cmd.OutOrStdout(), cmd.Flags().Changed("scenario"))
			}
			opt, err := sim.Scenario(r.scenario, r.seed, r.nodes)
			if err != nil {
				return err
			}
			if r.duration > 0 {
				opt.Duration = sim.Millis(r.duration.Milliseconds())
			}
			opt.HashTrace = true
			return r.run(cmd.OutOrStdout(), opt)
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&r.seed, "seed", 1, "everything follows from it")
	f.IntVar(&r.nodes, "nodes", 0, "number of nodes (default: drawn by the seed, or the scenario's 5)")
	f.DurationVar(&r.duration, "duration", 0, "virtual time with writes and faults (default 1m)")
	f.StringVar(&r.scenario, "scenario", "swarm", "swarm, guarded, tuned, unsynced, calm, partition, crash or lossy")
	f.StringVar(&r.trace, "trace", "", traceUsage)
	f.StringVar(&r.report, "report", "", reportUsage)
	f.StringVar(&r.whatIf.config, "config", "", "measure a cluster with the timing settings of this file")
	f.StringVar(&r.whatIf.loss, "loss", "", "measure with this share of messages lost, such as 5%")
	f.StringArrayVar(&r.whatIf.partitions, "partition", nil,
		"measure with groups of nodes cut off from each other, such as 'a,b|c..g@30s-90s'; may be repeated")
	return cmd
}

// run plays one world, prints its line, and turns a failure into an error.
func (r *running) run(out io.Writer, opt sim.Options) error {
	endTrace, err := traced(&opt, r.trace)
	if err != nil {
		return err
	}
	began := time.Now()
	film, result := r.play(opt)
	wall := time.Since(began)
	if err := endTrace(); err != nil {
		return err
	}
	if err := writeReport(r.report, film, fmt.Sprintf("sim: seed %d", r.seed), r.again()); err != nil {
		return err
	}
	if result.Failure != nil {
		fmt.Fprintln(out, result.Failure)
	} else {
		fmt.Fprintf(out, "converged %v after the faults ended; all oracles hold\n", virtual(result.Healed))
	}
	fmt.Fprintf(out, "seed=%d nodes=%d virtual=%v wall=%.1fs events=%d writes=%d trace=%s result=%s\n",
		result.Seed, result.Nodes, virtual(result.Virtual), wall.Seconds(), result.Events, result.Writes, result.Trace,
		verdict(result))
	return failed(result)
}

// play runs the world, and films it if somebody wants to see it.
func (r *running) play(opt sim.Options) (*sim.Film, sim.Result) {
	if r.report == "" {
		return nil, sim.Play(opt)
	}
	return sim.FilmRun(opt)
}

// again is the command that plays the same run.
func (r *running) again() string {
	words := []string{"sim run --scenario", r.scenario, fmt.Sprintf("--seed %d", r.seed)}
	if r.nodes > 0 {
		words = append(words, fmt.Sprintf("--nodes %d", r.nodes))
	}
	if r.duration > 0 {
		words = append(words, "--duration", r.duration.String())
	}
	return strings.Join(words, " ")
}

func virtual(ms sim.Millis) time.Duration { return time.Duration(ms) * time.Millisecond }
