package licenses

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write licenses.txt anew")

// module is one module that the program is linked with.
type module struct{ path, version, dir string }

// linked are the modules of the program, sorted by their paths.
func linked(t *testing.T) (out []module) {
	t.Helper()
	list, err := exec.Command("go", "list", "-deps", "-f",
		"{{with .Module}}{{.Path}} {{.Version}} {{.Dir}}{{end}}", "kvs/cmd/kvs").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(list)) {
		if f := strings.Fields(line); len(f) == 3 {
			out = append(out, module{f[0], f[1], f[2]})
		}
	}
	slices.SortFunc(out, func(a, b module) int { return strings.Compare(a.path, b.path) })
	return slices.Compact(out)
}

func (m module) title() string { return fmt.Sprintf("== %s %s ==\n", m.path, m.version) }

// licence is the text that a module lays down its terms in.
func licence(t *testing.T, dir string) []byte {
	t.Helper()
	for _, name := range []string{"LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			return append(bytes.TrimSpace(text), "\n\n"...)
		}
	}
	t.Fatalf("%s holds no licence", dir)
	return nil
}

// render is the whole text. A licence that several modules have stands once.
func render(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	out.WriteString("== kvs ==\n")
	out.Write(licence(t, "../.."))
	var texts []string
	titles := map[string]string{}
	add := func(title string, text []byte) {
		if titles[string(text)] == "" {
			texts = append(texts, string(text))
		}
		titles[string(text)] += title
	}
	add("== Go's standard library ==\n", licence(t, runtime.GOROOT()))
	for _, m := range linked(t) {
		add(m.title(), licence(t, m.dir))
	}
	for _, text := range texts {
		out.WriteString(titles[text] + text)
	}
	return out.Bytes()
}

// Goal: every module that is linked in is named with its version, and nothing else is.
// -update writes the text.
func TestEveryModuleIsNamed(t *testing.T) {
	if *update {
		if err := os.WriteFile("licenses.txt", render(t), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	modules := linked(t)
	for _, m := range modules {
		if !bytes.Contains(Text(), []byte(m.title())) {
			t.Errorf("%s %s is not named. Try: go test ./internal/licenses -update", m.path, m.version)
		}
	}
	if got, want := bytes.Count(Text(), []byte("\n== "))+1, len(modules)+2; got != want {
		t.Errorf("%d titles for %d modules, Go and kvs. Try: go test ./internal/licenses -update", got, len(modules))
	}
}
