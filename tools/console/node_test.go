package console

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is the binary under test. TestMain sets it, once.
var program string

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "console:", err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "kvs-console-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "kvs")
	build := exec.Command("go", "build", "-o", program, "./cmd/kvs")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build kvs: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// node is a running process.
type node struct {
	t     testing.TB
	name  string
	dir   string
	port  int
	cmd   *exec.Cmd
	token string // empty with authentication off
}

// startNode runs a node with the others as seeds, and returns when it serves.
func startNode(t *testing.T, name string, seeds []*node, more ...string) *node {
	t.Helper()
	n := &node{t: t, name: name, dir: t.TempDir(), port: freePort(t)}
	var dialled []string
	for _, s := range seeds {
		dialled = append(dialled, fmt.Sprintf("%q", s.address()))
	}
	text := fmt.Sprintf("node_id: %q\nport: %d\nseed_nodes: [%s]\n%s\n", name, n.port, strings.Join(dialled, ", "), strings.Join(more, "\n"))
	if err := os.WriteFile(filepath.Join(n.dir, "node.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	n.cmd = exec.Command(program, "node.yaml")
	n.cmd.Dir = n.dir
	var out bytes.Buffer
	n.cmd.Stdout, n.cmd.Stderr = &out, &out
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.signal(syscall.SIGKILL)
		if err := n.cmd.Wait(); t.Failed() {
			t.Logf("%s ended with %v:\n%.3000s", name, err, out.String())
		}
	})
	until(t, name+" serves", func() bool {
		answer, err := http.Get(n.url("/health"))
		if err == nil {
			answer.Body.Close()
		}
		return err == nil && answer.StatusCode == http.StatusOK
	})
	if !strings.Contains(text, "auth_enabled: false") {
		until(t, name+" has written its token", func() bool {
			token, err := os.ReadFile(filepath.Join(n.dir, "data-"+name, "admin.token"))
			n.token = strings.TrimSpace(string(token))
			return err == nil
		})
	}
	return n
}

// configure adds a line to the node's configuration.
func (n *node) configure(line string) {
	n.t.Helper()
	file := filepath.Join(n.dir, "node.yaml")
	text, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, append(text, line+"\n"...), 0o600)
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) address() string        { return fmt.Sprintf("127.0.0.1:%d", n.port) }
func (n *node) url(path string) string { return "http://" + n.address() + path }

func (n *node) signal(s syscall.Signal) {
	if err := n.cmd.Process.Signal(s); err != nil {
		n.t.Errorf("signal %v to %s: %v", s, n.name, err)
	}
}

// do makes a request that must succeed, and returns the body of its answer.
func (n *node) do(method, path, body string) string {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, n.url(path), strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	if n.token != "" {
		request.Header.Set("Authorization", "Bearer "+n.token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		n.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= 300 {
		n.t.Fatalf("%s %s on %s: %d %v %s", method, path, n.name, answer.StatusCode, err, text)
	}
	return string(text)
}

// until waits for a condition.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// freePort is a port that is free for TCP and UDP.
func freePort(t *testing.T) int {
	t.Helper()
	for range 50 {
		tcp, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := tcp.Addr().(*net.TCPAddr).Port
		udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		tcp.Close()
		if err == nil {
			udp.Close()
			return port
		}
	}
	t.Fatal("no port is free for TCP and UDP")
	return 0
}

// between is the part of a text behind one mark and before another.
func between(text, from, to string) string {
	_, text, _ = strings.Cut(text, from)
	text, _, _ = strings.Cut(text, to)
	return text
}
