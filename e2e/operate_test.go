package e2e

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// Exit codes that scripts rely on.
const (
	exitNotFound     = 3
	exitForbidden    = 5
	exitConflict     = 4
	exitUnreachable  = 6
	exitNotConverged = 8
)

// said is what one command printed, and its exit code.
type said struct {
	stdout, stderr string
	code           int
}

// kvs runs one command of the program against the node.
func (n *node) kvs(args ...string) said {
	n.t.Helper()
	var out, words bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "KVS_ADDR="+n.url(""))
	cmd.Stdout, cmd.Stderr = &out, &words
	err := cmd.Run()
	if cmd.ProcessState == nil {
		n.t.Fatalf("run kvs %s: %v", strings.Join(args, " "), err)
	}
	s := said{out.String(), words.String(), cmd.ProcessState.ExitCode()}
	if s.code != 0 && !strings.Contains(s.stderr, "Try: ") {
		n.t.Errorf("kvs %s: exit code %d without a next step: %s", strings.Join(args, " "), s.code, s.stderr)
	}
	return s
}

// wants checks the exit code of a command and a part of what it prints.
func (n *node) wants(code int, text string, args ...string) {
	n.t.Helper()
	if s := n.kvs(args...); s.code != code || !strings.Contains(s.stdout+s.stderr, text) {
		n.t.Fatalf("%s: kvs %s: exit code %d, want %d and %q:\n%s%s", n.name, strings.Join(args, " "), s.code,
			code, text, s.stdout, s.stderr)
	}
}

// TestModeSwitch switches one of two nodes to read-only and back. In between it
// refuses the writes of clients and follows those of the other node; a start
// forgets the switch.
func TestModeSwitch(t *testing.T) {
	nodes := startCluster(t, 2)
	a, b := nodes[0], nodes[1]
	b.wants(0, "normal", "mode")
	b.wants(0, "read-only", "mode", "read-only")
	a1, err := request(http.MethodPut, b.url("/kv/x"), []byte("1"))
	b.must(err)
	if p := a1.problem(t); a1.status != http.StatusForbidden || p.Code != "read-only" {
		t.Fatalf("a write: %s", a1)
	}
	a.put("y", "2")
	eventually(t, 5*time.Second, "the read-only node follows", func() bool { return b.shows("y", "2") })
	if h := b.health(); h.Mode != "read-only" || h.Status != "ok" {
		t.Errorf("health: %+v", h)
	}
	b.wants(0, "normal", "mode", "normal")
	b.put("x", "1")
	b.wants(0, "read-only", "mode", "read-only")
	b.stop()
	b.start()
	b.put("x", "2")
}

// TestSyncCommandsOverAPartition: status, wait and diff say what a person sees:
// equal data first, then a member that is gone and behind, then equal data again.
func TestSyncCommandsOverAPartition(t *testing.T) {
	long(t)
	nodes := startCluster(t, 3)
	a, c := nodes[0], nodes[2]
	a.put("before", "1")
	a.wants(0, "converged after", "sync", "wait", "--timeout", "20s")
	a.wants(0, "equal", "sync", "status")
	a.wants(0, "no differences from "+c.name, "sync", "diff", c.name, "--keys")
	a.wants(exitNotFound, "no member", "sync", "diff", "nobody")
	a.wants(exitConflict, "this node", "sync", "diff", a.name)
	a.wants(0, "comparing with", "sync", "now")
	a.wants(0, "alive", "members")

	c.pause()
	a.put("during", "2")
	eventually(t, 20*time.Second, "the stopped node is seen as unreachable", func() bool {
		s := a.kvs("sync", "status")
		return s.code == exitNotConverged && strings.Contains(s.stdout, "unreachable") &&
			strings.Contains(s.stderr, c.name+" cannot be reached")
	})
	a.wants(exitNotConverged, c.name, "sync", "wait", "--timeout", "1s")
	a.wants(exitNotFound, c.name, "sync", "diff", c.name)

	c.resume()
	a.wants(0, "converged after", "sync", "wait", "--timeout", "30s")
	if !c.shows("during", "2") {
		t.Error("converged, and the write is not there")
	}
	c.wants(0, "converged after", "sync", "wait", "--timeout", "20s")
	if roots := a.root(); roots == "" || roots != c.root() {
		t.Errorf("roots %s and %s", a.root(), c.root())
	}
	a.stop()
	a.wants(exitUnreachable, "no answer", "sync", "status")
}
