package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestHowTo follows each page of docs/howto as it stands, in a shell, beside the cluster that
// the first page makes: every command succeeds, and prints what the page shows if it shows
// anything. Only the ports differ.
func TestHowTo(t *testing.T) {
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	pages, err := filepath.Glob("../docs/howto/*.md")
	if err != nil || len(pages) < 7 {
		t.Fatal(pages, err)
	}
	for _, page := range pages {
		if name := filepath.Base(page); name != "README.md" {
			t.Run(strings.TrimSuffix(name, ".md"), func(t *testing.T) { follow(t, page) })
		}
	}
}

func follow(t *testing.T, page string) {
	t.Helper()
	commands, prints := transcript(t, "../docs/howto/README.md")
	more, shown := transcript(t, page)
	if len(more) == 0 {
		t.Fatal("the page shows no commands")
	}
	commands, prints = append(commands, more...), append(prints, shown...)
	port := freePorts(t, 4)
	const mark, failed = "== next", "== failed with "
	script := strings.Builder{}
	// Whatever happens, no node outlives the shell.
	script.WriteString("trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n")
	for _, c := range commands {
		for i := range 4 {
			c = strings.ReplaceAll(c, fmt.Sprint(8081+i), fmt.Sprint(port+i))
		}
		fmt.Fprintf(&script, "{ %s\n} || echo \"%s$?\"\necho '%s'\n", c, failed, mark)
	}
	cmd := exec.Command("timeout", "120", "bash", "-c", script.String())
	cmd.Dir = t.TempDir()
	bin := filepath.Join(cmd.Dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, filepath.Join(bin, "kvs")); err != nil {
		t.Fatal(err)
	}
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+cmd.Dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v:\n%.3000s", err, out)
	}
	got := strings.Split(string(out), mark+"\n")
	for i, c := range commands {
		if i >= len(got) {
			t.Fatalf("$ %s\nwas not reached", c)
		}
		if strings.Contains(got[i], failed) || prints[i] != "" && steady(got[i]) != steady(prints[i]) {
			t.Errorf("$ %s\nprints\n%s\nand the page shows\n%s", c, got[i], prints[i])
		}
	}
}

// TestHowToNamesEveryAlert: nobody is woken by an alert that the page does not know.
func TestHowToNamesEveryAlert(t *testing.T) {
	rules, err := os.ReadFile("../contrib/prometheus/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../docs/howto/read-an-alert.md")
	if err != nil {
		t.Fatal(err)
	}
	alerts := regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(rules), -1)
	if len(alerts) < 15 {
		t.Fatalf("found %d alerts", len(alerts))
	}
	for _, a := range alerts {
		if !strings.Contains(string(page), "`"+a[1]+"`") {
			t.Errorf("the page does not name %s", a[1])
		}
	}
}
