package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// settings of a run.
type settings struct {
	kvs     string // path of the binary
	keys    int
	value   int // bytes of JSON
	rounds  int
	length  time.Duration // of one measurement
	connect []int
}

func main() {
	s := settings{connect: []int{1, 16, 64, 256}}
	role := flag.String("serve", "", "internal: run as the bare or grouped server")
	addr := flag.String("addr", "", "internal: listen here")
	dir := flag.String("dir", "", "internal: store here")
	flag.StringVar(&s.kvs, "kvs", "", "path of the kvs binary")
	flag.IntVar(&s.keys, "keys", 1_000_000, "distinct keys")
	flag.IntVar(&s.value, "value", 200, "bytes of a value")
	flag.IntVar(&s.rounds, "rounds", 5, "rounds; each measures every server once")
	flag.DurationVar(&s.length, "length", 2*time.Second, "length of one measurement")
	only := flag.Int("connections", 0, "measure with this many connections only")
	flag.Parse()
	if *only > 0 {
		s.connect = []int{*only}
	}
	var err error
	if *role != "" {
		err = serveBare(*role, *addr, *dir, s)
	} else {
		err = compare(s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// compare starts all servers, measures them in turns, and prints the table.
func compare(s settings) (err error) {
	if s.kvs == "" {
		return fmt.Errorf("-kvs must name the binary; make bench does it")
	}
	tmp, err := os.MkdirTemp("", "kvs-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	var servers []*target
	defer func() {
		for _, t := range servers {
			t.stop()
		}
	}()
	for _, name := range []string{"kvs", "bare", "grouped"} {
		t, err := start(name, s, self, filepath.Join(tmp, name))
		if err != nil {
			return fmt.Errorf("start %s: %w", name, err)
		}
		servers = append(servers, t)
	}
	// The bare servers fill themselves before they listen.
	if err := fill(servers[0], s); err != nil {
		return fmt.Errorf("fill kvs: %w", err)
	}
	results := measureAll(servers, s)
	print(os.Stdout, results, s)
	return nil
}

// target is a running server.
type target struct {
	name string
	addr string
	cmd  *exec.Cmd
}

func (t *target) stop() {
	_ = t.cmd.Process.Signal(os.Interrupt)
	done := make(chan struct{})
	go func() { _ = t.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		_ = t.cmd.Process.Kill()
		<-done
	}
}

// start launches one server and waits until it answers.
func start(name string, s settings, self, dir string) (*target, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	addr, port, err := freePort()
	if err != nil {
		return nil, err
	}
	t := &target{name: name, addr: addr}
	if name == "kvs" {
		conf := filepath.Join(dir, "node.yaml")
		text := fmt.Sprintf("node_id: bench\nport: %d\ndata_dir: %q\nlog_level: error\nauth_enabled: false\n"+
			"rate_limiting_enabled: false\n", port,
			filepath.Join(dir, "data"))
		if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
			return nil, err
		}
		t.cmd = exec.Command(s.kvs, conf)
	} else {
		t.cmd = exec.Command(self, "-serve", name, "-addr", addr, "-dir", dir,
			"-keys", strconv.Itoa(s.keys), "-value", strconv.Itoa(s.value))
	}
	t.cmd.Stderr = os.Stderr
	if err := t.cmd.Start(); err != nil {
		return nil, err
	}
	return t, awaitServer(t)
}
