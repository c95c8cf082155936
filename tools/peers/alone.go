package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"kvs/internal/bench"
)

// session is a client of one kind of server. open is called for each of its clients.
type session interface {
	fill() error
	open(kind string, client int) bench.Request
	close()
}

// rival is a server under comparison, with how to ask it.
type rival struct {
	name    string
	process *process
	dial    func() (session, error)
}

// load is what all rivals get in turn.
type load struct {
	kind    string // get, put or mixed
	clients int
}

func (w load) String() string { return fmt.Sprintf("%s, %d", w.kind, w.clients) }

// sample is one rival under one load in one round.
type sample struct {
	bench.Kind
	cpu time.Duration // of the server, for one request
}

// cell is what samples are of.
type cell struct {
	rival string
	load  load
}

// samples has one for each round.
type samples map[cell][]sample

// keysOf are the keys of all rivals.
func keysOf(n int) bench.Keys {
	return bench.Keys{Prefix: "bench/", Count: n, Distribution: "uniform"}
}

// many is the number of connections of the comparisons.
const many = 64

// alone compares servers that have no peers.
func (l *lab) alone() error {
	rivals, err := l.startRivals()
	if err != nil {
		return err
	}
	for _, r := range rivals {
		if err := l.prepare(r); err != nil {
			return fmt.Errorf("fill %s: %w", r.name, err)
		}
	}
	got := samples{}
	loads := []load{{"get", many}, {"get", 1}, {"put", many}, {"put", 1}}
	for round := range l.rounds {
		for _, w := range loads {
			for i := range rivals {
				r := rivals[(i+round)%len(rivals)]
				s, err := l.sample(r, w)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", r.name, w, err)
				}
				got[cell{r.name, w}] = append(got[cell{r.name, w}], s)
			}
		}
	}
	l.out.all(rivals, loads, got)
	l.out.comparisons(got)
	return nil
}

// startRivals starts all servers, and stops those that wait for their turn.
func (l *lab) startRivals() (out []*rival, err error) {
	keys := keysOf(l.keys)
	web := func(p *process, token string, own bool) func() (session, error) {
		return func() (session, error) { return newHTTPSession(p.addr, token, keys, l.size, own), nil }
	}
	for _, name := range []string{"fixed", "grouped", "synced", "etcd", "nats"} {
		p, err := l.startOwn(name)
		if err != nil {
			return nil, err
		}
		switch name {
		case "etcd":
			out = append(out, &rival{name, p, func() (session, error) { return dialEtcd(p.addr, keys, l.size) }},
				&rival{"etcd http", p, func() (session, error) { return dialEtcdHTTP(p.addr, keys, l.size) }})
		case "nats":
			out = append(out, &rival{name, p, func() (session, error) { return dialNATS(p.addr, keys, l.size) }})
		default:
			out = append(out, &rival{name, p, web(p, "", true)})
		}
		if err := p.freeze(); err != nil {
			return nil, err
		}
	}
	for _, auth := range []bool{false, true} {
		name := map[bool]string{false: "kvs", true: "kvs auth"}[auth]
		n, err := l.startNode(name, auth)
		if err != nil {
			return nil, err
		}
		token, err := n.token()
		if err != nil {
			return nil, err
		}
		out = append(out, &rival{name, n.process, web(n.process, token, false)})
		if err := n.freeze(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// startOwn starts one of the servers that this program brings along.
func (l *lab) startOwn(name string, more ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	addr, err1 := freePort()
	peer, err2 := freePort()
	p := &process{name: name, addr: addr, dir: filepath.Join(l.dir, name)}
	if err := errors.Join(err1, err2, os.MkdirAll(p.dir, 0o700)); err != nil {
		return nil, err
	}
	p.args = append([]string{self, "serve", name, "-addr", addr, "-dir", p.dir, "-keys", fmt.Sprint(l.keys), "-size", fmt.Sprint(l.size)}, more...)
	if name == "etcd" {
		p.args = append(p.args, "-peer", peer, "-cluster", "m1=http://"+peer)
	}
	return p, l.launch(p)
}

// prepare fills a server in its turn. NATS is started anew for that, and again to measure:
// to sync every record of the filling would take minutes.
func (l *lab) prepare(r *rival) error {
	args := r.process.args
	if r.name == "nats" {
		r.process.args = append(slices.Clone(args), "-loading")
		if err := l.restart(r.process); err != nil {
			return err
		}
	}
	if err := r.turn(func(s session) error { return s.fill() }); err != nil || r.name != "nats" {
		return err
	}
	r.process.args = args
	return errors.Join(l.restart(r.process), r.process.freeze())
}

// restart ends a server and starts it again.
func (l *lab) restart(p *process) error {
	err := p.stop()
	l.running = slices.DeleteFunc(l.running, func(q *process) bool { return q == p })
	return errors.Join(err, l.launch(p))
}

// turn lets a server alone have the CPU.
func (r *rival) turn(use func(session) error) (err error) {
	if err := r.process.thaw(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.process.freeze()) }()
	s, err := r.dial()
	if err != nil {
		return err
	}
	defer s.close()
	return use(s)
}

// sample measures one rival under one load in its turn.
func (l *lab) sample(r *rival, w load) (out sample, err error) {
	err = r.turn(func(s session) error {
		out, err = l.drive(s, w, r.process)
		return err
	})
	return out, err
}

// drive puts a load on a server, and measures after a while.
func (l *lab) drive(s session, w load, p *process) (out sample, err error) {
	open := func(client int) bench.Request { return s.open(w.kind, client) }
	if _, err := good(bench.Load{Clients: w.clients, Duration: l.warmup}.Run(context.Background(), open, nil)); err != nil {
		return out, err
	}
	before, err := p.cpu()
	if err != nil {
		return out, err
	}
	result, err := good(bench.Load{Clients: w.clients, Duration: l.length}.Run(context.Background(), open, nil))
	if err != nil {
		return out, err
	}
	after, err := p.cpu()
	out.Kind = result.Kinds[0] // of mixed the gets
	out.cpu = (after - before) / time.Duration(result.Done())
	return out, err
}

// good is a result without errors.
func good(r *bench.Result) (*bench.Result, error) {
	if len(r.Failures) > 0 {
		return nil, fmt.Errorf("%d requests failed, such as: %s", r.Failures[0].Count, r.Failures[0].Example)
	}
	if r.Done() == 0 {
		return nil, errors.New("nothing was answered")
	}
	return r, nil
}
