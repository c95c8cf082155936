package flight_test

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kvs/internal/flight"
	"kvs/sim"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// fleet records every run of every node of a simulated cluster.
type fleet struct {
	t    testing.TB
	size int64
	runs []*flight.Recorder
}

func (f *fleet) stepper(int) sim.Stepper {
	r := flight.Open(flight.Options{
		Dir:   filepath.Join(f.t.TempDir(), fmt.Sprint(len(f.runs))),
		Bytes: f.size, Node: "simulated", Version: "test", Logger: slog.New(slog.DiscardHandler),
	})
	f.runs = append(f.runs, r)
	return r.Step
}

// play runs a world whose nodes are recorded.
func (f *fleet) play(o sim.Options) sim.Result {
	o.Stepper = f.stepper
	return sim.Play(o)
}

// replay replays all runs, and adds up what they were.
func (f *fleet) replay() (total flight.Result, first error) {
	for _, r := range f.runs {
		if err := r.Close(); err != nil {
			f.t.Fatal(err)
		}
		all, err := r.Recording()
		if err != nil {
			f.t.Fatal(err)
		}
		got, err := flight.Replay(all)
		total.Segments += got.Segments
		total.Steps += got.Steps
		total.Effects += got.Effects
		if err != nil && first == nil {
			first = err
		}
	}
	return total, first
}

// Goal: whatever happens to a node, its recording replays. Method: the worlds of
// some seeds, with all their faults, every run of every node recorded.
func TestSimulatedNodesReplay(t *testing.T) {
	seeds := uint64(12)
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		f := &fleet{t: t, size: 1 << 20}
		o := sim.Swarm(seed)
		if r := f.play(o); r.Failure != nil {
			t.Fatal(r.Failure)
		}
		total, err := f.replay()
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if total.Steps == 0 || total.Effects == 0 {
			t.Errorf("seed %d: nothing was replayed: %+v", seed, total)
		}
		t.Logf("seed %d: %d nodes, %d runs, %+v", seed, o.Nodes, len(f.runs), total)
	}
}

// Goal: what is not an input of the core, and changes what it does, is noticed.
// Method: now and then a node is stepped behind the recorder's back.
func TestHiddenInputIsNoticed(t *testing.T) {
	f := &fleet{t: t, size: 1 << 20}
	o := sim.Swarm(1)
	o.Stepper = func(host int) sim.Stepper {
		steps, record := 0, f.stepper(host)
		return func(n *statemachine.Node, now statemachine.Time, in statemachine.Input) []statemachine.Effect {
			effects := slices.Clone(record(n, now, in))
			if steps++; steps == 500 {
				n.Step(now, statemachine.SetMode{ReadOnly: true})
			}
			return effects
		}
	}
	sim.Play(o)
	_, err := f.replay()
	d, ok := errors.AsType[*flight.Divergence](err)
	if !ok {
		t.Fatalf("not noticed: %v", err)
	}
	if d.Step <= 500 || d.Input == "" || !strings.Contains(d.What, "Respond") {
		t.Errorf("not where it was: %v", d)
	}
	t.Log(d)
}

// Goal: so is a core that draws from outside of itself.
func TestAmbientRandomnessIsNoticed(t *testing.T) {
	if !keyspace.MutantsCompiledIn {
		t.Skip("needs the build tag mutants: make mutants")
	}
	f := &fleet{t: t, size: 1 << 20}
	o := sim.Swarm(1)
	o.Mutant, o.MutantEverywhere = keyspace.MutantAmbient, true
	f.play(o)
	_, err := f.replay()
	if _, ok := errors.AsType[*flight.Divergence](err); !ok {
		t.Fatalf("not noticed: %v", err)
	}
	t.Log(err)
}
