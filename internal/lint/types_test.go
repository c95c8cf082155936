package lint

import (
	"go/ast"
	"go/importer"
	"go/token"
	"go/types"
	"strings"
	"testing"
)

// checked is a package of the core with the types of its expressions.
type checked struct {
	files []*source
	info  *types.Info
}

// load type-checks packages in the order given, each on top of those before.
// The standard library is read from its source.
type load struct {
	fset *token.FileSet
	std  types.Importer
	ours map[string]*types.Package
}

func newLoad(fset *token.FileSet) *load {
	return &load{fset, importer.ForCompiler(fset, "source", nil), make(map[string]*types.Package)}
}

// Import implements types.Importer.
func (l *load) Import(path string) (*types.Package, error) {
	if p, ok := l.ours[path]; ok {
		return p, nil
	}
	return l.std.Import(path)
}

func (l *load) check(t *testing.T, path string, files []*source) checked {
	t.Helper()
	info := &types.Info{Types: make(map[ast.Expr]types.TypeAndValue)}
	var asts []*ast.File
	for _, s := range files {
		asts = append(asts, s.file)
	}
	pkg, err := (&types.Config{Importer: l}).Check(path, l.fset, asts, info)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	l.ours[path] = pkg
	return checked{files, info}
}

// floats finds every expression of a floating or complex type, so literals,
// conversions and results of functions alike.
func floats(c checked) (out []finding) {
	for _, s := range c.files {
		ast.Inspect(s.file, func(n ast.Node) bool {
			e, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			tv := c.info.Types[e]
			if tv.Type == nil {
				return true
			}
			b, ok := tv.Type.Underlying().(*types.Basic)
			if ok && b.Info()&(types.IsFloat|types.IsComplex) != 0 {
				out = append(out, s.at(n, "a %s in the core", b.Name()))
				return false
			}
			return true
		})
	}
	return out
}

// mapRanges finds loops over maps, in any disguise, that do not say why their
// order cannot matter: in a comment on the line or right above.
func mapRanges(c checked) (out []finding) {
	for _, s := range c.files {
		explained := make(map[int]bool)
		for _, group := range s.file.Comments {
			last := s.fset.Position(group.End()).Line
			explained[last], explained[last+1] = true, true
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if r, ok := n.(*ast.RangeStmt); ok && !explained[s.line(n)] && overMap(c.info, r.X) {
				out = append(out, s.at(n, "a range over a map does not say why its order cannot matter"))
			}
			return true
		})
	}
	return out
}

// overMap says that a value is a map, or an iterator straight from package maps.
func overMap(info *types.Info, e ast.Expr) bool {
	if t := info.Types[e].Type; t != nil {
		if _, ok := t.Underlying().(*types.Map); ok {
			return true
		}
	}
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Name == "maps"
}

// reparse reads sources again into one set of files, as type-checking needs.
func reparse(t *testing.T, fset *token.FileSet, sources []*source) (out []*source) {
	for _, s := range sources {
		out = append(out, parseIn(t, fset, s.path, s.text))
	}
	return out
}

// coreFiles are the files of one package of the core that a build without tags
// compiles.
func coreFiles(t *testing.T, dir string) (out []*source) {
	for _, s := range tree(t) {
		tagged := strings.Contains(string(s.text), "//go:build mutants")
		if s.core() && s.file != nil && s.dir() == dir && !tagged {
			out = append(out, s)
		}
	}
	return out
}

// TestCoreHasNoFloatsAndNoMapOrder: integers and sorted slices alone, because
// floats differ by architecture and the order of maps by run.
func TestCoreHasNoFloatsAndNoMapOrder(t *testing.T) {
	fset := token.NewFileSet()
	l := newLoad(fset)
	for _, dir := range []string{"statemachine/keyspace", "statemachine"} {
		c := l.check(t, module+"/"+dir, reparse(t, fset, coreFiles(t, dir)))
		for _, f := range append(floats(c), mapRanges(c)...) {
			t.Error(f)
		}
	}
	try := func(body string, r func(checked) []finding) int {
		text := "package p\nimport \"maps\"\nvar m map[int]int\nvar _ = maps.Clone(m)\n" +
			"func f() {\n" + body + "\n}"
		return len(r(l.check(t, "p", []*source{parseIn(t, fset, "statemachine/x.go", []byte(text))})))
	}
	for _, body := range []string{
		"var x float32; _ = x", "x := 0.5; _ = x", "_ = float64(len(m))", "const c = 1e3; _ = c",
		"var x []float64; _ = x", "x := 1i; _ = x",
	} {
		if try(body, floats) == 0 {
			t.Errorf("%q was not found", body)
		}
	}
	for _, body := range []string{
		"for range m {}", "for k := range maps.Keys(m) { _ = k }",
		"type n map[int]int; for range n(m) {}", "// Why.\n\nfor range m {}",
	} {
		if try(body, mapRanges) != 1 {
			t.Errorf("%q was not found", body)
		}
	}
	for _, body := range []string{
		"for range m {} // counts", "// Sums up.\nfor range m {}", "for range 3 {}",
	} {
		if try(body, mapRanges) != 0 {
			t.Errorf("%q was found", body)
		}
	}
}
