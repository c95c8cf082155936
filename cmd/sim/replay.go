package main

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"kvs/sim"
	"kvs/statemachine/keyspace"
)

func replayCommand() *cobra.Command {
	var (
		report, trace string
		diagram       bool
	)
	cmd := &cobra.Command{
		Use:   "replay FILE...",
		Short: "Play what sim shrink has written, or what a node has recorded",
		Long: "Play what sim shrink has written, or what a node has recorded.\n\n" +
			"A script is played as a world with all its oracles. A recording, of kvs debug flight or a file of\n" +
			"data_dir/flight, is run through the core of one node; every effect must be the recorded one, or\n" +
			"the first input after which one is not is named, and the exit code is 3. The program must be of\n" +
			"the version that recorded.",
		Args:    cobra.MinimumNArgs(1),
		Example: "  sim replay seed-4711.sim\n  sim replay --diagram --report lost.html seed-4711.sim\n  sim replay a.flight",
		RunE: func(cmd *cobra.Command, files []string) error {
			var first error
			for _, file := range files {
				err := replay(cmd.OutOrStdout(), file, report, trace, diagram)
				if first == nil {
					first = err
				}
			}
			return first
		},
	}
	f := cmd.Flags()
	f.BoolVar(&diagram, "diagram", false, "draw the run as text")
	f.StringVar(&report, "report", "", reportUsage)
	f.StringVar(&trace, "trace", "", traceUsage)
	return cmd
}

// replay plays one file, and prints its line.
func replay(out io.Writer, file, report, trace string, diagram bool) error {
	in, err := os.Open(file)
	if err != nil {
		return err
	}
	defer in.Close()
	text := bufio.NewReaderSize(in, 64<<10)
	if recorded(text) {
		if report != "" || trace != "" || diagram {
			return fmt.Errorf("%s: a recording has one node, and no report, trace or diagram of it", file)
		}
		return replayFlight(out, file, text)
	}
	s, err := sim.ReadScript(text)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if s.Options.Mutant != keyspace.MutantNone && !keyspace.MutantsCompiledIn {
		return fmt.Errorf("%s: %w", file, sim.ErrNoMutants)
	}
	s.Options.HashTrace = true
	endTrace, err := traced(&s.Options, trace)
	if err != nil {
		return err
	}
	film, r := s.Film()
	if err := endTrace(); err != nil {
		return err
	}
	if err := writeReport(report, film, "sim: "+file, "sim replay "+file); err != nil {
		return err
	}
	if diagram {
		fmt.Fprintln(out, film.Diagram())
	}
	if r.Failure != nil {
		fmt.Fprintln(out, r.Failure)
	} else if s.Failed != "" {
		fmt.Fprintf(out, "all oracles hold; %s failed when this was written\n", s.Failed)
	}
	fmt.Fprintf(out, "file=%s nodes=%d virtual=%v events=%d writes=%d trace=%s result=%s\n", file, r.Nodes,
		virtual(r.Virtual), r.Events, r.Writes, r.Trace, verdict(r))
	return failed(r)
}
