package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What a failed sync leads to: a node that has ended within that time.
const endsAfterFailure = time.Second

// failing lets system calls of a running node fail with EIO, from about the fourth of
// each thread on, and says when the first did, once one has.
func (n *node) failing(calls string) (first func() (time.Time, bool)) {
	n.t.Helper()
	if os.Geteuid() != 0 {
		n.t.Skip("only root can let system calls of a process fail")
	}
	if _, err := exec.LookPath("strace"); err != nil {
		n.t.Skip("failing system calls need strace, which is not here")
	}
	trace := filepath.Join(n.t.TempDir(), "trace")
	tracer := exec.Command("strace", "-f", "-qq", "-ttt", "-o", trace, "-e", "trace="+calls,
		"-e", "inject="+calls+":error=EIO:when=4+", "-p", strconv.Itoa(n.pid()))
	if err := tracer.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		_ = tracer.Process.Signal(syscall.SIGTERM) // it may have ended with the node
		_ = tracer.Wait()
	})
	return func() (at time.Time, ok bool) {
		text, err := os.ReadFile(trace)
		if err != nil {
			return at, false // it has not attached yet
		}
		for _, line := range strings.Split(string(text), "\n") {
			f := strings.Fields(line) // the thread, the time, the call
			if len(f) < 3 || !strings.Contains(line, "(INJECTED)") {
				continue
			}
			seconds, micros, _ := strings.Cut(f[1], ".")
			s, err1 := strconv.ParseInt(seconds, 10, 64)
			us, err2 := strconv.ParseInt(micros, 10, 64)
			if err1 != nil || err2 != nil {
				n.t.Fatalf("strace says %q", line)
			}
			return time.Unix(s, us*1000), true
		}
		return at, false
	}
}

// TestB8FailedSync lets the syncs of a node fail under load. No write is acknowledged that
// was sent after the first failure, the node ends with an error that names data_dir, and
// after its next start all that was acknowledged is there.
func TestB8FailedSync(t *testing.T) {
	for _, c := range []struct{ name, calls, durability string }{
		{"logs", "msync", "always"},
		{"files", "fsync,fdatasync", "always"},
		{"barriers", "fsync,fdatasync", "async"},
	} {
		t.Run(c.name, func(t *testing.T) {
			// The store is to fail, and not first what is written beside it.
			n := start(t, "n1", "durability: "+c.durability, "tamper_logging_enabled: false",
				"backup_enabled: false", "flight_recorder_mb: 0")
			n.excused = true
			w := newWriting(n)
			w.begin()
			w.awaitMore(t, 100)
			first := n.failing(c.calls)
			code, _ := n.awaitEnd(30 * time.Second)
			ended := time.Now()
			w.end()
			at, ok := first()
			if !ok || code <= 0 || !n.stderr.has("data_dir") {
				t.Fatalf("a sync failed: %t; exit code %d; it says %s", ok, code, tail(n.stderr.String()))
			}
			if took := ended.Sub(at); took > endsAfterFailure {
				t.Errorf("it ended %v after the first failure", took)
			}
			for _, one := range w.writers {
				if one.sent.After(at) {
					t.Errorf("a write is acknowledged that was sent %v after the first failure", one.sent.Sub(at))
				}
			}
			n.start()
			w.check(t, n)
			t.Logf("%d writes acknowledged, ended %v after the first failure", w.acked.Load(),
				ended.Sub(at).Round(time.Millisecond))
		})
	}
}
