package e2e

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReadme types what the README shows of a demo into a shell beside one, and has the
// simulator do what it shows of that. It is true from the moment that the other node has the write.
func TestReadme(t *testing.T) {
	inShell(t)
	all := terminals(t, "../README.md")
	if len(all) != 2 {
		t.Fatalf("the README shows %d terminals", len(all))
	}
	l := startLab(t)
	moved := strings.NewReplacer("/tmp/", l.dir+"/",
		"8081", strconv.Itoa(l.nodes[0].port), "8083", strconv.Itoa(l.nodes[2].port))
	last := ""
	_, ok := poll(10*time.Second, func() bool {
		last = untrue(t, ".", all[0], moved)
		return last == ""
	})
	if !ok {
		t.Error(last)
	}
	if last = untrue(t, "..", all[1], strings.NewReplacer()); last != "" {
		t.Error(last)
	}
	endDemo(t, l.p, l.dir, syscall.SIGINT)
}

// untrue runs the lines of a terminal and tells the first that prints something else, "" if none does.
func untrue(t *testing.T, dir string, lines []shown, moved *strings.Replacer) string {
	t.Helper()
	script := strings.Builder{}
	for _, l := range lines {
		script.WriteString(moved.Replace(l.command) + "\necho; echo '== next'\n")
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	cmd.Dir = dir
	out, err := cmd.Output()
	got := strings.Split(string(out), "== next\n")
	for i, l := range lines {
		if i >= len(got) || !alike(l.prints, got[i]) {
			return fmt.Sprintf("$ %s\nis not as the README shows it: %v\n%s", l.command, err, out)
		}
	}
	return ""
}

// TestTokenMintedOffline: a token that is signed with the key in the directory of a
// node that is down is good on it afterwards.
func TestTokenMintedOffline(t *testing.T) {
	n := newNode(t, "minted")
	n.configure(strings.Replace(settings(n.name, n.port), "auth_enabled: false\n", "", 1))
	n.start()
	n.adminToken()
	n.stop()
	cmd := exec.Command(program, "token", "mint", "--data-dir", "data-minted", "--ttl", "1m")
	cmd.Dir = n.dir
	token, err := cmd.Output()
	n.must(err)
	n.start()
	n.token = strings.TrimSpace(string(token))
	eventually(t, 5*time.Second, "the node takes it", func() bool { return n.write("k", "1") == nil })
}
