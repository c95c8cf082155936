package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Goal: the doctor finds each insecure setting, each open file and an unwell node,
// says what to try, and finds nothing where all is well.
func TestDoctor(t *testing.T) {
	const well = `{"status":"ok","mode":"normal"}`
	for _, c := range []struct {
		config string
		modes  map[string]os.FileMode
		health string
		finds  string // "" for nothing at all
		severe bool
	}{
		{"", nil, well, "", false},
		{"auth_enabled: false", nil, well, "every program on this machine", false},
		{"auth_enabled: false\nbind_address: 10.0.0.1\ncluster_secret: 0123456789abcdef", nil, well, "whoever reaches 10.0.0.1:8080", true},
		{"rate_limiting_enabled: false", nil, well, "guess tokens", false},
		{"tamper_logging_enabled: false", nil, well, "who changed what", false},
		{"token_max_ttl: 9000h", nil, well, "9000h", false},
		{"cluster_secret_file: gone", nil, well, "gone", true},
		{"cluster_secret: \"short\"", map[string]os.FileMode{"config.yaml": 0o600}, well, "short enough to guess", true},
		{"cluster_secret: 0123456789abcdef", map[string]os.FileMode{"config.yaml": 0o644}, well, "config.yaml holds a secret", true},
		{"", map[string]os.FileMode{"data/node.key": 0o640}, well, "node.key holds a secret, and its mode 0640", true},
		{"bind_address: 10.0.0.1\ncluster_secret: 0123456789abcdef", nil, well, "tokens travel in the clear", false},
		{"http_tls_cert_file: crt\nhttp_tls_key_file: data/node.key", nil, well, "", false},
		{"http_tls_cert_file: crt\nhttp_tls_key_file: config.yaml", map[string]os.FileMode{"config.yaml": 0o644}, well,
			"config.yaml holds a secret", true},
		{"", map[string]os.FileMode{"data": 0o750}, well, "data_dir", false},
		{"", map[string]os.FileMode{"data": 0o755}, well, "data_dir", true},
		{"", nil, `{"status":"degraded","reasons":["disk is full"]}`, "degraded: disk is full", true},
		{"", nil, "", "does not answer", false},
	} {
		t.Run(c.finds, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.MkdirAll("data", 0o700); err != nil {
				t.Fatal(err)
			}
			for file, text := range map[string]string{"config.yaml": c.config, "data/node.key": "k"} {
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for file, mode := range c.modes {
				if err := os.Chmod(filepath.FromSlash(file), mode); err != nil {
					t.Fatal(err)
				}
			}
			f := &fakeNode{answers: map[string][]reply{"GET /health": ok(c.health)}}
			if c.health == "" {
				f.answers["GET /health"] = []reply{{err: fmt.Errorf("refused")}}
			}
			out, err := f.run("doctor")
			if c.finds == "" && !strings.HasPrefix(out, "nothing found") || !strings.Contains(out, c.finds) ||
				c.finds != "" && !strings.Contains(out, "Try: ") {
				t.Errorf("prints %q", out)
			}
			if severe := codeOrZero(err) == exitNotConverged; severe != c.severe || strings.Contains(out, "SEVERE") != c.severe {
				t.Errorf("severe is %v: %v\n%s", severe, err, out)
			}
			var asJSON struct{ Findings []finding }
			out, _ = f.run("doctor", "-o", "json")
			if json.Unmarshal([]byte(out), &asJSON) != nil || (len(asJSON.Findings) == 0) != (c.finds == "") {
				t.Errorf("as JSON: %s", out)
			}
		})
	}
	t.Chdir(t.TempDir())
	if _, err := (&fakeNode{}).run("doctor"); codeOrZero(err) != exitUsage {
		t.Errorf("without a configuration: %v", err)
	}
	if _, err := os.Stat("config.yaml"); err == nil {
		t.Error("the doctor wrote a configuration")
	}
}
