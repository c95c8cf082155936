package lint

import (
	"go/ast"
	"go/token"
	"testing"
)

// coreVars allows package-level variables of the core only as errors and as
// tables that nobody assigns to. It sees one file; variables of the core are
// not exported, and assigned in no other file of it (tablesStay).
func coreVars(s *source) (out []finding) {
	if !s.core() {
		return nil
	}
	for _, spec := range varSpecs(s.file) {
		for i, name := range spec.Names {
			switch {
			case name.Name == "_":
			case i >= len(spec.Values) || !constant(spec.Values[i]):
				out = append(out, s.at(name, "package variable %s is no error and no table", name.Name))
			case name.IsExported() && !isError(spec.Values[i]):
				out = append(out, s.at(name, "table %s is exported", name.Name))
			}
		}
	}
	return out
}

func varSpecs(f *ast.File) (out []*ast.ValueSpec) {
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
			for _, spec := range g.Specs {
				out = append(out, spec.(*ast.ValueSpec))
			}
		}
	}
	return out
}

// constant says that a value is an error, a literal, or a table of such.
func constant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.CompositeLit:
		_, array := e.Type.(*ast.ArrayType)
		return array
	case *ast.CallExpr:
		if isError(e) {
			return true
		}
		a, array := e.Fun.(*ast.ArrayType)
		return array && a.Len == nil && len(e.Args) == 1 && constant(e.Args[0])
	}
	return false
}

func isError(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	if !ok {
		return false
	}
	name := x.Name + "." + sel.Sel.Name
	return name == "errors.New" || name == "fmt.Errorf"
}

// assigned lists the names that a file assigns to, takes the address of, or
// changes an element of.
func assigned(f *ast.File) map[string]ast.Node {
	out := make(map[string]ast.Node)
	note := func(e ast.Expr) {
		for {
			switch x := e.(type) {
			case *ast.IndexExpr:
				e = x.X
			case *ast.SliceExpr:
				e = x.X
			case *ast.ParenExpr:
				e = x.X
			case *ast.Ident:
				out[x.Name] = x
				return
			default:
				return
			}
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				if n.Tok != token.DEFINE {
					note(e)
				}
			}
		case *ast.IncDecStmt:
			note(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				note(n.X)
			}
		}
		return true
	})
	return out
}

// tablesStay finds assignments to the tables of a package, in all its files. A
// local variable of the same name counts as well: another name is clearer.
func tablesStay(files []*source) (out []finding) {
	tables := make(map[string]bool)
	for _, s := range files {
		for _, spec := range varSpecs(s.file) {
			for _, name := range spec.Names {
				tables[name.Name] = name.Name != "_"
			}
		}
	}
	for _, s := range files {
		for name, node := range assigned(s.file) {
			if tables[name] {
				out = append(out, s.at(node, "table %s is assigned to", name))
			}
		}
	}
	return out
}

// TestCoreHasNoState: what a package of the core holds outside of its types
// never changes.
func TestCoreHasNoState(t *testing.T) {
	wantClean(t, goRule(coreVars))
	packages := make(map[string][]*source)
	for _, s := range tree(t) {
		if s.file != nil && s.core() {
			packages[s.dir()] = append(packages[s.dir()], s)
		}
	}
	for _, files := range packages {
		for _, f := range tablesStay(files) {
			t.Error(f)
		}
	}
	for decl, want := range map[string]string{
		"var x int":              "no table",
		"var x = map[int]int{}":  "no table",
		"var x = f()":            "no table",
		"var x = &T{}":           "no table",
		"var x, y = 1, f()":      "variable y",
		"var X = []byte(\"ab\")": "exported",
	} {
		wantFound(t, coreVars, "statemachine/x.go", "package p\n"+decl, want)
	}
	good := "package p\nvar (\n\tErr = errors.New(\"x\")\n\ta = []byte(\"s\")\n" +
		"\t_ I = T{}\n\tb = [...]int{1}\n)"
	wantNothing(t, coreVars, "statemachine/x.go", good)
	for _, body := range []string{"a = nil", "a[0] = 1", "a[0]++", "a, c = nil, 2", "f(&a)"} {
		text := "package p\nvar a = []byte(\"s\")\nfunc g() { " + body + " }"
		if len(tablesStay([]*source{parse(t, "statemachine/x.go", []byte(text))})) != 1 {
			t.Errorf("%q was not found", body)
		}
	}
}
