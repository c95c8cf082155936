package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"time"

	"kvs/internal/flight"
	"kvs/statemachine"
)

// recorded says that a file is what a node recorded, and no script.
func recorded(in *bufio.Reader) bool {
	head, _ := in.Peek(64)
	return flight.Begins(head)
}

// replayFlight runs the core through what a node recorded, and prints what came of it.
func replayFlight(out io.Writer, file string, in io.Reader) error {
	r, err := flight.Replay(in)
	d, differs := errors.AsType[*flight.Divergence](err)
	if err != nil && !differs {
		return fmt.Errorf("%s: %w", file, err)
	}
	verdict := "same"
	if differs {
		verdict = "differs"
		fmt.Fprintln(out, d)
	}
	if r.Crashed != "" {
		fmt.Fprintln(out, "the process ended in", r.Crashed)
	}
	if r.Torn {
		fmt.Fprintln(out, "the recording breaks off, as where a process was killed")
	}
	fmt.Fprintf(out, "file=%s from=%s to=%s runs=%d segments=%d steps=%d effects=%d missed=%d result=%s\n", file,
		clock(r.From), clock(r.To), r.Runs, r.Segments, r.Steps, r.Effects, r.Missed, verdict)
	if differs {
		return exit{exitNotReproducible, fmt.Errorf("%s: the replay does something else than was recorded", file)}
	}
	return nil
}

func clock(at statemachine.Millis) string {
	return time.UnixMilli(int64(at)).UTC().Format("2006-01-02T15:04:05.000Z")
}
