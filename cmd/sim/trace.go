package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"

	"kvs/sim"
)

const traceUsage = "write every input and effect to this file, a line each"

// traced makes a world write its trace to a file; no path, no trace. What is returned
// ends the file.
func traced(opt *sim.Options, path string) (end func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("--trace: %w", err)
	}
	w := bufio.NewWriter(f)
	opt.Trace = func(line string) { fmt.Fprintln(w, line) }
	return func() error {
		if err := errors.Join(w.Flush(), f.Close()); err != nil {
			return fmt.Errorf("--trace: %w", err)
		}
		return nil
	}, nil
}
