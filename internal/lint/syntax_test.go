package lint

import (
	"go/ast"
	"go/token"
	"testing"
)

// concurrency keeps goroutines, channels and select out of the core.
func concurrency(s *source) (out []finding) {
	if !s.core() {
		return nil
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			out = append(out, s.at(n, "a go statement in the core"))
		case *ast.SelectStmt:
			out = append(out, s.at(n, "a select in the core"))
		case *ast.ChanType:
			out = append(out, s.at(n, "a channel in the core"))
		case *ast.SendStmt:
			out = append(out, s.at(n, "a send in the core"))
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				out = append(out, s.at(n, "a receive in the core"))
			}
		}
		return true
	})
	return out
}

// TestCoreHasNoConcurrency: its order of events is the order of inputs alone.
func TestCoreHasNoConcurrency(t *testing.T) {
	wantClean(t, goRule(concurrency))
	for body, want := range map[string]string{
		"go f()":                  "go statement",
		"select {}":               "select",
		"var c chan int; _ = c":   "channel",
		"c <- 1":                  "send",
		"<-c":                     "receive",
		"_ = make(chan struct{})": "channel",
	} {
		wantFound(t, concurrency, "statemachine/x.go", "package p\nfunc g() { "+body+" }", want)
	}
	wantNothing(t, concurrency, "statemachine/x.go", "package p\nfunc g() { f(1 - 2) }")
	wantNothing(t, concurrency, "storage/x.go", "package p\nfunc g() { go f() }")
}

// sleeping finds tests that wait for real time, and tests of the core that
// know of time at all.
func sleeping(s *source) (out []finding) {
	if !s.test() {
		return nil
	}
	for _, spec := range s.file.Imports {
		if spec.Path.Value == `"time"` && (&source{path: s.dir() + "/x.go"}).core() {
			out = append(out, s.at(spec, "a test of the core imports time"))
		}
	}
	ast.Inspect(s.file, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "Sleep" {
			if x, ok := sel.X.(*ast.Ident); ok && x.Name == "time" {
				out = append(out, s.at(n, "a test sleeps"))
			}
		}
		return true
	})
	return out
}

// TestTestsDoNotSleep: they wait for conditions, or run on a virtual clock.
func TestTestsDoNotSleep(t *testing.T) {
	wantClean(t, goRule(sleeping))
	bad := "package p\nimport \"time\"\nfunc f() { time.Sleep(1) }"
	wantFound(t, sleeping, "storage/x_test.go", bad, "sleeps")
	wantFound(t, sleeping, "statemachine/x_test.go", "package p\nimport \"time\"", "imports time")
	wantNothing(t, sleeping, "storage/x.go", bad)
	wantNothing(t, sleeping, "storage/x_test.go", "package p\nimport \"time\"")
}
