package main

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kvs/sim"
	"kvs/statemachine/keyspace"
)

func mutantsCommand() *cobra.Command {
	var (
		c    sim.Campaign
		only string
	)
	cmd := &cobra.Command{
		Use:   "mutants",
		Short: "Check that the swarm notices every broken variant of the core",
		Long: "Check that the swarm notices every broken variant of the core.\n\n" +
			"The broken rules are compiled in only with the build tag mutants:\n" +
			"  go run -tags mutants ./cmd/sim mutants --seeds 500",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !keyspace.MutantsCompiledIn {
				return errors.New("this build cannot break its rules; " +
					"try: go run -tags mutants ./cmd/sim mutants")
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "BROKEN RULE\tSEED OR SCENARIO\tORACLE")
			survivors := 0
			for _, v := range sim.Variants() {
				if !strings.Contains(v.Name, only) {
					continue
				}
				if v.Scenario != nil {
					f := v.Scenario(v.Mutant)
					if f == nil {
						survivors++
						f = &sim.Failure{Oracle: "not noticed"}
					}
					fmt.Fprintf(w, "%s\tscenario\t%s\n", v.Name, f.Oracle)
					continue
				}
				rep := v.Hunt(c)
				if len(rep.Failures) == 0 {
					survivors++
					fmt.Fprintf(w, "%s\tnot found in %d\t-\n", v.Name, rep.Seeds)
					continue
				}
				f := rep.Failures[0]
				fmt.Fprintf(w, "%s\t%d\t%s\n", v.Name, f.Seed, f.Failure.Oracle)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			if survivors > 0 {
				return exit{exitOracle, fmt.Errorf("%d broken variants survived", survivors)}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.Uint64Var(&c.Seeds, "seeds", 500, "how many seeds each variant may take")
	f.StringVar(&only, "only", "", "only the rules whose name contains this")
	f.Uint64Var(&c.Start, "start", 0, "the first seed")
	f.IntVar(&c.Parallel, "parallel", runtime.NumCPU(), "worlds played at the same time")
	return cmd
}
