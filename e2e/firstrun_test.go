package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const defaultPort = 8080

// documentedSettings are the settings that the documentation lists.
func documentedSettings() []string {
	return strings.Fields(`node_id bind_address port data_dir durability seed_nodes read_only log_level
		gossip_interval_min gossip_interval_max sync_interval catchup_interval
		bootstrap_max_age_hours throttle_delay_ms fetch_delay_ms compression_enabled
		compression_level default_ttl max_json_size rate_limit_requests rate_limit_window
		rate_limit_by trusted_proxies http_tls_cert_file http_tls_key_file cors_allowed_origins
		auth_enabled token_ttl token_max_ttl tamper_logging_enabled clustering_enabled rate_limiting_enabled
		revision_history_enabled revision_max_age gc_interval memory_limit_mb backup_enabled backup_schedule backup_path backup_retention backup_incremental backup_recipients
		advertise_address cluster_port cluster_secret cluster_secret_file
		replication_interval_ms push_ring_mb failed_after_s removed_after_s max_clock_skew_ms
		max_connections header_timeout read_timeout write_timeout idle_timeout
		shutdown_timeout log_format console_enabled flight_recorder_mb`)
}

// TestFirstRun runs the program in an empty directory, as somebody does who has
// just built it, and then again.
func TestFirstRun(t *testing.T) {
	if !isFree(defaultPort) {
		t.Skipf("port %d is taken", defaultPort)
	}
	n := &node{t: t, name: "first run", dir: t.TempDir(), port: defaultPort}
	n.process = launch(t, n.name, n.dir)
	n.awaitServing()
	eventually(t, time.Second, "the node is well and alone", func() bool {
		h := n.health()
		return h.Status == "ok" && h.Mode == "normal" && h.Members == 1 && h.Joined
	})
	path := filepath.Join(n.dir, "config.yaml")
	written := checkGenerated(t, path)
	if !n.stderr.has("config.yaml") {
		t.Error("does not say that it wrote config.yaml")
	}
	n.token = n.tokenIn(filepath.Join(n.dir, "data"))
	n.put("kept", "1")
	t.Logf("stopped in %v", n.end(syscall.SIGTERM, stopsWithin))
	checkLog(t, n.process)

	n.process = launch(t, "second run", n.dir)
	n.awaitServing()
	if !n.shows("kept", "1") {
		t.Error("the second run does not know what was stored in the first")
	}
	n.end(syscall.SIGINT, stopsWithin)
	checkLog(t, n.process)
	if again := checkGenerated(t, path); again != written {
		t.Error("the second run changed config.yaml")
	}
}

// checkGenerated looks at the generated file and returns its text.
func checkGenerated(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("config.yaml: %v (%v), want mode 0600", info, err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^(\w+): .*# \S`).FindAllSubmatch(text, -1) {
		got = append(got, string(m[1]))
	}
	for _, key := range documentedSettings() {
		if !slices.Contains(got, key) {
			t.Errorf("config.yaml has no %s with a comment", key)
		}
	}
	return string(text)
}

// checkLog sees that every line is JSON with the usual fields, and that the start and the
// end are told.
func checkLog(t *testing.T, p *process) {
	t.Helper()
	var messages []string
	for _, line := range p.stderr.lines() {
		var entry struct {
			Time, Level, Msg string
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Errorf("not on a terminal, but not JSON: %s", line)
			continue
		}
		if entry.Time == "" || entry.Level == "" || entry.Msg == "" {
			t.Errorf("lacks time, level or msg: %s", line)
		}
		messages = append(messages, entry.Msg)
	}
	all := strings.Join(messages, "\n")
	for _, want := range []string{"ready", "stopping"} {
		if !strings.Contains(all, want) {
			t.Errorf("the log does not say %q", want)
		}
	}
}

// TestNamedFileIsCreated names a configuration that does not exist.
func TestNamedFileIsCreated(t *testing.T) {
	if !isFree(defaultPort) {
		t.Skipf("port %d is taken", defaultPort)
	}
	n := &node{t: t, name: "named", dir: t.TempDir(), file: "mine.yaml", port: defaultPort}
	n.start()
	checkGenerated(t, filepath.Join(n.dir, n.file))
	if !n.stderr.has(n.file) {
		t.Errorf("does not say that it wrote %s", n.file)
	}
	n.stop()
}
