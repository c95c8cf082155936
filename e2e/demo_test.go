package e2e

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// demoRow is one node's line in what the demo prints.
var demoRow = regexp.MustCompile(
	`(?m)^  (\w+) +http://127\.0\.0\.1:(\d+)  up .* root ([0-9a-f]{8})$`)

// startDemo runs the demo and returns its three nodes once it says that it is
// ready, and the directory that it was given for temporary files.
func startDemo(t *testing.T) (p *process, nodes []*node, dir string) {
	t.Helper()
	dir = t.TempDir()
	port := freePorts(t, 3)
	p = launch(t, "demo", dir, "demo", "--port", strconv.Itoa(port))
	took := eventually(t, 20*time.Second, "the demo is ready", func() bool {
		return p.stdout.has("Ctrl-C ends the demo")
	})
	t.Logf("demo ready in %v", took.Round(time.Millisecond))
	rows := demoRow.FindAllStringSubmatch(p.stdout.String(), -1)
	if len(rows) != 3 {
		t.Fatalf("the demo shows %d nodes, want 3", len(rows))
	}
	secret := regexp.MustCompile(`cat (\S+)/admin\.token`).FindStringSubmatch(p.stdout.String())
	if secret == nil {
		t.Fatal("the demo names no file with a token")
	}
	token := (&node{t: t, process: p, name: "demo"}).tokenIn(secret[1])
	for i, row := range rows {
		if want := strconv.Itoa(port + i); row[2] != want || row[3] != rows[0][3] {
			t.Fatalf("row %q: want port %s and root %s", row[0], want, rows[0][3])
		}
		nodes = append(nodes, &node{process: p, t: t, name: row[1], dir: dir, port: port + i, token: token})
	}
	return p, nodes, dir
}

// TestDemoReplicatesFast starts the demo, puts values on each of its nodes in
// turn and measures when the other two show them: 99 of 100 within 250 ms.
func TestDemoReplicatesFast(t *testing.T) {
	p, nodes, dir := startDemo(t)
	awaitEqual(t, nodes, 3*time.Second)
	const writes, within = 100, 250 * time.Millisecond
	took := make([]time.Duration, 0, writes)
	for i := range writes {
		took = append(took, visibleEverywhere(t, nodes, i))
	}
	slices.Sort(took)
	t.Logf("visible on the other two nodes: p50 %v, p99 %v, max %v", took[writes/2],
		took[writes-2], took[writes-1])
	if took[writes-2] >= within {
		t.Errorf("99 of %d writes were visible within %v, want %v", writes, took[writes-2], within)
	}
	endDemo(t, p, dir, syscall.SIGINT)
}

// visibleEverywhere puts a value on one node and returns how long after the
// answer the slower of the other two showed it.
func visibleEverywhere(t *testing.T, nodes []*node, i int) time.Duration {
	t.Helper()
	key, value := fmt.Sprintf("visible/%d", i%7), strconv.Itoa(i)
	writer := i % len(nodes)
	nodes[writer].put(key, value)
	var wait sync.WaitGroup
	seen := make([]time.Duration, len(nodes))
	for j, reader := range nodes {
		if j != writer {
			wait.Go(func() {
				seen[j], _ = poll(5*time.Second, func() bool { return reader.shows(key, value) })
			})
		}
	}
	wait.Wait()
	return slices.Max(seen)
}

// TestDemoEndsOnSIGTERM ends the demo as a service manager would.
func TestDemoEndsOnSIGTERM(t *testing.T) {
	p, _, dir := startDemo(t)
	endDemo(t, p, dir, syscall.SIGTERM)
}

// endDemo ends the demo and checks that nothing of it is left.
func endDemo(t *testing.T, p *process, dir string, s syscall.Signal) {
	t.Helper()
	t.Logf("demo ended %v after %v", p.end(s, stopsWithin).Round(time.Millisecond), s)
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left in TMPDIR: %v (%v)", left, err)
	}
}
