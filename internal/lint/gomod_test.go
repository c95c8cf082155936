package lint

import (
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// atLeast are the oldest versions that may be used, and why.
var atLeast = map[string]string{
	"github.com/dgraph-io/badger/v4": "v4.9.4",  // deletes that came back, writes that were lost
	"github.com/valyala/fasthttp":    "v1.77.0", // request smuggling, double decoding
	"github.com/quic-go/quic-go":     "v0.59.1", // memory and crash fixes
	"github.com/fxamacker/cbor/v2":   "v2.9.3",  // panics of the decoder
	"github.com/golang-jwt/jwt/v5":   "v5.2.2",  // CVE-2025-30204
}

var requirement = regexp.MustCompile(`(?m)^(?:require)?\s*(\S+) (v\d+\.\d+\.\d+\S*)`)

// versions holds go.mod against the table, and asks for a pinned toolchain.
func versions(s *source) (out []finding) {
	if s.path != "go.mod" {
		return nil
	}
	if !regexp.MustCompile(`(?m)^toolchain go\d+\.\d+\.\d+$`).Match(s.text) {
		out = append(out, s.whole("no toolchain is pinned"))
	}
	for _, m := range requirement.FindAllStringSubmatch(string(s.text), -1) {
		if want, ok := atLeast[m[1]]; ok && older(m[2], want) {
			out = append(out, s.whole("%s %s is older than %s", m[1], m[2], want))
		}
	}
	return out
}

// trimmed asks that what is handed to others is built without the paths of the
// machine that built it, which also makes the build the same everywhere.
func trimmed(s *source) (out []finding) {
	if s.path != "Makefile" && s.path != "Dockerfile" {
		return nil
	}
	for i, line := range strings.Split(string(s.text), "\n") {
		if strings.Contains(line, "go build") && strings.Contains(line, "./cmd/kvs") && !strings.Contains(line, "-trimpath") {
			out = append(out, finding{s.path, i + 1, "a build of kvs without -trimpath"})
		}
	}
	return out
}

// TestS21Trimpath: whoever builds the binary to use it builds it so.
func TestS21Trimpath(t *testing.T) {
	wantClean(t, trimmed)
	wantFound(t, trimmed, "Makefile", "build:\n\tgo build -o kvs ./cmd/kvs\n", "without -trimpath")
	wantNothing(t, trimmed, "Makefile", "build:\n\tgo build -trimpath -o kvs ./cmd/kvs\n\tgo build -C tools\n")
}

// older compares versions number by number. What is before a release is older.
func older(a, b string) bool {
	na, prerelease := numbers(a)
	nb, _ := numbers(b)
	for i := range na {
		if na[i] != nb[i] {
			return na[i] < nb[i]
		}
	}
	return prerelease
}

func numbers(v string) (out [3]int, prerelease bool) {
	v, _, _ = strings.Cut(strings.TrimPrefix(v, "v"), "+")
	v, _, prerelease = strings.Cut(v, "-")
	for i, s := range strings.SplitN(v, ".", 3) {
		out[i], _ = strconv.Atoi(s)
	}
	return out, prerelease
}

// TestS21MinimumVersions: no version with a known fault is built upon.
func TestS21MinimumVersions(t *testing.T) {
	wantClean(t, versions)
	head := "module m\n\ngo 1.26.0\n\ntoolchain go1.26.8\n\n"
	for text, want := range map[string]string{
		"module m\n\ngo 1.26.0\n": "toolchain",
		head + "require (\n\tgithub.com/dgraph-io/badger/v4 v4.9.3\n)\n":             "badger",
		head + "require github.com/valyala/fasthttp v1.9.0 // indirect\n":            "fasthttp",
		head + "require (\n\tgithub.com/quic-go/quic-go v0.59.1-rc.1 // indirect\n)": "quic-go",
	} {
		wantFound(t, versions, "go.mod", text, want)
	}
	wantNothing(t, versions, "go.mod", head+"require (\n\tgithub.com/dgraph-io/badger/v4 v4.10.0\n)\n")
}
