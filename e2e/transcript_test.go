package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// shown is a command that a page shows in a terminal, and what it prints there.
type shown struct{ command, prints string }

// consoleBlock is what a page shows of a terminal.
var consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")

// transcript is what is shown in the terminals of a page, one after the other.
func transcript(t *testing.T, page string) []shown {
	t.Helper()
	return slices.Concat(terminals(t, page)...)
}

// terminals reads a page. A command goes on in the next line after a backslash.
func terminals(t *testing.T, page string) (all [][]shown) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range consoleBlock.FindAllStringSubmatch(string(text), -1) {
		var lines []shown
		for _, part := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			command, out, _ := strings.Cut(part, "\n")
			for strings.HasSuffix(command, `\`) {
				more, rest, _ := strings.Cut(out, "\n")
				command, out = command+"\n"+more, rest
			}
			lines = append(lines, shown{command, out})
		}
		all = append(all, lines)
	}
	return all
}

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
	{regexp.MustCompile(`\d+\.\ds ago`), "AGO"},
	{regexp.MustCompile(`(?m)^(BACKUP +done.*?) +\d+$`), "$1 BYTES"},
	{regexp.MustCompile(`(steps|effects)=\d+`), "$1=MANY"},
	{regexp.MustCompile(`age1[0-9a-z]{58}`), "RECIPIENT"},
	{regexp.MustCompile(`"jti":"[\w-]{22}"`), `"jti":"JTI"`},
	{regexp.MustCompile(`(?m)^[\w-]{22} `), "JTI "},
	{regexp.MustCompile(`"t":\d+`), "T"},
	{regexp.MustCompile(`(?m)^(get +)\d+( +[\d.µms]+){7}$`), "MEASURED"},
	{regexp.MustCompile(`\b(\d+m)?\d+(\.\d+)?m?s\b`), "DURATION"},
	{regexp.MustCompile(`\d+ (B|messages)/s`), "RATE"},
	{regexp.MustCompile(`had \d+ acknowledged`), "had MANY acknowledged"},
	{regexp.MustCompile(` +`), " "},
}

func steady(text string) string {
	for _, c := range changing {
		text = c.what.ReplaceAllString(text, c.as)
	}
	return strings.TrimSpace(text)
}

// alike says that a command prints what a page shows, in which … stands for anything in a line.
func alike(page, got string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(steady(page)), "…", `[^\n]*`)
	return regexp.MustCompile(`\A` + pattern + `\z`).MatchString(steady(got))
}

// inShell skips a test where there is nothing to follow a page with.
func inShell(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"bash", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
}

// portsFrom moves the ports of the pages to those from first on.
func portsFrom(first int) *strings.Replacer {
	var pairs []string
	for i := range 5 {
		pairs = append(pairs, fmt.Sprint(8080+i), fmt.Sprint(first+i))
	}
	return strings.NewReplacer(pairs...)
}

// follow types the lines into a shell in an empty directory. Each must succeed, and print what
// the page shows if it shows anything. Only the ports from 8080 on differ. The programs are there
// beside kvs, under the names of their files.
func follow(t *testing.T, lines []shown, programs ...string) {
	t.Helper()
	const mark, failed = "== next", "== failed with "
	script := strings.Builder{}
	// Whatever happens, no node outlives the shell.
	script.WriteString("trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n")
	moved := portsFrom(freePorts(t, 5))
	for i, l := range lines {
		l = shown{moved.Replace(l.command), moved.Replace(l.prints)}
		lines[i] = l
		fmt.Fprintf(&script, "{ %s\n} || echo \"%s$?\"\necho '%s'\n", l.command, failed, mark)
	}
	cmd := exec.Command("timeout", "120", "bash", "-c", script.String())
	cmd.Dir = t.TempDir()
	bin := t.TempDir()
	for _, path := range append(programs, program) {
		if err := os.Symlink(path, filepath.Join(bin, filepath.Base(path))); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+cmd.Dir, "KVS_CONTEXT_FILE="+filepath.Join(cmd.Dir, "contexts.json"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v:\n%.3000s", err, out)
	}
	got := strings.Split(string(out), mark+"\n")
	for i, l := range lines {
		if i >= len(got) {
			t.Fatalf("$ %s\nwas not reached", l.command)
		}
		if strings.Contains(got[i], failed) || l.prints != "" && !alike(l.prints, got[i]) {
			t.Errorf("$ %s\nprints\n%s\nand the page shows\n%s", l.command, got[i], l.prints)
		}
	}
}
