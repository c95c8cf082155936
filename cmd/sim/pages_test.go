package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// typed is the simulator on a page, with what follows it in the line or in the code between words.
var typed = regexp.MustCompile("(?m)(?:^|[`$ ])(?:go run ./cmd/)?sim ([a-z]+)( [^`\n#|]*)?")

// TestPagesNameWhatIsThere: the pages name no command and no flag that the simulator lacks. Method:
// what follows its name in a page is looked up in its own tree of commands.
func TestPagesNameWhatIsThere(t *testing.T) {
	pages := []string{"../../README.md"}
	for _, pattern := range []string{"*.md", "howto/*.md", "tutorial/*.md"} {
		found, err := filepath.Glob(filepath.Join("../../docs", pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	lines := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range typed.FindAllStringSubmatch(string(text), -1) {
			lines++
			if wrong := lacks(line[1], strings.Fields(line[2])); wrong != "" {
				t.Errorf("%s: %s: there is no %s", page, strings.TrimSpace(line[0]), wrong)
			}
		}
	}
	if lines < 10 {
		t.Errorf("only %d lines were found", lines)
	}
}

// lacks names what of a command line is not there, "" if all is.
func lacks(name string, words []string) string {
	c, _, err := commands().Find([]string{name})
	if err != nil || !c.HasParent() {
		return "command " + name
	}
	for _, word := range words {
		flag, isFlag := strings.CutPrefix(word, "--")
		flag, _, _ = strings.Cut(flag, "=")
		if isFlag && c.Flags().Lookup(flag) == nil {
			return "flag --" + flag
		}
	}
	return ""
}
