package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// consoleBlock is what a page shows of a terminal.
var consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")

// changing is what differs from run to run: versions, times, hashes, sizes; and with
// them how wide a column is.
var changing = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT[\d:]+(\.\d+)?Z`), "TIME"},
	{regexp.MustCompile(`\d{8}T\d{6}\.\d{3}Z-[0-9a-f]{8}`), "BACKUP"},
	{regexp.MustCompile(`"timestamp":\d+`), "TIMESTAMP"},
	{regexp.MustCompile(`root [0-9a-f]{8}`), "ROOT"},
	{regexp.MustCompile(`cluster [0-9a-f]+`), "CLUSTER"},
	{regexp.MustCompile(`\d+ bytes`), "BYTES"},
	{regexp.MustCompile(`after \d+\.\ds`), "AFTER"},
	{regexp.MustCompile(` +`), " "},
}

func steady(text string) string {
	for _, c := range changing {
		text = c.what.ReplaceAllString(text, c.as)
	}
	return strings.TrimSpace(text)
}

// transcript is the commands of a page and what each prints.
func transcript(t *testing.T, page string) (commands, prints []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range consoleBlock.FindAllStringSubmatch(string(text), -1) {
		for _, part := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			command, out, _ := strings.Cut(part, "\n")
			commands, prints = append(commands, command), append(prints, out)
		}
	}
	return commands, prints
}

// TestFirstFiveMinutes pastes the tutorial into a shell, beside a demo. What it prints is
// what the page shows, but for what differs each time.
func TestFirstFiveMinutes(t *testing.T) {
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	commands, prints := transcript(t, "../docs/tutorial/first-five-minutes.md")
	if len(commands) < 15 {
		t.Fatalf("the page shows %d commands", len(commands))
	}
	l := startLab(t)
	const mark = "== next"
	port := fmt.Sprintf("kvs demo --port %d ", l.nodes[0].port)
	var script strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&script, "%s\necho '%s'\n", strings.ReplaceAll(c, "kvs demo ", port), mark)
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
	for i, c := range commands {
		if want := steady(prints[i]); i >= len(got) || steady(got[i]) != want {
			t.Errorf("$ %s\nprints\n%s\nand the page shows\n%s", c, got[min(i, len(got)-1)], prints[i])
		}
	}
	endDemo(t, l.p, l.dir, syscall.SIGINT)
}
