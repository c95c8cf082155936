package main

import (
	"errors"
	"fmt"
	"os"

	"kvs/sim"
)

const reportUsage = "draw the run into this HTML file"

// writeReport draws a run into a file, if one is named for it.
func writeReport(file string, film *sim.Film, title, again string) error {
	if file == "" {
		return nil
	}
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	if err := errors.Join(film.Report(f, title, again), f.Close()); err != nil {
		return fmt.Errorf("--report: %w", err)
	}
	return nil
}

// verdict is the result of a run as its last line says it.
func verdict(r sim.Result) string {
	if r.Failure != nil {
		return "FAIL(" + r.Failure.Oracle + ")"
	}
	return "ok"
}

// failed is the error of a run that failed.
func failed(r sim.Result) error {
	if r.Failure != nil {
		return exit{exitOracle, fmt.Errorf("the %s oracle failed", r.Failure.Oracle)}
	}
	return nil
}
