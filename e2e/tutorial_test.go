package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestFirstFiveMinutes pastes the tutorial into a shell, beside a demo. What it prints is
// what the page shows, but for what differs each time.
func TestFirstFiveMinutes(t *testing.T) {
	inShell(t)
	lines := transcript(t, "../docs/tutorial/first-five-minutes.md")
	if len(lines) < 15 {
		t.Fatalf("the page shows %d commands", len(lines))
	}
	l := startLab(t)
	const mark = "== next"
	port := fmt.Sprintf("kvs demo --port %d ", l.nodes[0].port)
	var script strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&script, "%s\necho '%s'\n", strings.ReplaceAll(l.command, "kvs demo ", port), mark)
	}
	cmd := exec.Command("bash", "-c", script.String())
	cmd.Dir = t.TempDir()
	bin := filepath.Join(cmd.Dir, "bin")
	l.nodes[0].must(os.Mkdir(bin, 0o700))
	l.nodes[0].must(os.Symlink(program, filepath.Join(bin, "kvs")))
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "TMPDIR="+l.dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	got := strings.Split(string(out), mark+"\n")
	for i, l := range lines {
		if i >= len(got) || !alike(l.prints, got[i]) {
			t.Errorf("$ %s\nprints\n%s\nand the page shows\n%s", l.command, got[min(i, len(got)-1)], l.prints)
		}
	}
	endDemo(t, l.p, l.dir, syscall.SIGINT)
}
