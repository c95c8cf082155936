package lint

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// packageDocs asks every package for a doc.go with a comment of more than one
// line. For a command any package comment will do.
func packageDocs(files []*source) (out []finding) {
	documented := make(map[string]bool)
	var dirs []string
	for _, s := range files {
		if s.file == nil || s.test() && path.Base(s.path) != "doc_test.go" {
			continue
		}
		if !slices.Contains(dirs, s.dir()) {
			dirs = append(dirs, s.dir())
		}
		doc := strings.TrimSpace(s.file.Doc.Text())
		name := "Package " + s.file.Name.Name + " "
		switch {
		case s.file.Name.Name == "main":
			documented[s.dir()] = documented[s.dir()] || doc != ""
		case path.Base(s.path) == "doc.go" && strings.HasPrefix(doc, name) && strings.Contains(doc, "\n"):
			documented[s.dir()] = true
		}
	}
	for _, dir := range dirs {
		if !documented[dir] {
			out = append(out, finding{dir + "/doc.go", 1, "the package does not say what it is for"})
		}
	}
	return out
}

// TestEveryPackageSaysWhatItIsFor: what it owns, what it never does, and its
// invariants, which takes more than a line.
func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	for _, f := range packageDocs(tree(t)) {
		t.Error(f)
	}
	try := func(path, text string) int {
		return len(packageDocs([]*source{parse(t, path, []byte(text))}))
	}
	for path, text := range map[string]string{
		"p/x.go":     "// Package p is\n// long.\npackage p",
		"p/doc.go":   "// Package p is short.\npackage p",
		"q/doc.go":   "// Something else\n// that is long.\npackage q",
		"cmd/m/x.go": "package main",
	} {
		if try(path, text) != 1 {
			t.Errorf("%s was not found in\n%s", path, text)
		}
	}
	for path, text := range map[string]string{
		"p/doc.go":   "// Package p is\n// long.\npackage p",
		"cmd/m/x.go": "// Command m.\npackage main",
	} {
		if try(path, text) != 0 {
			t.Errorf("%s was found", path)
		}
	}
}
