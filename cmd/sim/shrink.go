package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kvs/sim"
	"kvs/statemachine/keyspace"
)

// shrinking is what sim shrink is told.
type shrinking struct {
	seed   uint64
	world  string
	mutant string
	limit  time.Duration
	out    string
	report string
}

func shrinkCommand() *cobra.Command {
	var s shrinking
	cmd := &cobra.Command{
		Use:   "shrink",
		Short: "Find the smallest run that fails as a seed does",
		Long: "Find the smallest run that fails the oracle that a seed fails: with fewer nodes, faults,\n" +
			"operations and fates of messages, smaller and sooner. It is drawn, printed as a Go test,\n" +
			"and written to a file that sim replay plays.",
		Args: cobra.NoArgs,
		Example: `  sim shrink --seed 4711
  sim shrink --seed 4711 --scenario guarded --out lost.sim
  go run -tags mutants ./cmd/sim shrink --seed 5 --mutant "reuses its epoch"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			opt, err := s.options()
			if err != nil {
				return err
			}
			return s.run(cmd.OutOrStdout(), opt)
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&s.seed, "seed", 1, "the run that fails")
	f.StringVar(&s.world, "scenario", "swarm", "its scenario")
	f.StringVar(&s.mutant, "mutant", "", "a rule to break: a part of its name in sim mutants; its worlds are the scenario")
	f.DurationVar(&s.limit, "for", time.Minute, "stop after this time, with the smallest run so far")
	f.StringVar(&s.out, "out", "", "the file to write (default seed-N.sim)")
	f.StringVar(&s.report, "report", "", reportUsage)
	return cmd
}

// options draws the world of the seed.
func (s *shrinking) options() (sim.Options, error) {
	if s.mutant == "" {
		return sim.Scenario(s.world, s.seed, 0)
	}
	v, err := variant(s.mutant)
	if err != nil {
		return sim.Options{}, err
	}
	return v.Options(s.seed), nil
}

// variant is the one whose name contains a text.
func variant(part string) (found sim.Variant, err error) {
	n := 0
	for _, v := range sim.Variants() {
		if strings.Contains(v.Name, part) && v.Scenario == nil {
			found = v
			n++
		}
	}
	switch {
	case n != 1:
		return found, fmt.Errorf("--mutant %q: the name of %d rules that worlds notice; see sim mutants", part, n)
	case found.Mutant != keyspace.MutantNone && !keyspace.MutantsCompiledIn:
		return found, fmt.Errorf("--mutant: %w", sim.ErrNoMutants)
	}
	return found, nil
}

func (s *shrinking) run(out io.Writer, opt sim.Options) error {
	began := time.Now()
	script, r := sim.Record(opt)
	if r.Failure == nil {
		return exit{exitNotReproducible, fmt.Errorf("seed %d passes: there is nothing to shrink", s.seed)}
	}
	shrinker := sim.Shrinker{Stop: func() bool { return time.Since(began) > s.limit }}
	best, r := shrinker.Shrink(script, r)
	if s.out == "" {
		s.out = fmt.Sprintf("seed-%d.sim", s.seed)
	}
	if err := os.WriteFile(s.out, []byte(best.String()), 0o644); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	film, r := best.Film()
	if err := writeReport(s.report, film, fmt.Sprintf("sim: seed %d, shrunk", s.seed), "sim replay "+s.out); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s\n%s\n", best.GoTest(fmt.Sprintf("Seed%d", s.seed)), film.Diagram())
	operations, faults := best.Count()
	fmt.Fprintf(out, "smallest of %d runs: %d nodes, %d operations, %d faults; written to %s\n"+
		"replay: sim replay %s\nseed=%d wall=%.1fs result=%s\n", shrinker.Tried, best.Options.Nodes, operations,
		faults, s.out, s.out, s.seed, time.Since(began).Seconds(), verdict(r))
	return failed(r)
}
