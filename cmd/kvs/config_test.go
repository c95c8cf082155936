package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kvs/internal/config"
)

// inDirectory runs command lines in a directory of the test's own that holds a file.
func inDirectory(t *testing.T, text string) (run func(line ...string) (string, int)) {
	t.Helper()
	t.Chdir(t.TempDir())
	if err := os.WriteFile("config.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(line ...string) (string, int) {
		out, err := (&fakeNode{}).run(line...)
		if err != nil {
			return out + "error: " + err.Error() + "\n", exitCode(err)
		}
		return out, 0
	}
}

// Goal: each command about a configuration: what it prints, and how it ends.
func TestConfigCommands(t *testing.T) {
	t.Setenv("KVS_LOG_LEVEL", "debug")
	t.Setenv("KVS_METRICS_TOKEN", "hunter2")
	run := inDirectory(t, "port:   8081\nnode_id: n1\n")
	for _, c := range []struct {
		line string
		code int
		want []string
	}{
		{"config check", 0, []string{"config.yaml is good: 5 settings set"}},
		{"config check --set port=x", 1, []string{"--set port: port must be a number", "Try: kvs config explain port"}},
		{"config check no.yaml", exitNotFound, []string{"there is no no.yaml here", "Try: kvs config init no.yaml"}},
		{"config show --origin --set port=9", 0, []string{"--set port", "config.yaml:2", "KVS_LOG_LEVEL", "default"}},
		{"config show --changed", 0, []string{"port: 8081\n", "metrics_token: [secret]\n"}},
		{"config show --changed -o json", 0, []string{`"key": "port"`, `"origin": "file"`, `"at": "config.yaml:1"`}},
		{"config show -o xml", exitUsage, []string{"Try: -o json"}},
		{"config explain KVS_PORT", 0, []string{"accepts   a number from 1 to 65535", "KVS_PORT", "at its next start"}},
		{"config explain sync_interval", 0, []string{"kvs config reload"}},
		{"config explain prot", exitNotFound, []string{`there is no setting "prot"`, "Try: kvs config explain port"}},
		{"config init", exitConflict, []string{"file already exists", "Try: "}},
		{"config init new.yaml", 0, []string{"wrote new.yaml"}},
		{"config fmt --diff", exitOther, []string{"-port:   8081", " node_id: n1", "+port: 8081", "Try: kvs config fmt"}},
		{"config fmt", 0, []string{"put in order: config.yaml"}},
		{"config fmt", 0, nil},
		{"config fmt --diff", 0, nil},
		{"config fmt no.yaml", exitNotFound, []string{"Try: "}},
	} {
		out, code := run(strings.Fields(c.line)...)
		if code != c.code {
			t.Errorf("kvs %s: exit code %d, want %d: %s", c.line, code, c.code, out)
		}
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("kvs %s: no %q in\n%s", c.line, want, out)
			}
		}
		if strings.Contains(out, "hunter2") || c.want == nil && out != "" {
			t.Errorf("kvs %s: says\n%s", c.line, out)
		}
	}
	if text, err := os.ReadFile("config.yaml"); err != nil || string(text) != "node_id: n1\nport: 8081\n" {
		t.Errorf("%v %s", err, text)
	}
	if _, err := (config.Source{File: "new.yaml"}).Read(); err != nil {
		t.Error(err)
	}
}

// Goal: a reload says what has changed, or nothing; and a refusal ends with its code.
func TestConfigReloadCommand(t *testing.T) {
	f := &fakeNode{answers: map[string][]reply{"POST /config/reload": {
		{status: 200, body: `{"changed":["log_level","read_only"]}`}, {status: 200, body: `{"changed":[]}`},
		{status: 409, body: `{"code":"restart-needed","detail":"another value needs a restart: port","try":"a restart"}`},
	}}}
	for _, want := range []string{"changed: log_level read_only\n", "nothing has changed\n"} {
		if out, err := f.run("config", "reload"); err != nil || out != want {
			t.Errorf("%q, %v", out, err)
		}
	}
	if _, err := f.run("config", "reload"); exitCode(err) != exitConflict || !strings.Contains(err.Error(), "port") {
		t.Errorf("%v", err)
	}
}

// Goal: kvs serve takes settings from flags, and refuses a bad one like a bad file.
func TestServeFlags(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.yaml")
	_, err := (&fakeNode{}).run("serve", "-c", path, "--set", "port=0", "--read-only", "--log-format", "xml")
	var file *config.FileError
	if !errors.As(err, &file) || len(file.Mistakes) != 2 || !strings.Contains(err.Error(), "--set log_format") {
		t.Errorf("%v", err)
	}
}

// Goal: a comparison by lines shows every change, and little else.
func TestLineDiff(t *testing.T) {
	lines := func(s string) string { return strings.ReplaceAll(s, " ", "\n") + "\n" }
	for _, c := range []struct{ old, new, want string }{
		{"a b c", "a b c", ""},
		{"a b c", "a x c", "--- old\n+++ new\n a\n-b\n+x\n c\n"},
		{"1 2 3 4 5 6 7 8", "1 2 3 4 5 6 7 9", "--- old\n+++ new\n...\n 6\n 7\n-8\n+9\n"},
		{"b", "a b c", "--- old\n+++ new\n+a\n b\n+c\n"},
	} {
		if got := lineDiff("old", "new", lines(c.old), lines(c.new)); got != c.want {
			t.Errorf("%q to %q: got\n%swant\n%s", c.old, c.new, got, c.want)
		}
	}
	long := strings.Repeat("x\n", 3_000)
	if got := lineDiff("old", "new", long, long+"y\n"); !strings.Contains(got, "+y\n") {
		t.Error("texts that are too long to compare show no change")
	}
}
