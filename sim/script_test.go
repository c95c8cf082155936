package sim

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Goal: a script says all that is decided in a run, as text too. Method: worlds of all
// kinds write theirs, and the worlds that play them take the very same course, though
// their own draws are of another seed.
func TestScriptReplaysItsRun(t *testing.T) {
	for seed := range uint64(2) {
		for _, opt := range []Options{Swarm(seed), Guarded(seed), Forgetful(seed)} {
			opt.HashTrace = true
			s, wrote := Record(opt)
			if plain := Run(opt); plain.Trace != wrote.Trace {
				t.Errorf("seed %d takes another course when its script is written", seed)
			}
			read, err := ReadScript(strings.NewReader(s.String()))
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			read.Options.Seed, read.Options.HashTrace = seed+1, true
			if played := read.Play(); played.Trace != wrote.Trace {
				t.Errorf("seed %d: the script takes another course, of %d events, not %d", seed, played.Events,
					wrote.Events)
			}
			if read.Options.Seed = seed; read.String() != s.String() {
				t.Errorf("seed %d: the script is another one after it was read", seed)
			}
		}
	}
}

// Goal: what is no script is refused by line and word, and never panics.
func TestBadScriptsAreRefused(t *testing.T) {
	const good = scriptHeader + "\nwith Nodes=3 Duration=1000 ClockGrain=1 Core.Probe=100\n"
	for text, want := range map[string]string{
		"":                                    "line 1",
		"kvs sim script 2\n":                  "line 1",
		scriptHeader + "\n":                   "Nodes=0",
		scriptHeader + "\nwith Nodes=1":       "ClockGrain=0",
		good + "with Nods=3":                  "line 3: with Nods: no option",
		good + "with Core=3":                  "no figure",
		good + "with Nodes=many":              "Nodes=many",
		good + "with Nodes=1000000":           "want 1 to",
		good + "soon crash n1":                "\"soon\" is no time",
		good + "12 dance n1":                  "unknown act \"dance\"",
		good + "12":                           "nothing is done",
		good + "12 crash":                     "done to 1 hosts, not 0",
		good + "12 crash n1 n2":               "done to 1 hosts, not 2",
		good + "12 crash n1 fo=3":             "crash takes for",
		good + "12 crash n1 for=-3":           "crash takes for",
		good + "12 crash n3":                  "there is no n3",
		good + "12 rights n1 key=1":           "no record of rights",
		good + "fate":                         "fate of nothing",
		good + "fate sync n1":                 "two hosts",
		good + "fate sync n1 n1 0":            "want a number",
		good + "fate sync n1 n1 x = 1":        "fate sync",
		good + "fate sync n1 n1 0 = x":        "fate sync",
		good + "fate send n1 n2 Letter 0 = 1": "unknown message",
		good + "fate send n1 n9 Push 0 = 1":   "no n9",
		good + "fate sync n1 n1 0 = -5":       "a figure of 0",
		good + "12 write n1 size=9000000000":  "too much",
		good + "until tomorrow":               "line 3",
	} {
		if s, err := ReadScript(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q; %v", text, err, want, s)
		}
	}
}

// Goal: a script of somebody's own is played, whatever its acts find. Method: every
// kind of act, done to hosts that do not run yet, that run, and that are down.
func TestScriptsOfAnyActsArePlayed(t *testing.T) {
	opt := Calm(1, 3)
	opt.Duration, opt.RightsEvery = 30_000, 1_000
	s := Script{Options: opt}
	for kind, form := range actForms { // order cannot matter: they are sorted by what follows
		for i, at := range []Millis{1, 8_000, 16_000} {
			a := Act{At: at + Millis(len(s.Acts)), Kind: kind, Args: make([]int64, len(form.fields))}
			for h := range form.hosts {
				a.Hosts = append(a.Hosts, (i+h)%opt.Nodes)
			}
			if kind == ActRights {
				a.Args[1] = 1
			}
			s.Acts = append(s.Acts, a)
		}
	}
	read, err := ReadScript(strings.NewReader(s.String()))
	if err != nil {
		t.Fatal(err)
	}
	if r := read.Play(); r.Failure != nil && r.Failure.Oracle == "assertion" {
		t.Error(r.Failure)
	}
}

// Goal: runs that once failed, shrunk, never fail again. Unlike seeds, scripts keep
// their meaning when worlds draw something else.
func TestKeptScriptsPass(t *testing.T) {
	files, err := filepath.Glob("testdata/scripts/*.sim")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Replay(string(text))
		if errors.Is(err, ErrNoMutants) {
			continue
		}
		if err != nil || r.Failure != nil {
			t.Errorf("%s: %v, %v", file, err, r.Failure)
		}
	}
}
