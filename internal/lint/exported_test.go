package lint

import (
	"go/ast"
	"go/token"
	"strings"
	"testing"
)

// exportedDocs asks for a sentence for every exported name that others can
// reach. Methods of one name that follow each other line by line share the
// comment of the first, the names of a block that of the block.
func exportedDocs(s *source) (out []finding) {
	if s.test() || s.file.Name.Name == "main" {
		return nil
	}
	var shared *ast.FuncDecl // the documented method whose comment still holds
	for _, d := range s.file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if shared != nil && !follows(s, shared, d) {
				shared = nil
			}
			if d.Doc == nil && shared != nil {
				shared = d
				continue
			}
			if reachable(d) {
				out = append(out, sentence(s, d, d.Doc, d.Name.Name)...)
			}
			if shared = nil; d.Recv != nil && d.Doc != nil {
				shared = d
			}
		case *ast.GenDecl:
			shared = nil
			out = append(out, blockDocs(s, d)...)
		}
	}
	return out
}

// reachable says that a function is exported, and its receiver as well.
func reachable(d *ast.FuncDecl) bool {
	if !d.Name.IsExported() {
		return false
	}
	return d.Recv == nil || ast.IsExported(receiver(d))
}

func receiver(d *ast.FuncDecl) string {
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}

// follows says that b stands right below a and is a method of the same name.
func follows(s *source, a, b *ast.FuncDecl) bool {
	end := s.fset.Position(a.End()).Line
	return b.Recv != nil && b.Name.Name == a.Name.Name && s.line(b) == end+1
}

// blockDocs checks the types, constants and variables of a declaration.
func blockDocs(s *source, d *ast.GenDecl) (out []finding) {
	if d.Tok == token.IMPORT {
		return nil
	}
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			doc := spec.Doc
			if doc == nil && !d.Lparen.IsValid() {
				doc = d.Doc
			}
			// The aliases of a block may share its comment.
			if doc == nil && spec.Assign.IsValid() && d.Doc != nil {
				continue
			}
			if spec.Name.IsExported() {
				out = append(out, sentence(s, spec, doc, spec.Name.Name)...)
			}
		case *ast.ValueSpec:
			if d.Doc == nil && spec.Doc == nil && spec.Comment == nil {
				for _, name := range spec.Names {
					if name.IsExported() {
						out = append(out, s.at(name, "%s has no comment", name.Name))
					}
				}
			}
		}
	}
	return out
}

// sentence checks that a comment begins with the name, perhaps behind an
// article, and is a sentence. Methods of a group may be spoken of as one.
func sentence(s *source, n ast.Node, doc *ast.CommentGroup, name string) []finding {
	text := strings.TrimSpace(doc.Text())
	if text == "" {
		return []finding{s.at(n, "%s has no comment", name)}
	}
	words := strings.Fields(text)
	first := words[0]
	if len(words) > 1 && (first == "A" || first == "An" || first == "The") {
		first = words[1]
	}
	if strings.TrimRight(first, ",.:") != name {
		return []finding{s.at(n, "the comment of %s begins with %q", name, first)}
	}
	if len(words) < 3 || !strings.ContainsAny(text, ".:") {
		return []finding{s.at(n, "the comment of %s is no sentence", name)}
	}
	return nil
}

// TestExportedNamesHaveASentence: whoever may use a name can read what it is.
func TestExportedNamesHaveASentence(t *testing.T) {
	wantClean(t, goRule(exportedDocs))
	for decl, want := range map[string]string{
		"func F() {}":                                      "F has no comment",
		"// Does it.\nfunc F() {}":                         "begins with",
		"// F.\nfunc F() {}":                               "no sentence",
		"type T int":                                       "T has no comment",
		"const (\n\tA = 1\n)":                              "A has no comment",
		"// T is one.\ntype T int\nfunc (T) M() {}":        "M has no comment",
		"// M is one.\nfunc (T) M() {}\n\nfunc (U) M() {}": "M has no comment",
		"// M is one.\nfunc (T) M() {}\nfunc (T) N() {}":   "N has no comment",
	} {
		wantFound(t, exportedDocs, "p/x.go", "package p\n"+decl, want)
	}
	for _, decl := range []string{
		"// F does it.\nfunc F() {}", "func f() {}", "func (t) M() {}", "var x int",
		"// Kinds of it.\nconst (\n\tA = 1\n\tB = 2\n)", "const (\n\tA = 1 // a.\n)",
		"// M is one.\nfunc (T) M() {}\nfunc (U) M() {}\nfunc (*V) M() {}",
		"// Short names.\ntype (\n\tA = b.A\n)",
	} {
		wantNothing(t, exportedDocs, "p/x.go", "package p\n"+decl)
	}
}
