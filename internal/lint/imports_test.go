package lint

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "kvs"

// pure are the only packages of the standard library that the core imports.
// The rule is about direct imports: fmt and math/rand/v2 bring in os and time.
var pure = []string{
	"bytes", "cmp", "container/heap", "crypto/hmac", "crypto/sha256", "encoding/binary",
	"encoding/hex", "errors", "fmt", "iter", "maps", "math", "math/bits", "math/rand/v2", "slices",
	"strconv", "strings", "unicode/utf8",
}

var (
	core = []string{"statemachine", "statemachine/keyspace"}
	side = []string{"internal/auth", "internal/audit", "internal/metrics", "internal/backup"}
)

// layers says which of our packages each may import. A package without a row
// has the row of the nearest directory above that has one.
var layers = map[string][]string{
	"statemachine":          {"statemachine/keyspace"},
	"statemachine/keyspace": {},
	"transport":             core,
	"storage":               core,
	"httpapi":               append([]string{"internal/openapi", "internal/licenses"}, side...),
	"client":                {},
	"sim":                   append([]string{"sim", "sim/disk", "storage", "transport", "internal/auth"}, core...),
	"internal/durable":      {},
	"internal/flight":       core,
	"internal/config":       {"internal/durable"},
	"internal/auth":         {"internal/durable"},
	"internal/audit":        {},
	"internal/backup":       {"statemachine/keyspace", "internal/durable"},
	"internal/metrics":      {},
	"internal/lab":          {},
	"internal/demo":         {"internal/server", "internal/config", "internal/lab", "client"},
	"internal/lint":         {},
	"internal/bench":        {"client"},
	"internal/licenses":     {},
	"internal/openapi":      {},
	"internal/server": append(append([]string{
		"httpapi", "transport", "storage", "internal/config", "internal/flight",
	}, core...), side...),
	"cmd/kvs": {"internal/server", "internal/demo", "internal/config", "internal/auth", "internal/audit", "internal/backup", "internal/durable", "internal/licenses", "internal/bench", "client"},
	"cmd/sim": append([]string{"sim", "internal/config", "internal/flight"}, core...),
	"fuzz": append([]string{
		"sim", "sim/disk", "storage", "transport", "httpapi", "client", "internal/config",
		"internal/flight",
	}, core...),
	"e2e": {"client"},
}

// layerOf is the row for a directory.
func layerOf(dir string) ([]string, bool) {
	for {
		if row, ok := layers[dir]; ok {
			return row, true
		}
		i := strings.LastIndexByte(dir, '/')
		if i < 0 {
			return nil, false
		}
		dir = dir[:i]
	}
}

// importLayers keeps imports of our own packages pointing downwards.
func importLayers(s *source) (out []finding) {
	if s.test() || strings.HasPrefix(s.path, "tools/") {
		return nil
	}
	row, known := layerOf(s.dir())
	if !known {
		return []finding{s.whole("package %s has no row in the table of layers", s.dir())}
	}
	for _, spec := range s.file.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		ours, found := strings.CutPrefix(name, module+"/")
		if found && !slices.Contains(row, ours) {
			out = append(out, s.at(spec, "%s must not import %s", s.dir(), ours))
		}
	}
	return out
}

// importPurity keeps the core free of clocks, I/O and concurrency.
func importPurity(s *source) (out []finding) {
	if !s.core() {
		return nil
	}
	for _, spec := range s.file.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		if !strings.HasPrefix(name, module+"/") && !slices.Contains(pure, name) {
			out = append(out, s.at(spec, "the core must not import %s", name))
		}
	}
	return out
}

// TestImportsPointDownwards: no package imports one that is not below it.
func TestImportsPointDownwards(t *testing.T) {
	wantClean(t, goRule(importLayers))
	for path, imported := range map[string]string{
		"statemachine/keyspace/x.go": "statemachine",
		"statemachine/x.go":          "storage",
		"storage/x.go":               "transport",
		"httpapi/x.go":               "statemachine/keyspace",
		"sim/disk/x.go":              "httpapi",
		"client/x.go":                "httpapi",
		"internal/config/x.go":       "statemachine",
		"cmd/kvs/x.go":               "storage",
	} {
		bad := "package p\nimport \"kvs/" + imported + "\"\nvar _ = p.X"
		wantFound(t, importLayers, path, bad, "must not import "+imported)
	}
	wantFound(t, importLayers, "misc/x.go", "package p", "no row")
	wantNothing(t, importLayers, "internal/server/x.go", "package p\nimport \"kvs/storage\"")
	wantNothing(t, importLayers, "httpapi/x_test.go", "package p\nimport \"kvs/storage\"")
}

// TestCoreImportsOnlyThePure: the core's imports stand in the list, one by one.
func TestCoreImportsOnlyThePure(t *testing.T) {
	wantClean(t, goRule(importPurity))
	for _, name := range []string{
		"time", "sync", "os", "math/rand", "log/slog", "unsafe", "a.example/b",
	} {
		bad := "package p\nimport _ \"" + name + "\""
		wantFound(t, importPurity, "statemachine/keyspace/x.go", bad, "must not import "+name)
	}
	wantNothing(t, importPurity, "statemachine/x.go", "package p\nimport \"math/rand/v2\"")
	wantNothing(t, importPurity, "storage/x.go", "package p\nimport \"time\"")
}
