package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// seedItems is how many things the first description asked for.
const seedItems = 179

var (
	seedRow  = regexp.MustCompile(`(?m)^\| S-(\d{3}) \| (.+) \| (.+) \| (.+) \|$`)
	testName = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)\\w+)`")
	testFunc = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)\w+)\(`)
	docLink  = regexp.MustCompile(`\]\(([^)]+)\)`)
)

// TestEverySeedItemIsShown holds docs/reference/seed.md against the tests and pages that
// it names: every item has a row, and every row something that shows it.
func TestEverySeedItemIsShown(t *testing.T) {
	dir := filepath.Join(root(t), "docs", "reference")
	text, err := os.ReadFile(filepath.Join(dir, "seed.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, s := range tree(t) {
		if s.test() {
			for _, m := range testFunc.FindAllSubmatch(s.text, -1) {
				tests[string(m[1])] = true
			}
		}
	}
	rows := seedRow.FindAllStringSubmatch(string(text), -1)
	if len(rows) != seedItems {
		t.Errorf("%d rows, want %d", len(rows), seedItems)
	}
	seen := map[string]bool{}
	for _, row := range rows {
		if seen[row[1]] {
			t.Errorf("S-%s has two rows", row[1])
		}
		seen[row[1]] = true
		named := testName.FindAllStringSubmatch(row[4], -1)
		links := docLink.FindAllStringSubmatch(row[4], -1)
		if len(named)+len(links) == 0 || strings.TrimSpace(row[3]) == "" {
			t.Errorf("S-%s is shown by nothing", row[1])
		}
		for _, m := range named {
			if !tests[m[1]] {
				t.Errorf("S-%s is shown by %s, which is no test", row[1], m[1])
			}
		}
		for _, m := range append(links, docLink.FindAllStringSubmatch(row[3], -1)...) {
			if _, err := os.Stat(filepath.Join(dir, m[1])); err != nil {
				t.Errorf("S-%s: %v", row[1], err)
			}
		}
	}
}

// TestLicense: the project is under the license that it says.
func TestLicense(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "LICENSE"))
	if err != nil || !strings.HasPrefix(string(text), "MIT License") {
		t.Errorf("LICENSE is not the MIT license: %v", err)
	}
}
