package main

import (
	"errors"
	"fmt"
	"runtime"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kvs/sim"
	"kvs/statemachine/keyspace"
)

func mutantsCommand() *cobra.Command {
	var c sim.Campaign
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
			fmt.Fprintln(w, "BROKEN RULE\tFIRST SEED\tORACLE")
			survivors := 0
			for _, v := range sim.Variants() {
				c.StopAtFirst = true
				c.Options = func(seed uint64) sim.Options { return v.Apply(sim.Swarm(seed)) }
				rep := c.Run()
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
	f.Uint64Var(&c.Start, "start", 0, "the first seed")
	f.IntVar(&c.Parallel, "parallel", runtime.NumCPU(), "worlds played at the same time")
	return cmd
}
