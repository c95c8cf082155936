package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// settings of a run.
type settings struct {
	kvs     string // path of the binary
	keys    int    // in comparisons
	records int    // where size matters
	size    int    // bytes of a value
	rounds  int
	length  time.Duration // of one measurement
	warmup  time.Duration // before it
	quiet   time.Duration // of the idle cluster
	parts   []string
}

// parts are what a run measures, in this order.
func parts() []string { return []string{"alone", "tails", "cluster", "size"} }

func main() {
	if len(os.Args) > 2 && os.Args[1] == "serve" {
		exit(serve(os.Args[2], os.Args[3:]))
	}
	var s settings
	only := flag.String("only", strings.Join(parts(), ","), "what to measure")
	flag.StringVar(&s.kvs, "kvs", "", "path of the kvs binary")
	flag.IntVar(&s.keys, "keys", 200_000, "distinct keys in comparisons")
	flag.IntVar(&s.records, "records", 1_000_000, "records for memory, disk and start")
	flag.IntVar(&s.size, "size", 200, "bytes of a value")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds; each measures every server once under every load")
	flag.DurationVar(&s.length, "length", 2*time.Second, "length of one measurement")
	flag.DurationVar(&s.warmup, "warmup", 500*time.Millisecond, "load before each measurement that does not count")
	flag.DurationVar(&s.quiet, "quiet", 20*time.Second, "how long the idle cluster is watched")
	flag.Parse()
	s.parts = strings.Split(*only, ",")
	exit(run(s))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run measures and prints. What was measured is printed even if a later part fails.
func run(s settings) (err error) {
	if s.kvs == "" {
		return errors.New("-kvs must name the binary; make bench does it")
	}
	for _, part := range s.parts {
		if !slices.Contains(parts(), part) {
			return fmt.Errorf("-only knows %s, not %q", strings.Join(parts(), ", "), part)
		}
	}
	dir, err := os.MkdirTemp("", "kvs-peers-")
	if err != nil {
		return err
	}
	l := &lab{settings: s, dir: dir, out: &report{}}
	defer func() { err = errors.Join(err, l.end(), os.RemoveAll(dir)) }()
	l.out.begin(os.Stdout, s)
	defer l.out.end(os.Stdout)
	for _, part := range s.parts {
		if err := l.measure(part); err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	return nil
}

// lab is a run: its servers, and what they have shown.
type lab struct {
	settings
	dir     string
	out     *report
	running []*process
}

func (l *lab) measure(part string) error {
	fmt.Fprintln(os.Stderr, "measuring:", part)
	defer func() { _ = l.end() }()
	switch part {
	case "alone":
		return l.alone()
	case "tails":
		return l.tails()
	case "cluster":
		return l.cluster()
	}
	return l.bySize()
}

// end stops all servers that run.
func (l *lab) end() (err error) {
	for _, p := range l.running {
		err = errors.Join(err, p.stop())
	}
	l.running = nil
	return err
}
