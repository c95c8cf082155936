package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"kvs/sim"
)

func swarmCommand() *cobra.Command {
	var (
		c     sim.Campaign
		limit time.Duration
		all   bool
		marks bool
		world string
	)
	cmd := &cobra.Command{
		Use:     "swarm",
		Short:   "Run many seeds, each another world, until one fails",
		Args:    cobra.NoArgs,
		Example: "  sim swarm --seeds 2000\n  sim swarm --seeds 1000000 --for 3h",
		RunE: func(cmd *cobra.Command, _ []string) error {
			began := time.Now()
			if limit > 0 {
				c.Stop = func() bool { return time.Since(began) > limit }
			}
			if _, err := sim.Scenario(world, 0, 0); err != nil {
				return err
			}
			c.Options, c.StopAtFirst = func(seed uint64) sim.Options {
				o, _ := sim.Scenario(world, seed, 0) // it was there a moment ago
				return o
			}, !all
			rep := c.Run()
			if marks {
				printMarks(cmd.OutOrStdout(), rep)
			}
			return printSwarm(cmd.OutOrStdout(), rep, world, time.Since(began))
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&c.Seeds, "seeds", 1000, "how many seeds")
	f.Uint64Var(&c.Start, "start", 0, "the first seed")
	f.IntVar(&c.Parallel, "parallel", runtime.NumCPU(), "worlds played at the same time")
	f.BoolVar(&all, "all", false, "go on after a failure, and list all that fail")
	f.StringVar(&world, "scenario", "swarm", "swarm; guarded: people change users and rights as well; or unsynced: hosts sync once a second")
	f.BoolVar(&marks, "marks", false, "list in how many worlds each rare thing happened")
	f.DurationVar(&limit, "for", 0, "stop after this time")
	return cmd
}

func printSwarm(out io.Writer, rep sim.Report, world string, wall time.Duration) error {
	fmt.Fprintf(out, "%d seeds in %.1f s (%.1f a second): %d writes acknowledged, %d crashes, "+
		"%d partitions, %d batches lost unsynced\n", rep.Seeds, wall.Seconds(),
		float64(rep.Seeds)/wall.Seconds(), rep.Writes, rep.Crashes, rep.Cuts, rep.Lost)
	fmt.Fprintf(out, "%d keys purged, %d lives ended, %d runs lost every complete replica\n",
		rep.Purged, rep.Rejoined, rep.Alone)
	if n := len(rep.Healed); n > 0 {
		slices.Sort(rep.Healed)
		fmt.Fprintf(out, "converged after the faults ended: p50 %v, p99 %v, longest %v (seed %d)\n",
			virtual(rep.Healed[n/2]), virtual(rep.Healed[n*99/100]), virtual(rep.Healed[n-1]), rep.Slowest)
	}
	if len(rep.Failures) == 0 {
		return printCold(out, rep)
	}
	first := rep.Failures[0]
	for _, r := range rep.Failures[1:] {
		fmt.Fprintf(out, "seed %d: %s\n", r.Seed, r.Failure.Oracle)
	}
	fmt.Fprintf(out, "seed %d: %v\nreplay: sim run --scenario %s --seed %d\n"+
		"shrink: sim shrink --scenario %[3]s --seed %[4]d\nresult=FAIL(%[5]s)\n", first.Seed, first.Failure, world,
		first.Seed, first.Failure.Oracle)
	code := exitOracle
	if first.Failure.Oracle == "determinism" {
		code = exitNotReproducible
	}
	return exit{code, fmt.Errorf("seed %d fails", first.Seed)}
}

// printCold names the marks that happened in no world. A long campaign fails for it.
func printCold(out io.Writer, rep sim.Report) error {
	cold := rep.Cold()
	for _, m := range cold {
		fmt.Fprintf(out, "cold: in no world: %v\n", m)
	}
	if len(cold) > 0 && rep.Seeds >= sim.ColdAfter {
		fmt.Fprintln(out, "result=FAIL(coverage)")
		return exit{exitOracle, fmt.Errorf("%d of %d marks stayed cold in %d worlds", len(cold),
			len(sim.AllMarks()), rep.Seeds)}
	}
	fmt.Fprintln(out, "result=ok")
	return nil
}

// printMarks lists in how many worlds each mark happened, the rarest first.
func printMarks(out io.Writer, rep sim.Report) {
	marks := sim.AllMarks()
	slices.SortStableFunc(marks, func(a, b sim.Mark) int { return rep.Worlds(a) - rep.Worlds(b) })
	for _, m := range marks {
		fmt.Fprintf(out, "%6d  %v\n", rep.Worlds(m), m)
	}
}
