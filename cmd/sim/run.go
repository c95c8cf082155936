package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"kvs/sim"
)

func runCommand() *cobra.Command {
	var (
		seed     uint64
		nodes    int
		duration time.Duration
		scenario string
		trace    string
	)
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run one seed and print its trace hash",
		Args:  cobra.NoArgs,
		Example: `  sim run --seed 7
  sim run --seed 7 --nodes 5 --duration 10m --scenario calm`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opt, err := sim.Scenario(scenario, seed, nodes)
			if err != nil {
				return err
			}
			if duration > 0 {
				opt.Duration = sim.Millis(duration.Milliseconds())
			}
			opt.HashTrace = true
			return runOne(cmd.OutOrStdout(), opt, trace)
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&seed, "seed", 1, "everything follows from it")
	f.IntVar(&nodes, "nodes", 0, "number of nodes (default: drawn by the seed, or the scenario's 5)")
	f.DurationVar(&duration, "duration", 0, "virtual time with writes and faults (default 1m)")
	f.StringVar(&scenario, "scenario", "swarm", "swarm, guarded, tuned, calm, partition, crash or lossy")
	f.StringVar(&trace, "trace", "", "write every input and effect to this file, a line each")
	return cmd
}

// runOne plays one world, prints its line, and turns a failure into an error.
func runOne(out io.Writer, opt sim.Options, trace string) error {
	flush := func() error { return nil }
	if trace != "" {
		f, err := os.Create(trace)
		if err != nil {
			return fmt.Errorf("--trace: %w", err)
		}
		w := bufio.NewWriter(f)
		opt.Trace = func(line string) { fmt.Fprintln(w, line) }
		flush = func() error { return errors.Join(w.Flush(), f.Close()) }
	}
	began := time.Now()
	r := sim.Play(opt)
	wall := time.Since(began)
	if err := flush(); err != nil {
		return fmt.Errorf("--trace: %w", err)
	}
	result := "ok"
	if r.Failure != nil {
		fmt.Fprintln(out, r.Failure)
		result = "FAIL(" + r.Failure.Oracle + ")"
	} else {
		fmt.Fprintf(out, "converged %v after the faults ended; all oracles hold\n", virtual(r.Healed))
	}
	fmt.Fprintf(out, "seed=%d nodes=%d virtual=%v wall=%.1fs events=%d writes=%d trace=%s result=%s\n",
		r.Seed, r.Nodes, virtual(r.Virtual), wall.Seconds(), r.Events, r.Writes, r.Trace, result)
	if r.Failure != nil {
		return exit{exitOracle, fmt.Errorf("the %s oracle failed", r.Failure.Oracle)}
	}
	return nil
}

func virtual(ms sim.Millis) time.Duration { return time.Duration(ms) * time.Millisecond }
