package lint

import (
	"bytes"
	"go/ast"
	"strings"
	"testing"
)

const (
	funcLinesMax = 70
	fileLinesMax = 600
	fileBytesMax = 256 << 10
)

// longer lists the functions ("path: name") and files that were too long when
// the rule came, with the lengths that they must not pass. It only shrinks.
var longer = map[string]int{}

// size bounds functions, files and whatever else is in the tree.
func size(s *source) (out []finding) {
	if len(s.text) > fileBytesMax {
		out = append(out, s.whole("%d bytes, at most %d", len(s.text), fileBytesMax))
	}
	if s.file == nil {
		return out
	}
	if n := bytes.Count(s.text, []byte("\n")); n > max(fileLinesMax, longer[s.path]) {
		out = append(out, s.whole("%d lines, at most %d", n, fileLinesMax))
	}
	for _, d := range s.file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if n := s.lines(f); n > max(funcLinesMax, longer[s.path+": "+f.Name.Name]) {
			out = append(out, s.at(f, "function %s has %d lines, at most %d", f.Name.Name, n, funcLinesMax))
		}
	}
	return out
}

// TestNothingGrowsTooLong: functions of 70 lines, files of 600 and 256 KiB.
func TestNothingGrowsTooLong(t *testing.T) {
	wantClean(t, size)
	fn := func(lines int) string {
		return "package p\n\nfunc f() {" + strings.Repeat("\n", lines-1) + "}\n"
	}
	wantFound(t, size, "x.go", fn(71), "function f has 71 lines")
	wantNothing(t, size, "x.go", fn(70))
	wantFound(t, size, "x_test.go", "package p"+strings.Repeat("\n", 601), "601 lines")
	wantNothing(t, size, "x.go", "package p"+strings.Repeat("\n", 600))
	wantFound(t, size, "x.bin", strings.Repeat("x", fileBytesMax+1), "bytes")
}
