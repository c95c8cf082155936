package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestEveryThreatHasATest holds the table of docs/security.md against the tests that
// are named for its rows.
func TestEveryThreatHasATest(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "docs", "security.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\| S(\d+) \|`).FindAllSubmatch(text, -1) {
		rows[string(m[1])] = true
	}
	tested := map[string]bool{}
	name := regexp.MustCompile(`(?m)^func TestS(\d+)\w*\(`)
	for _, s := range tree(t) {
		if !s.test() {
			continue
		}
		for _, m := range name.FindAllSubmatch(s.text, -1) {
			tested[string(m[1])] = true
		}
	}
	for row := range rows {
		if !tested[row] {
			t.Errorf("S%s of docs/security.md has no test TestS%s...", row, row)
		}
	}
	for row := range tested {
		if !rows[row] {
			t.Errorf("tests of S%s have no row in docs/security.md", row)
		}
	}
	if len(rows) < 21 {
		t.Errorf("docs/security.md has %d rows", len(rows))
	}
}
