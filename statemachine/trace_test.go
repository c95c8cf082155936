package statemachine_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

var rewrite = flag.Bool("rewrite", false, "write the traces in testdata anew")

// TestTraces: the scripts in testdata give the traces behind them, line by line.
// Lines that begin with # are prose, with > a command, all others what came of
// it: "a < input" and "a > effect".
func TestTraces(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txt")
	if len(files) < 3 {
		t.Fatalf("%d traces", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			old, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := (&script{t: t}).play(string(old))
			if *rewrite {
				err = os.WriteFile(file, []byte(got), 0o644)
			} else if got != string(old) {
				t.Errorf("the trace differs; the whole of it now:\n%s", got)
			}
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// script plays the commands of one file.
type script struct {
	t     *testing.T
	hosts []*host
	queue []packet
	out   strings.Builder
	// only are words of which a line must have one to be shown, nil: all are.
	only   []string
	hidden int
}

// play keeps prose and commands, and writes what comes of them.
func (s *script) play(text string) string {
	for _, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "#"), line == "":
			s.line("%s", line)
		case strings.HasPrefix(line, "> "):
			s.line("%s", line)
			s.command(strings.Fields(line[2:]))
		}
	}
	return s.out.String()
}

func (s *script) line(format string, args ...any) {
	line := fmt.Sprintf(format+"\n", args...)
	if s.only != nil && !slices.ContainsFunc(s.only, func(word string) bool { return strings.Contains(line[:len(line)-1], word) }) {
		s.hidden++
		return
	}
	s.out.WriteString(line)
}

// command is one of: start a [seed...], member a [retention=ms], lacking b a, connect a b,
// disconnect a b, put a key value, delete a key, store a, deliver, lose Push, wait ms,
// pass ms [word...], clock a ms, leave a, forget a b, restart a, show key, tombstones.
func (s *script) command(f []string) {
	switch f[0] {
	case "start", "member", "lacking":
		s.start(f)
	case "disconnect":
		a, b := s.host(f[1]), s.host(f[2])
		s.step(a, statemachine.PeerDown{Peer: b.node.Hello().Replica})
		s.step(b, statemachine.PeerDown{Peer: a.node.Hello().Replica})
	case "pass":
		s.pass(f[1], f[2:])
	case "clock":
		s.host(f[1]).now.Wall += s.millis(f[2])
	case "leave":
		s.step(s.host(f[1]), statemachine.Leave{Request: 1})
	case "forget":
		s.step(s.host(f[1]), statemachine.Forget{Request: 1, Member: s.host(f[2]).node.Hello().Replica})
	case "restart":
		s.restart(s.host(f[1]))
	case "connect":
		a, b := s.host(f[1]), s.host(f[2])
		toA, toB := b.node.Hello(), a.node.Hello()
		s.step(a, statemachine.PeerUp{Hello: toA})
		s.step(b, statemachine.PeerUp{Hello: toB})
	case "put":
		s.write(s.host(f[1]), keyspace.Write{Key: f[2], Value: []byte(f[3])})
	case "delete":
		s.write(s.host(f[1]), keyspace.Write{Key: f[2], Delete: true})
	case "store":
		for h := s.host(f[1]); len(h.work) > 0; {
			s.finish(h)
		}
	case "deliver":
		s.deliver()
	case "lose":
		s.lose(f[1])
	case "wait":
		s.wait(f[1])
	case "show":
		for _, h := range s.hosts {
			s.line("  %c holds %q, claims %v", h.name, h.has(f[1]), h.vv())
		}
	case "tombstones":
		for _, h := range s.hosts {
			s.line("  %c has %d", h.name, h.node.Status().Tombstones)
		}
	default:
		s.t.Fatalf("unknown command %q", f)
	}
}

// lose drops the messages under way that are of one kind.
func (s *script) lose(kind string) {
	s.queue = slices.DeleteFunc(s.queue, func(p packet) bool {
		lost := strings.HasPrefix(statemachine.Print(p.msg), kind+"(")
		if lost {
			s.line("  lost: %c to %c %s", p.from, p.to, statemachine.Print(p.msg))
		}
		return lost
	})
}

func (s *script) host(name string) *host {
	for _, h := range s.hosts {
		if h.name == name[0] {
			return h
		}
	}
	s.t.Fatalf("no host %s", name)
	return nil
}

func (s *script) start(f []string) {
	st := newStore(f[1][0])
	if f[0] != "start" {
		st.adopt()
	}
	if f[0] == "lacking" {
		st.pretend(s.host(f[2]).store)
	}
	h := newHost(s.t, st, func(c *statemachine.Config) {
		switch retention, ok := strings.CutPrefix(f[len(f)-1], "retention="); {
		case ok:
			c.Retention = s.millis(retention)
		case f[0] == "start" && len(f) > 2:
			c.Seeds = f[2:]
		}
	})
	s.hosts = append(s.hosts, h)
	s.step(h, statemachine.Tick{})
}

func (s *script) write(h *host, w keyspace.Write) {
	s.step(h, statemachine.ClientWrites{Writes: []statemachine.ClientWrite{{Request: 1, Write: w}}})
}

// deliver hands over the messages under way, and lets the stores work, until
// nothing is left to do.
func (s *script) deliver() {
	for busy := true; busy; {
		busy = false
		for _, h := range s.hosts {
			if len(h.work) > 0 {
				s.finish(h)
				busy = true
			}
		}
		if len(s.queue) > 0 {
			p := s.queue[0]
			s.queue = s.queue[1:]
			s.step(s.host(string(p.to)), statemachine.Received{From: s.host(string(p.from)).node.Hello().Replica, Boot: p.boot, Msg: p.msg})
			busy = true
		}
	}
}

// wait lets time pass without a tick before the end, so that a trace shows one
// moment.
func (s *script) wait(ms string) {
	d := s.millis(ms)
	for _, h := range s.hosts {
		h.now.Mono += d
		h.now.Wall += d
		s.step(h, statemachine.Tick{})
	}
}

func (s *script) millis(text string) (d statemachine.Millis) {
	if _, err := fmt.Sscan(text, &d); err != nil {
		s.t.Fatalf("%s is no time: %v", text, err)
	}
	return d
}

// pass lets time go by, tick by tick as each is due, and shows of what happens the lines
// that have one of the words.
func (s *script) pass(ms string, words []string) {
	s.only, s.hidden = words, 0
	if len(words) == 0 {
		s.only = []string{"\n"} // none
	}
	for left := s.millis(ms); left > 0; {
		d := left
		for _, h := range s.hosts {
			d = min(d, max(h.node.Deadline()-h.now.Mono, 1))
		}
		for _, h := range s.hosts {
			h.now.Mono += d
			h.now.Wall += d
			if h.node.Deadline() <= h.now.Mono {
				s.step(h, statemachine.Tick{})
			}
		}
		s.deliver()
		left -= d
	}
	s.only = nil
	s.line("  %d lines are not shown", s.hidden)
}

// restart ends a host's process and starts it again, with what its disk has.
func (s *script) restart(h *host) {
	s.queue = slices.DeleteFunc(s.queue, func(p packet) bool { return p.from == h.name || p.to == h.name })
	h.store.open()
	h.node, h.work, h.now.Mono = statemachine.New(h.cfg, h.snap), nil, 0
	s.step(h, statemachine.Tick{})
}

func (s *script) step(h *host, in statemachine.Input) {
	s.line("  %c < %s", h.name, statemachine.Print(in))
	s.effects(h, h.step(in))
}

// finish lets the store of a host carry out its oldest task.
func (s *script) finish(h *host) {
	s.line("  %c . done: %s", h.name, brief(h.work[0]))
	s.effects(h, h.finish())
}

func (s *script) effects(h *host, effects []statemachine.Effect) {
	for _, e := range effects {
		s.line("  %c > %s", h.name, statemachine.Print(e))
		if m, ok := e.(statemachine.Send); ok {
			s.queue = append(s.queue, packet{h.name, m.To[0], h.snap.Identity.Boot, m.Msg})
		}
	}
}
