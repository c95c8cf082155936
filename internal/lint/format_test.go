package lint

import (
	"bytes"
	"go/format"
	"testing"
)

// formatted says that gofmt would change nothing.
func formatted(s *source) []finding {
	clean, err := format.Source(s.text)
	if err != nil || !bytes.Equal(clean, s.text) {
		return []finding{s.whole("gofmt would change this file")}
	}
	return nil
}

// TestCodeIsFormatted: gofmt has the last word.
func TestCodeIsFormatted(t *testing.T) {
	wantClean(t, goRule(formatted))
	wantFound(t, formatted, "x.go", "package p\nvar  x int\n", "gofmt")
	wantNothing(t, formatted, "x.go", "package p\n\nvar x int\n")
}
