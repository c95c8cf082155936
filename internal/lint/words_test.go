package lint

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// The words that this file must not contain itself are put together.
const (
	later = "TO" + "DO"
	fix   = "FIX" + "ME"
	worse = "XX" + "X"
)

var (
	deferred = regexp.MustCompile(`\b(` + later + `|` + fix + `|` + worse + `)\b(:?)(.*)`)
	reason   = regexp.MustCompile(`^( +[^ ]+){3,}`)

	// machine is an absolute path of somebody's machine. The letters in front
	// keep routes such as a Merkle root apart.
	machine = regexp.MustCompile("(^|[\\s\"'`=(:,])/(work|root)/")
)

// registries are hosts that a build must reach by its own configuration, or not
// at all, but never because a file of ours names them.
var registries = []string{
	"proxy.golang" + ".org", "sum.golang" + ".org", "goproxy" + ".", "registry.npmjs" + ".org",
	"pypi" + ".org", "crates" + ".io",
}

// words finds what must not stand in any text of the tree.
func words(s *source) (out []finding) {
	if !utf8.Valid(s.text) || bytes.IndexByte(s.text, 0) >= 0 {
		return nil
	}
	for i, line := range strings.Split(string(s.text), "\n") {
		add := func(what string) { out = append(out, finding{s.path, i + 1, what}) }
		if m := deferred.FindStringSubmatch(line); m != nil {
			if m[1] != later || m[2] == "" || !reason.MatchString(m[3]) {
				add(m[1] + " without a reason")
			}
		}
		if machine.MatchString(line) {
			add("a path of one machine")
		}
		for _, host := range registries {
			if strings.Contains(line, host) {
				add("a module registry: " + host)
			}
		}
	}
	return out
}

// TestWordsThatMustNotStand: work put off without a reason, paths of a machine,
// and hosts of registries.
func TestWordsThatMustNotStand(t *testing.T) {
	wantClean(t, words)
	for text, want := range map[string]string{
		"// " + later:                          "without a reason",
		"// " + later + ": soon":               "without a reason",
		"# " + later + " clean up this thing":  "without a reason",
		"// " + fix + ": it breaks on Mondays": "without a reason",
		"/* " + worse + " */":                  "without a reason",
		"cd /wo" + "rk/main":                   "path of one machine",
		"x := \"/ro" + "ot/go\"":               "path of one machine",
		"GOPROXY=https://" + registries[0]:     "registry",
	} {
		wantFound(t, words, "Makefile", text, want)
	}
	for _, text := range []string{
		"// " + later + ": drop this once version 1 is gone",
		"GET /sync/merkle/root/", "the work/ folder",
	} {
		wantNothing(t, words, "README.md", text)
	}
}
