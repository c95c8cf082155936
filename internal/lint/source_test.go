package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// source is one file of the tree. File is nil unless it is Go.
type source struct {
	path string // from the root of the module, with slashes
	text []byte
	fset *token.FileSet
	file *ast.File
}

func (s *source) dir() string         { return path.Dir(s.path) }
func (s *source) test() bool          { return strings.HasSuffix(s.path, "_test.go") }
func (s *source) line(n ast.Node) int { return s.fset.Position(n.Pos()).Line }

// lines is how many lines a node spans.
func (s *source) lines(n ast.Node) int {
	return s.fset.Position(n.End()).Line - s.line(n) + 1
}

// core says that a file belongs to the deterministic core.
func (s *source) core() bool {
	return !s.test() && (s.dir() == "statemachine" || strings.HasPrefix(s.dir(), "statemachine/"))
}

// finding is one breach of a rule.
type finding struct {
	path string
	line int
	what string
}

func (f finding) String() string { return fmt.Sprintf("%s:%d: %s", f.path, f.line, f.what) }

// at is a finding in s at a node.
func (s *source) at(n ast.Node, format string, args ...any) finding {
	return finding{s.path, s.line(n), fmt.Sprintf(format, args...)}
}

// whole is a finding about all of s.
func (s *source) whole(format string, args ...any) finding {
	return finding{s.path, 1, fmt.Sprintf(format, args...)}
}

// rule finds the breaches in one file.
type rule func(*source) []finding

// wantClean applies a rule to every file of the tree.
func wantClean(t *testing.T, r rule) {
	t.Helper()
	for _, s := range tree(t) {
		for _, f := range r(s) {
			t.Error(f)
		}
	}
}

// wantFound shows that a rule fails: it must find something, and what it says
// must contain want, in a file of that path and text.
func wantFound(t *testing.T, r rule, path, text, want string) {
	t.Helper()
	found := r(parse(t, path, []byte(text)))
	if len(found) == 0 {
		t.Errorf("%s: nothing found in\n%s", want, text)
		return
	}
	for _, f := range found {
		if strings.Contains(f.String(), want) {
			return
		}
	}
	t.Errorf("found %v, want %q, in\n%s", found, want, text)
}

// wantNothing shows that a rule leaves good code alone.
func wantNothing(t *testing.T, r rule, path, text string) {
	t.Helper()
	for _, f := range r(parse(t, path, []byte(text))) {
		t.Errorf("%v, in\n%s", f, text)
	}
}

func parse(t *testing.T, path string, text []byte) *source {
	t.Helper()
	return parseIn(t, token.NewFileSet(), path, text)
}

func parseIn(t *testing.T, fset *token.FileSet, path string, text []byte) *source {
	t.Helper()
	s := &source{path: path, text: text, fset: fset}
	if strings.HasSuffix(path, ".go") {
		file, err := parser.ParseFile(fset, path, text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		s.file = file
	}
	return s
}

// root is the directory of go.mod, upward from where the test runs.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if filepath.Dir(dir) == dir {
			break
		}
		dir = filepath.Dir(dir)
	}
	t.Fatal("no go.mod above the test")
	return ""
}

var (
	treeOnce  sync.Once
	treeFiles []*source
)

// tree reads the module, once: all files but those of git, of testdata, and
// those that .gitignore names.
func tree(t *testing.T) []*source {
	t.Helper()
	treeOnce.Do(func() {
		base := root(t)
		ignored := ignore(t, filepath.Join(base, ".gitignore"))
		err := filepath.WalkDir(base, func(file string, d fs.DirEntry, err error) error {
			if err != nil || file == base {
				return err
			}
			rel, _ := filepath.Rel(base, file)
			rel = filepath.ToSlash(rel)
			switch skip := ignored(rel, d.IsDir()); {
			case d.IsDir() && (skip || d.Name() == ".git" || d.Name() == "testdata"):
				return fs.SkipDir
			case d.IsDir() || skip || !d.Type().IsRegular():
				return nil
			}
			text, err := os.ReadFile(file)
			if err == nil {
				treeFiles = append(treeFiles, parse(t, rel, text))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	if len(treeFiles) == 0 {
		t.Fatal("the tree could not be read")
	}
	return treeFiles
}

// ignore understands as much of .gitignore as is used: names with wildcards,
// rooted by a leading slash or anywhere, and directories by a trailing one.
func ignore(t *testing.T, file string) func(rel string, dir bool) bool {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	patterns := strings.Fields(string(text))
	return func(rel string, dir bool) bool {
		for _, p := range patterns {
			if strings.HasSuffix(p, "/") && !dir {
				continue
			}
			name, rooted := strings.CutPrefix(strings.TrimSuffix(p, "/"), "/")
			of := path.Base(rel)
			if rooted {
				of = rel
			}
			if ok, _ := path.Match(name, of); ok {
				return true
			}
		}
		return false
	}
}

// goRule is a rule for Go files alone.
func goRule(r rule) rule {
	return func(s *source) []finding {
		if s.file == nil {
			return nil
		}
		return r(s)
	}
}
