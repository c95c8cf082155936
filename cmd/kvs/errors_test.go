package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kvs/internal/config"
)

// Goal: every error that a command can end with says what to try, or names the setting or
// the variable to change. Method: the texts as they stand in the code, each with what is
// put behind it; testdata/errors.txt lists them, so that a person reads every new one.
func TestErrorsSayWhatToTry(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, errorTexts(parsed)...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	parts := partsOfErrors()
	for _, text := range all {
		says := strings.Contains(text, "Try: ") || namesSetting(text)
		if part := parts[text]; says == part {
			t.Errorf("says what to try: %v, is listed as a part of another error: %v: %s", says, part, text)
		}
		delete(parts, text)
	}
	for text := range parts {
		t.Errorf("listed, but not there: %s", text)
	}
	const golden = "testdata/errors.txt"
	got := strings.Join(all, "\n") + "\n"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || string(want) != got {
		t.Errorf("%s is not what the code says; read what is new, then: go test ./cmd/kvs -run Errors -update; %v\n%s", golden, err,
			lineDiff("listed", "in the code", string(want), got))
	}
	if len(all) < 100 {
		t.Errorf("only %d texts were found", len(all))
	}
}

// partsOfErrors are the texts that nobody sees by themselves: what holds them says what to
// try, or they stop something inside. Those of a demo name all that there is to change.
func partsOfErrors() map[string]bool {
	out := map[string]bool{}
	for _, text := range []string{
		"enough", "the text is in %s", "keeps no checkpoint of the log",
		"the token was good until {}", "this is no token of kvs cluster join-token, or not all of it",
		"%w, or %s is of another cluster: it %w %s", "%w: %s is no key", "%w: %s was set aside: %s",
		"%w: the log says that it is %s, but its key is that of %s",
		"--nodes must be from 1 to %d, not %d", "no percentage", "%w: %s is no backup of %s",
	} {
		out[strconv.Quote(text)] = true
	}
	return out
}

func namesSetting(text string) bool {
	for _, s := range config.Settings() {
		if strings.Contains(text, s.Key) || strings.Contains(text, s.Env) {
			return true
		}
	}
	return strings.Contains(text, "TMPDIR")
}

// errorTexts are the errors that a file makes: the texts of errors.New and fmt.Errorf, and
// of failures with what they try.
func errorTexts(file *ast.File) (out []string) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if name := called(n); (name == "errors.New" || name == "fmt.Errorf") && len(n.Args) > 0 {
				if text := literal(n.Args[0]); strings.TrimSpace(strings.ReplaceAll(text, "{}", "")) != "" {
					out = append(out, strconv.Quote(text))
				}
			}
		case *ast.CompositeLit:
			if kind, ok := n.Type.(*ast.Ident); ok && kind.Name == "failure" && len(n.Elts) == 3 {
				out = append(out, strconv.Quote(literal(n.Elts[1])+" Try: "+literal(n.Elts[2])))
			}
		}
		return true
	})
	return out
}

func called(call *ast.CallExpr) string {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if pkg, ok := selector.X.(*ast.Ident); ok {
		return pkg.Name + "." + selector.Sel.Name
	}
	return selector.Sel.Name
}

// literal is the text of an expression, {} for what is known only when it runs.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		if err == nil {
			return text
		}
		return e.Value
	case *ast.BinaryExpr:
		return literal(e.X) + literal(e.Y)
	case *ast.ParenExpr:
		return literal(e.X)
	case *ast.CallExpr:
		if called(e) == "fmt.Sprintf" {
			return literal(e.Args[0])
		}
	}
	return "{}"
}

// Goal: what cobra refuses by itself has the exit code of what was mistyped, and a next
// step.
func TestMistypedArguments(t *testing.T) {
	for _, line := range []string{"demo x", "completion bash x", "conflicts x", "version x", "dmeo"} {
		_, err := (&fakeNode{}).run(strings.Fields(line)...)
		if err = mistyped(err); codeOrZero(err) != exitUsage || strings.Count(err.Error(), "Try: ") != 1 {
			t.Errorf("kvs %s: %v", line, err)
		}
	}
}
