package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Goal: what the program says of itself.
func TestAbout(t *testing.T) {
	f := &fakeNode{}
	for _, c := range []struct {
		line string
		code int
		want string
	}{
		{"version", 0, "kvs 0."},
		{"version -o json", 0, `"platform":"`},
		{"version -o yaml", 0, "platform: "},
		{"licenses", 0, "github.com/spf13/cobra"},
		{"explain precondition-failed", 0, "If-Match"},
		{"explain /problems/rate-limited", 0, "HTTP 429"},
		{"explain", 0, "restart-needed"},
		{"explain nothing", exitNotFound, "Try: kvs explain"},
		{"cheat", 0, "kvs backup verify"},
		{"cheat config", 0, "# kvs config explain:"},
		{"cheat nothing", exitNotFound, "Try: kvs --help"},
	} {
		out, err := f.run(strings.Fields(c.line)...)
		if err != nil {
			out += err.Error()
		}
		if codeOrZero(err) != c.code || !strings.Contains(out, c.want) {
			t.Errorf("kvs %s: exit code %d, %s", c.line, codeOrZero(err), out)
		}
	}
}

// Goal: every command has a first example, which is a line of kvs.
func TestEveryCommandHasExamples(t *testing.T) {
	root := rootCommand(&fakeNode{})
	walkCommands(root, func(c *cobra.Command) {
		first := strings.TrimSpace(c.Example)
		for _, words := range []string{"echo ", "EDITOR=nano ", "KVS_", "curl "} {
			if strings.HasPrefix(first, words) {
				return
			}
		}
		if !strings.HasPrefix(first, "kvs") || c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: short %q, example %q", c.CommandPath(), c.Short, first)
		}
	})
}

// Goal: the longest values come first, and no more than asked for.
func TestBigkeys(t *testing.T) {
	ownContexts(t)
	f := &fakeNode{answers: map[string][]reply{
		"GET /kv/_range?limit=1000": ok(`{"items":[{"key":"a","uuid":"u","data":1},{"key":"b","uuid":"u","data":"long value"},{"key":"c","uuid":"u","data":12345}]}`),
	}}
	if out, err := f.run("bigkeys", "--limit", "2", "-o", "raw"); err != nil || out != "12\tb\n5\tc\n" {
		t.Errorf("%v %q, asked %q", err, out, f.asked)
	}
	if _, err := f.run("bigkeys", "--limit", "0"); codeOrZero(err) != exitUsage {
		t.Errorf("%v", err)
	}
}

// Goal: as many requests as asked for, of each kind, and their times in order.
func TestLatency(t *testing.T) {
	ownContexts(t)
	f := &fakeNode{answers: map[string][]reply{"GET /healthz": ok("ok"), "GET /kv/k?raw": ok("1")}}
	out, err := f.run("latency", "k", "--count", "7")
	if err != nil || len(f.asked) != 14 || !strings.Contains(out, "GET /healthz") || !strings.Contains(out, "GET /kv/k?raw") {
		t.Errorf("%v, %d requests\n%s", err, len(f.asked), out)
	}
	if _, err := f.run("latency", "--count", "0"); codeOrZero(err) != exitUsage {
		t.Errorf("%v", err)
	}
}

// Goal: the commands that look into a node, and what they refuse.
func TestDebug(t *testing.T) {
	ownContexts(t)
	f := &fakeNode{answers: map[string][]reply{
		"GET /debug/log-level":               ok(`{"level":"info"}`),
		"PUT /debug/log-level":               ok(`{"level":"debug"}`),
		"GET /debug/pprof/heap":              ok("heap"),
		"GET /debug/pprof/profile?seconds=3": ok("cpu"),
		"GET /debug/flight":                  ok("steps"),
		"GET /health":                        ok("{}"),
		"GET /metrics":                       ok("kvs_keys 1\n"),
	}}
	for line, want := range map[string]string{
		"debug log-level": "info\n", "debug log-level debug": "debug\n", "debug pprof heap": "heap",
		"debug pprof profile --seconds 3": "cpu",
	} {
		if out, err := f.run(strings.Fields(line)...); err != nil || out != want {
			t.Errorf("kvs %s: %v %q", line, err, out)
		}
	}
	for _, line := range []string{"debug log-level loud", "debug pprof all", "debug pprof profile --seconds 99", "debug bundle"} {
		if _, err := f.run(strings.Fields(line)...); codeOrZero(err) != exitUsage || !strings.Contains(err.Error(), "Try: ") {
			t.Errorf("kvs %s: %v", line, err)
		}
	}
	for name, want := range map[string]int{"a.flight": 0, "none/a.flight": exitOther} {
		path := filepath.Join(t.TempDir(), name)
		_, err := f.run("debug", "flight", path)
		if text, _ := os.ReadFile(path); codeOrZero(err) != want || want == 0 && string(text) != "steps" {
			t.Errorf("flight into %s: %v, %q", name, err, text)
		}
	}
	path := filepath.Join(t.TempDir(), "b.tar.gz")
	if _, err := f.run("debug", "bundle", path); err != nil {
		t.Fatal(err)
	}
	if got := unpacked(t, path); got["kvs/metrics.txt"] != "kvs_keys 1\n" || !strings.Contains(got["kvs/errors.txt"], "status.json: ") {
		t.Errorf("%q", got)
	}
	if _, err := f.run("debug", "bundle", path); codeOrZero(err) != exitConflict {
		t.Errorf("over a file: %v", err)
	}
}

// unpacked are the files of an archive.
func unpacked(t *testing.T, path string) map[string]string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	plain, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for files := tar.NewReader(plain); ; {
		head, err := files.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		out[head.Name] = string(text)
	}
}
