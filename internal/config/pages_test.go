package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// yamlBlock is a part of a configuration as a page shows it.
var yamlBlock = regexp.MustCompile("(?s)```ya?ml\n(.*?)```")

// TestPagesShowSettingsThatAre: a node takes each block of YAML of the pages as its
// configuration. Method: the loader reads it, so that an unknown key or a bad value fails.
func TestPagesShowSettingsThatAre(t *testing.T) {
	pages := []string{"../../README.md"}
	for _, pattern := range []string{"*.md", "*/*.md"} {
		found, err := filepath.Glob(filepath.Join("../../docs", pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	blocks := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
			for _, column := range columns(block[1]) {
				blocks++
				if _, err := Parse(filepath.Base(page), []byte(column)); err != nil {
					t.Errorf("%v\n%s", err, column)
				}
			}
		}
	}
	if blocks < 9 {
		t.Errorf("only %d blocks of YAML were found", blocks)
	}
}

// columns are the files of a block: one, or as many as its first line names side by side, all
// but the first behind a #.
func columns(block string) (files []string) {
	head, rest, _ := strings.Cut(block, "\n")
	begins := regexp.MustCompile(`# \S+\.yaml`).FindAllStringIndex(head, -1)
	if len(begins) < 2 {
		return []string{block}
	}
	for i, begin := range begins {
		var file strings.Builder
		for line := range strings.Lines(rest) {
			line = strings.TrimSuffix(line, "\n")
			end := len(line)
			if i+1 < len(begins) {
				end = min(end, begins[i+1][0])
			}
			file.WriteString(strings.TrimPrefix(line[min(begin[0], end):end], "# ") + "\n")
		}
		files = append(files, file.String())
	}
	return files
}
