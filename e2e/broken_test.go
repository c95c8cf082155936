package e2e

import (
	"net"
	"net/http"
	"os/exec"
	"testing"
	"time"
)

// fewDescriptors is a limit that a node with a store and clients reaches.
const fewDescriptors = "64"

// TestB21FewDescriptors runs a node that may open few files, and opens more connections
// than that. It lives, or ends and says why; those it has served find their writes.
func TestB21FewDescriptors(t *testing.T) {
	if _, err := exec.LookPath("prlimit"); err != nil {
		t.Skip("a limit of descriptors needs prlimit, which is not here")
	}
	n := newNode(t, "few", "backup_enabled: false")
	n.process = launchOther(t, n.dir, "prlimit", "--nofile="+fewDescriptors, program, n.file)
	n.excused = true
	n.awaitServing()
	w := newWriting(n)
	w.begin()
	w.awaitMore(t, 200)
	var conns []net.Conn
	for range 100 {
		conn, err := net.DialTimeout("tcp", n.address(), time.Second)
		if err != nil {
			break // nobody takes more
		}
		conns = append(conns, conn)
	}
	poll(time.Second, func() bool { return !n.running() })
	for _, conn := range conns {
		_ = conn.Close() // its peer may have left
	}
	w.end()
	if n.running() {
		eventually(t, 10*time.Second, "it takes writes again", func() bool { return n.write("after", "1") == nil })
		n.stop()
	} else if code, _ := n.awaitEnd(time.Second); code <= 0 || !n.stderr.has("too many open files") {
		t.Errorf("exit code %d, and it says %s", code, tail(n.stderr.String()))
	}
	t.Logf("%d connections stood, %d writes were acknowledged", len(conns), w.acked.Load())
	n.start()
	w.check(t, n)
}

// TestB21ReadOnlyDisk lets the file system of a node under load give up and become read-only.
// The node ends and says why, refuses to start there, and on the disk as it is after the
// repair by its journal nothing that was acknowledged is missing.
func TestB21ReadOnlyDisk(t *testing.T) {
	n := newPowerCutNode(t)
	w := newWriting(n.node)
	n.start()
	n.excused = true
	w.begin()
	w.awaitMore(t, 100)
	if out, err := exec.Command("mount", "-o", "remount,abort", n.disk.dir).CombinedOutput(); err != nil {
		w.end()
		t.Skipf("this file system cannot be told to give up: %v %s", err, out)
	}
	code, took := n.awaitEnd(10 * time.Second)
	w.end()
	if code <= 0 || !n.stderr.has("data_dir") {
		t.Errorf("exit code %d, and it says %s", code, tail(n.stderr.String()))
	}
	t.Logf("ended after %v, %d writes acknowledged", took.Round(time.Millisecond), w.acked.Load())
	n.launch()
	n.excused = true
	if code, _ := n.awaitEnd(startsWithin); code <= 0 || !n.stderr.has("read-only") {
		t.Errorf("on a read-only disk: exit code %d, and it says %s", code, tail(n.stderr.String()))
	}
	n.disk = n.disk.copied()
	n.place()
	n.start()
	w.check(t, n.node)
	if a, err := n.ask(http.MethodPut, "/kv/after", []byte("1")); err != nil || a.status != http.StatusCreated {
		t.Errorf("a write afterwards: %s %v", a, err)
	}
}
