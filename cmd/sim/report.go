package main

import (
	"fmt"

	"kvs/sim"
)

const reportUsage = "draw the run into this HTML file"

// writeReport writes the report of a run, if a file is named for it.
func writeReport(file string, film *sim.Film, r sim.Result, again string) error {
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
