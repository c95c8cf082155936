package e2e

import (
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReload: a node that gets SIGHUP, or is asked to by a command, takes its changed
// configuration over, and says in its log which settings have changed; or which one it
// cannot take, and then it takes none.
func TestReload(t *testing.T) {
	n := start(t, "reloads")
	n.write("k", "1")
	refused := func() bool {
		a, err := request(http.MethodPut, n.url("/kv/k"), []byte("2"))
		return err == nil && a.status == http.StatusForbidden
	}
	n.configure(settings(n.name, n.port, "read_only: true", "log_level: debug"))
	n.signal(syscall.SIGHUP)
	eventually(t, 5*time.Second, "the node is read-only", refused)
	if !n.stderr.has(`"changed":"read_only log_level"`) {
		t.Errorf("said %s", tail(n.stderr.String()))
	}
	n.configure(settings(n.name, n.port+1, "log_level: info"))
	reload := func() (string, int) {
		cmd := exec.Command(program, "config", "reload", "--addr", n.url(""))
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	const conflict = 4
	if out, code := reload(); code != conflict || !strings.Contains(out, "port; nothing was taken over") || !refused() {
		t.Errorf("another port: exit code %d, %s", code, out)
	}
	n.configure(settings(n.name, n.port) + "\nprot: 1\n")
	if out, code := reload(); code == 0 || !strings.Contains(out, `unknown key "prot", did you mean "port"?`) {
		t.Errorf("a mistake: exit code %d, %s", code, out)
	}
	n.configure(settings(n.name, n.port))
	if out, code := reload(); code != 0 || out != "changed: read_only log_level\n" || refused() {
		t.Errorf("exit code %d, %s", code, out)
	}
}
