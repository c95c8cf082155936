package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// beginnings are where a page says, with a link, that the nodes come from which it asks.
var beginnings = []struct{ link, page string }{
	{"(run.md#a-node-to-try-things-with)", "../docs/run.md"},
	{"(howto/README.md#three-nodes-on-one-machine)", "../docs/howto/README.md"},
}

// notTyped are the commands on pages that no test types, by the first line of their block, and why.
var notTyped = []struct{ page, first, reason string }{
	{"README.md", "go run ./cmd/kvs demo     # three real nodes with sample data, gone on Ctrl-C", "runs until somebody ends it; TestReadme has one"},
	{"README.md", "go build -o kvs ./cmd/kvs", "begins with the sources; every test here does"},
	{"README.md", "go run ./cmd/sim swarm --seeds 2000       # every seed another world", "takes minutes; make swarm and make mutants are tests"},
	{"docs/run.md", "go build -o kvs ./cmd/kvs", "begins with the sources; every test here does"},
	{"docs/tutorial/first-five-minutes.md", "go build -o kvs ./cmd/kvs && export PATH=$PWD:$PATH", "begins with the sources; every test here does"},
	{"docs/console.md", "make console     # needs Debian's chromium, or a Chrome", "is a test itself"},
	{"docs/install.md", "sudo apt install ./dist/kvs_*.deb", "changes the machine; TestDebianPackage looks at the package"},
	{"docs/install.md", "docker build -t kvs .", "needs Docker"},
}

// documents are the pages that somebody reads first, and those below docs that are not generated.
func documents(t *testing.T) (pages []string) {
	t.Helper()
	for _, pattern := range []string{"../README.md", "../docs/*.md", "../docs/howto/*.md", "../docs/tutorial/*.md", "../docs/decisions/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	if len(pages) < 40 {
		t.Fatalf("found %d pages", len(pages))
	}
	return pages
}

// TestPages follows each page of docs that shows a terminal, in a shell, beside the nodes that
// it links to: every command succeeds, and prints what the page shows if it shows anything. Only
// the ports differ.
func TestPages(t *testing.T) {
	inShell(t)
	bin := t.TempDir()
	out, err := exec.Command("go", "build", "-o", bin, "kvs/cmd/sim", "filippo.io/age/cmd/age-keygen").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	followed := 0
	for _, page := range pages {
		lines := transcript(t, page)
		if len(lines) == 0 {
			continue
		}
		followed++
		t.Run(strings.TrimSuffix(filepath.Base(page), ".md"), func(t *testing.T) {
			follow(t, append(beginning(t, page), lines...), filepath.Join(bin, "sim"), filepath.Join(bin, "age-keygen"))
		})
	}
	if followed < 10 {
		t.Errorf("only %d pages show a terminal", followed)
	}
}

// beginning is what a page needs to have been typed before.
func beginning(t *testing.T, page string) (lines []shown) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range beginnings {
		if strings.Contains(string(text), b.link) {
			lines = append(lines, terminals(t, b.page)[0]...)
		}
	}
	return lines
}

// TestPagesShowNoOtherCommands: a block with commands is a terminal, which a test types, or has a
// reason why none does.
func TestPagesShowNoOtherCommands(t *testing.T) {
	found := map[[2]string]bool{}
	for _, page := range documents(t) {
		name := filepath.ToSlash(strings.TrimPrefix(page, "../"))
		for _, first := range commandBlocks(t, page) {
			found[[2]string{name, first}] = true
		}
	}
	for _, n := range notTyped {
		at := [2]string{n.page, n.first}
		if !found[at] {
			t.Errorf("%s: there is no block any more that begins with %q", n.page, n.first)
		}
		delete(found, at)
	}
	for at := range found {
		t.Errorf("%s: no test types the block that begins with %q: make it ```console, with $, or say why", at[0], at[1])
	}
}

// commandBlocks are the first lines of the blocks of a page that hold commands, or may, and are no
// terminals.
func commandBlocks(t *testing.T, page string) (firsts []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for i, block := range strings.Split("\n"+string(text), "\n```") {
		if i%2 == 0 {
			continue
		}
		language, code, _ := strings.Cut(block, "\n")
		switch language {
		case "console", "http", "json", "yaml", "go":
		case "text":
			if first := firstCommand(code); first != "" {
				firsts = append(firsts, first)
			}
		default:
			first, _, _ := strings.Cut(code, "\n")
			firsts = append(firsts, first)
		}
	}
	return firsts
}

// firstCommand is the first line of a text that looks as if somebody typed it, "" if none does.
func firstCommand(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		for _, begin := range []string{"$ ", "kvs ", "./kvs", "sim ", "curl ", "go ", "make ", "sudo ", "docker "} {
			if strings.HasPrefix(line, begin) {
				return line
			}
		}
	}
	return ""
}
