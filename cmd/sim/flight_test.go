package main

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kvs/internal/flight"
	"kvs/sim"
	"kvs/statemachine"
)

// record plays a small world and writes what its first node recorded; with hidden, the
// node is told something that is not.
func record(t *testing.T, hidden bool) string {
	t.Helper()
	r := flight.Open(flight.Options{Dir: t.TempDir(), Bytes: flight.BytesMin, Logger: slog.New(slog.DiscardHandler)})
	o := sim.Swarm(1)
	o.CrashEvery, o.DisasterEvery, o.OperateEvery, o.Duration = 0, 0, 0, 10_000
	steps := 0
	o.Stepper = func(host int) sim.Stepper {
		if host != 0 {
			return (*statemachine.Node).Step
		}
		return func(n *statemachine.Node, now statemachine.Time, in statemachine.Input) []statemachine.Effect {
			effects := append([]statemachine.Effect(nil), r.Step(n, now, in)...)
			if steps++; hidden && steps == 100 {
				n.Step(now, statemachine.SetMode{ReadOnly: true})
			}
			return effects
		}
	}
	sim.Play(o)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	in, err := r.Recording()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	all, err := io.ReadAll(in)
	path := filepath.Join(t.TempDir(), "a.flight")
	if err = errors.Join(err, os.WriteFile(path, all, 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

// Goal: a recording replays; one of a node that heard of more than its inputs names the
// first that differs, and has an exit code of its own.
func TestReplayRecording(t *testing.T) {
	var out bytes.Buffer
	if err := replay(&out, record(t, false), "", "", false); err != nil || !strings.Contains(out.String(), "result=same") {
		t.Errorf("%v\n%s", err, &out)
	}
	out.Reset()
	err := replay(&out, record(t, true), "", "", false)
	if e, ok := errors.AsType[exit](err); !ok || e.code != exitNotReproducible || !strings.Contains(out.String(), "result=differs") ||
		!strings.Contains(out.String(), "input ") {
		t.Errorf("%v\n%s", err, &out)
	}
	path := filepath.Join(t.TempDir(), "b.flight")
	if err := os.WriteFile(path, []byte("\x00\x00\x00\x02\x00\x00\x00\x00S{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := replay(&out, path, "", "", false); !errors.Is(err, flight.ErrMalformed) {
		t.Errorf("%v", err)
	}
	if err := replay(&out, path, "", "", true); err == nil || !strings.Contains(err.Error(), "diagram") {
		t.Errorf("%v", err)
	}
}
