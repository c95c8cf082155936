package main

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kvs/internal/config"
	"kvs/internal/server"
)

// stoppedNode makes the data directory of a node that has run.
func stoppedNode(t *testing.T, put map[string]string) (dir string) {
	t.Helper()
	ownContexts(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.Port = l.Addr().(*net.TCPAddr).Port
	_ = l.Close() // it was only to find a port
	cfg.DataDir, cfg.BackupPath = t.TempDir(), t.TempDir()
	cfg.AuthEnabled, cfg.TamperLoggingEnabled, cfg.ClusteringEnabled = false, false, false
	s, err := server.Start(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range put {
		line := []string{"put", key, value, "--addr", s.URL()}
		if value == "" {
			line = []string{"del", key, "--addr", s.URL()}
		}
		if _, err := runReal(line...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := runReal("db", "stats", cfg.DataDir); codeOrZero(err) != exitConflict || !strings.Contains(err.Error(), "in use") {
		t.Errorf("of a node that runs: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return cfg.DataDir
}

// Goal: the commands on the data of a node that does not run.
func TestDB(t *testing.T) {
	dir := stoppedNode(t, map[string]string{"a": "1", "b/c": `{"x":"<long>"}`, "gone": ""})
	for _, c := range []struct{ line, want string }{
		{"db verify -o json", `"sound":true`},
		{"db stats", "keys        2 (0 expire)"},
		{"db stats -o json", `"longest_key":"b/c"`},
		{"db dump", `"data":{"x":"<long>"}}` + "\n"},
		{"db dump --all", `"data":null,"deleted":true}`},
		{"db compact", " now"},
		{"db verify", "is sound: "},
	} {
		out, err := runReal(append(strings.Fields(c.line), dir)...)
		if err != nil || !strings.Contains(out, c.want) {
			t.Errorf("kvs %s: %v\n%s", c.line, err, out)
		}
	}
	if out, err := runReal("db", "dump", dir); err != nil || strings.Count(out, "\n") != 2 {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := runReal("db", "stats", t.TempDir()); codeOrZero(err) != exitWrong || !strings.Contains(err.Error(), "Try: ") {
		t.Errorf("an empty directory: %v", err)
	}
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatal(err, tables)
	}
	text, err := os.ReadFile(tables[0])
	if err != nil {
		t.Fatal(err)
	}
	text[len(text)/3] ^= 4
	if err := os.WriteFile(tables[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := runReal("db", "verify", dir); codeOrZero(err) != exitWrong {
		t.Errorf("a flipped bit: %v\n%s", err, out)
	}
}

// runReal carries out a command line against the node that it names.
func runReal(line ...string) (stdout string, err error) {
	var out strings.Builder
	cmd := rootCommand(http.DefaultTransport)
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	cmd.SetArgs(line)
	err = cmd.Execute()
	return out.String(), err
}
