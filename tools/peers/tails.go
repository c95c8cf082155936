package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"

	"kvs/internal/bench"
)

// importRecords is how many records an import has: more than it can store in a measurement.
const importRecords = 400_000

// tails measures reads beside writes, and how many commits writes take.
func (l *lab) tails() error {
	n, err := l.startNode("kvs tails", false)
	if err != nil {
		return err
	}
	s := newHTTPSession(n.addr, "", keysOf(l.keys), l.size, false)
	defer s.close()
	if err := s.fill(); err != nil {
		return err
	}
	file := filepath.Join(l.dir, "import.jsonl")
	if err := writeRecords(file, importRecords, l.size); err != nil {
		return err
	}
	var quiet, mixed, loaded []sample
	var commits, puts float64
	for range l.rounds {
		for _, c := range []struct {
			to   *[]sample
			kind string
			bulk bool
		}{{&quiet, "get", false}, {&mixed, "mixed", false}, {&loaded, "get", true}} {
			got, err := l.beside(n, s, c.kind, c.bulk, file)
			if err != nil {
				return fmt.Errorf("%s, bulk load %v: %w", c.kind, c.bulk, err)
			}
			*c.to = append(*c.to, got)
		}
		c, p, err := l.commits(n, s)
		if err != nil {
			return err
		}
		commits, puts = commits+c, puts+p
	}
	l.out.ratio("GET p99 with 10 % writes / quiet", mixed, quiet, tails(), 2, true)
	l.out.ratio("GET p99 beside an import / quiet", loaded, quiet, tails(), 5, true)
	l.out.note("Commits for one acknowledged PUT at %d connections: %s; Badger flushes each of them twice, "+
		"to the value log and to the write-ahead log. One connection needs a commit for each.", many, digits(commits/puts))
	return nil
}

// beside measures reads, maybe while records are imported.
func (l *lab) beside(n *node, s session, kind string, bulk bool, file string) (out sample, err error) {
	if bulk {
		c := exec.Command(l.kvs, "import", file, "--addr", n.addr)
		if err := c.Start(); err != nil {
			return out, err
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		defer func() {
			select {
			case early := <-ended:
				err = errors.Join(err, fmt.Errorf("the import ended during the measurement: %w", early))
			default:
				_ = c.Process.Kill()
				<-ended
			}
		}()
	}
	return l.drive(s, load{kind, many}, n.process)
}

// commits counts those of a run of writes, and the writes.
func (l *lab) commits(n *node, s session) (commits, puts float64, err error) {
	before, err := n.metrics()
	if err != nil {
		return 0, 0, err
	}
	open := func(client int) bench.Request { return s.open("put", client) }
	result, err := good(bench.Load{Clients: many, Duration: l.length}.Run(context.Background(), open, nil))
	if err != nil {
		return 0, 0, err
	}
	after, err := n.metrics()
	if err != nil {
		return 0, 0, err
	}
	const name = "kvs_storage_commit_seconds"
	return after.sum(name, "") - before.sum(name, ""), float64(result.Done()), nil
}

// writeRecords writes a file for kvs import.
func writeRecords(file string, records, size int) (err error) {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := bufio.NewWriter(f)
	r := rand.New(rand.NewPCG(2, 2))
	for i := range records {
		fmt.Fprintf(out, "{\"key\":\"import/%08d\",\"data\":%s}\n", i, bench.Value(size, r))
	}
	return out.Flush()
}
