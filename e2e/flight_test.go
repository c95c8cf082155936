package e2e

import (
	"io/fs"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// buildSim builds the simulator.
func buildSim(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sim")
	if out, err := exec.Command("go", "build", "-o", path, "kvs/cmd/sim").CombinedOutput(); err != nil {
		t.Fatalf("build sim: %v\n%s", err, out)
	}
	return path
}

var replayLine = regexp.MustCompile(`(?m)^file=\S+/(\S+) .* steps=(\d+) effects=(\d+) missed=0 result=same$`)

// replays runs recordings again. Each must do as it did, in so many steps together.
func replays(t *testing.T, sim string, files []string, steps int) {
	t.Helper()
	if len(files) == 0 {
		t.Fatal("nothing was recorded")
	}
	out, err := exec.Command(sim, append([]string{"replay"}, files...)...).CombinedOutput()
	lines := replayLine.FindAllStringSubmatch(string(out), -1)
	total := 0
	for _, l := range lines {
		n, _ := strconv.Atoi(l[2])
		total += n
	}
	if err != nil || len(lines) != len(files) || total < steps {
		t.Errorf("sim replay of %d files, %d steps: %v\n%s", len(files), total, err, out)
	}
	t.Logf("%d steps of %d files replayed", total, len(files))
}

// recordings are the files of segments below a directory.
func recordings(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".flight") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestFlightOfAKilledMember kills one node of three while all are written to, and takes
// from each what it recorded: all of it happens again, the run of the killed process too.
func TestFlightOfAKilledMember(t *testing.T) {
	long(t)
	sim := buildSim(t)
	nodes := startCluster(t, 3, "debug_endpoints: true", "rate_limiting_enabled: false")
	w := newWriting(nodes...)
	w.begin()
	w.awaitMore(t, 1000)
	nodes[0].kill()
	w.awaitMore(t, 1000)
	nodes[0].start()
	w.awaitMore(t, 500)
	w.end()
	awaitEqual(t, nodes, 10*time.Second)
	for _, n := range nodes {
		file := filepath.Join(t.TempDir(), n.name+".flight")
		if s := n.kvs("debug", "flight", file); s.code != 0 {
			t.Fatalf("kvs debug flight: exit code %d: %s", s.code, s.stderr)
		}
		replays(t, sim, []string{file}, 300)
	}
}

// TestFlightOfADemo cuts off one of three nodes, kills another, and sets the clock of one
// forward and back, while all write, and then kills them all: what each left on its disk
// happens again.
func TestFlightOfADemo(t *testing.T) {
	long(t)
	sim := buildSim(t)
	l := startLab(t)
	l.does("writers", "on")
	l.does("cut", "gamma")
	l.nodes[0].put("x", "1")
	l.nodes[2].put("x", "2")
	l.does("heal")
	l.tells("after the heal", 0)
	l.does("kill", "beta")
	l.does("skew", "gamma", "10s")
	l.tells("gamma's clock is 10s ahead", 0)
	l.nodes[0].put("y", "1")
	l.does("restart", "beta")
	l.tells("after the start of beta", 0)
	l.does("skew", "gamma", "0s")
	l.does("conflict")
	l.tells("after they met again", 0)
	l.p.kill()
	files := recordings(t, l.dir)
	if len(files) < 4 {
		t.Errorf("only %v", files)
	}
	replays(t, sim, files, 1000)
}
