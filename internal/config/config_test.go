package config

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	yaml "go.yaml.in/yaml/v4"
	"pgregory.net/rapid"
)

const testHost = "myhost"

// golden compares got with a file under testdata; -update rewrites it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: %s", path, diff)
	}
}

var update = flag.Bool("update", false, "rewrite golden files")

// Goal: the generated file, to the byte, and that it loads to the defaults.
func TestGeneratedFile(t *testing.T) {
	text := render(testHost, defaults(testHost))
	golden(t, "default.yaml", text)
	cfg, err := parse("config.yaml", []byte(text), testHost)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(defaults(testHost), cfg); diff != "" {
		t.Error(diff)
	}
}

// Goal: the generated file and the table have the same keys, in one order.
func TestGeneratedFileAgainstTable(t *testing.T) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(render(testHost, defaults(testHost))), &document); err != nil {
		t.Fatal(err)
	}
	var inFile, inTable []string
	for i, node := range document.Content[0].Content {
		if i%2 == 0 {
			inFile = append(inFile, node.Value)
		}
	}
	for _, s := range settings() {
		inTable = append(inTable, s.key)
	}
	if diff := cmp.Diff(inTable, inFile); diff != "" {
		t.Error(diff)
	}
}

// Goal: the table itself is sound.
func TestTable(t *testing.T) {
	keys := map[string]setting{}
	for _, s := range settings() {
		if _, twice := keys[s.key]; twice || s.key == "" || s.help == "" {
			t.Errorf("%q: repeated, or without key or help", s.key)
		}
		keys[s.key] = s
		if s.numeric() && s.min >= s.max {
			t.Errorf("%s: range %d to %d", s.key, s.min, s.max)
		}
		known := []string{"", "name", "required", "ip", "hostport", "address", "label", "cron",
			"prefix", "origin", "recipient", "mode"}
		if !slices.Contains(known, s.check) {
			t.Errorf("%s: unknown check %q", s.key, s.check)
		}
		if s.kind == typeDuration && s.scale() == 0 && s.unit != "duration" && s.unit != "ttl" {
			t.Errorf("%s: unknown unit %q", s.key, s.unit)
		}
	}
	for key, s := range keys {
		if s.needs != "" && keys[s.needs].kind != typeBool {
			t.Errorf("%s needs %q, which is no switch", key, s.needs)
		}
	}
}

// seedFile is the configuration block of the specification, with the one
// change that this version asks for.
const seedFile = `node_id: "hostname" # Unique node identifier
bind_address: "127.0.0.1" # IP address to bind to
port: 8080 # HTTP port
data_dir: "./data" # Directory for BadgerDB storage
seed_nodes: [] # List of seed nodes for cluster joining
read_only: false # Enable read-only mode
log_level: "info" # Logging level (debug, info, warn, error)
# Cluster timing configuration
gossip_interval_min: 60 # Min gossip interval (seconds)
gossip_interval_max: 120 # Max gossip interval (seconds)
sync_interval: 300 # Regular sync interval (seconds)
catchup_interval: 120 # Catch-up sync interval (seconds)
bootstrap_max_age_hours: 720 # Max age for bootstrap sync (hours)
throttle_delay_ms: 100 # Delay between sync requests (ms)
fetch_delay_ms: 50 # Delay between data fetches (ms)
# Feature configuration
compression_enabled: true # Enable ZSTD compression
compression_level: 3 # Compression level (1-19)
default_ttl: "0" # Default TTL ("0" = no expiry)
max_json_size: 1048576 # Max JSON payload size (1MB)
rate_limit_requests: 100 # Requests per window
rate_limit_window: "1m" # Rate limit window
# Feature toggles
auth_enabled: true  # JWT authentication system
tamper_logging_enabled: true # Cryptographic audit trail
clustering_enabled: true # Gossip protocol and sync
rate_limiting_enabled: true # Rate limiting
revision_history_enabled: true # Automatic versioning
# Backup configuration
backup_enabled: true # Automated backups
backup_schedule: "0 0 * * *" # Daily at midnight (cron format)
backup_path: "./backups" # Backup directory
backup_retention: 7 # Days to keep backups
`

// Goal: the seed's 29 settings mean their defaults; so does an empty file.
func TestFilesThatMeanTheDefaults(t *testing.T) {
	if n := strings.Count(seedFile, ": "); n < 29 {
		t.Fatalf("%d settings", n)
	}
	for _, text := range []string{seedFile, "", "\n\n", "# nothing\n", "---\n", "{}", "~",
		"\ufeffport: 8080\r\n", "seed_nodes:\n", strings.ReplaceAll(seedFile, "\n", "\r\n")} {
		cfg, err := parse("config.yaml", []byte(text), testHost)
		if err != nil {
			t.Errorf("%.40q: %v", text, err)
		}
		if diff := cmp.Diff(defaults(testHost), cfg); err == nil && diff != "" {
			t.Errorf("%.40q: %s", text, diff)
		}
	}
}

// Goal: a partial file changes what it names and nothing else.
func TestPartialFile(t *testing.T) {
	cfg, err := parse("node2.yaml", []byte(`node_id: node2
port: 8082
seed_nodes: ["127.0.0.1:8081", '[::1]:8083', node-3.example:8084]
default_ttl: 90m
log_level: debug
cluster_secret: hunter2
bind_address: "::"
gossip_interval_min: 1
backup_retention: 1
max_clock_skew_ms: 250
`), testHost)
	if err != nil {
		t.Fatal(err)
	}
	want := defaults(testHost)
	want.NodeID, want.Port, want.LogLevel, want.BindAddress = "node2", 8082, "debug", "::"
	want.SeedNodes = []string{"127.0.0.1:8081", "[::1]:8083", "node-3.example:8084"}
	want.DefaultTTL, want.GossipIntervalMin = 90*time.Minute, time.Second
	want.BackupRetention, want.MaxClockSkew = 24*time.Hour, 250*time.Millisecond
	want.ClusterSecret = "hunter2"
	want.DataDir = "./data-node2" // its own, because the file names the node but no directory
	if diff := cmp.Diff(want, cfg); diff != "" {
		t.Error(diff)
	}
	if shown := fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg); strings.Contains(shown, "hunter2") {
		t.Error("printing a Config shows its secret")
	}
}

// Goal: one file with most kinds of mistakes, and its whole report.
func TestReport(t *testing.T) {
	text, err := os.ReadFile("testdata/bad.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, err = parse("config.yaml", text, testHost)
	if err == nil {
		t.Fatal("accepted")
	}
	golden(t, "bad.txt", err.Error()+"\n")
	if strings.Contains(err.Error(), "hunter") {
		t.Error("the report shows a secret")
	}
}

// Goal: each mistake alone: its place and its words.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"port: eighty", `:1:7: port must be a number from 1 to 65535, not "eighty"`},
		{"port: 0", `:1:7: port must be a number from 1 to 65535, not "0"`},
		{"port: 65536", `not "65536"`},
		{"port: 0x50", `not "0x50"`},
		{"port: 080", `not "080"`},
		{"port: 8_080", `not "8_080"`},
		{"port: 8080.0", `not "8080.0"`},
		{"port: 99999999999999999999", `port must be`},
		{`port: "8080"`, `not text in quotes ("8080")`},
		{"port:", `:1:6: port has no value`},
		{"port: [1]", `port must be a number from 1 to 65535, not a list or a mapping`},
		{"prot: 1", `:1:1: unknown key "prot", did you mean "port"?`},
		{"Port: 1", `did you mean "port"?`},
		{"something_else_entirely: 1", `unknown key "something_else_entirely"` + "\n"},
		{"port: 1\nport: 2", `:2:1: duplicate key "port", already set on line 1`},
		{"read_only: yes", `read_only must be true or false, not "yes"`},
		{`read_only: "true"`, `read_only must be true or false, not text in quotes`},
		{"log_level: loud", `log_level must be debug, info, warn or error, not "loud"`},
		{"log_format: xml", `log_format must be auto, text or json`},
		{"compression_level: 20", `from 1 to 19`},
		{"max_json_size: 1048577", `from 1 to 1048576`},
		{"max_json_size: 0", `from 1 to 1048576`},
		{"default_ttl: -1h", `default_ttl must be a duration`},
		{"default_ttl: 1d", `"0" for no expiry`},
		{`default_mode: "----,----,----"`, `default_mode must be like "cdwr,c-wr,----"`},
		{"default_mode: rwx", `default_mode must be like "cdwr,c-wr,----"`},
		{"rate_limit_window: 0", `rate_limit_window must be a duration`},
		{"header_timeout: 5", `header_timeout must be a duration such as "30s" or "1m", not "5"`},
		{"bind_address: localhost", `bind_address must be an IP address`},
		{"bind_address: 0.0.0.0", `:1:15: a node on 0.0.0.0 needs cluster_secret`},
		{"seed_nodes: 127.0.0.1:8081", `seed_nodes must be a list`},
		{"seed_nodes: [127.0.0.1]", `:1:14: item 1 of seed_nodes must be host:port`},
		{"seed_nodes:\n- a:1\n- '::1:8080'", `:3:3: item 2 of seed_nodes must be host:port`},
		{"seed_nodes: ['a:0', 'a:99999', 'http://a:1', ':80', 'a b:80']", "5 errors"},
		{"seed_nodes: [[a]]", "item 1 of seed_nodes must be text"},
		{"advertise_address: 'a:b:c'", "advertise_address must be a host or host:port"},
		{"gossip_interval_min: 200", `:1:22: gossip_interval_min (200) must not be more than gossip_interval_max (120)`},
		{"gossip_interval_max: 5", `:1:22: gossip_interval_min (60) must not be more`},
		{"removed_after_s: 300", `:1:18: removed_after_s (300) must be more than failed_after_s (300)`},
		{"token_ttl: 800h", `:1:12: token_ttl (800h0m0s) must not be more than token_max_ttl (720h0m0s)`},
		{`backup_schedule: "0 0 30 2 *"`, `for a time that comes`},
		{"backup_schedule: daily", `backup_schedule must be five cron fields`},
		{"data_dir: ''", `data_dir must not be empty`},
		{"node_id: ''", `node_id must be 1 to 255 bytes`},
		{"node_id: \"a\\nb\"", `without control characters`},
		{"- port: 8080", `:1:1: settings are expected`},
		{"8080", `:1:1: settings are expected`},
		{"? [a]\n: 1", `a key must be a plain name`},
		{"port: 1\n---\nport: 2", `a second YAML document`},
		{"port: 1\n\tread_only: true", `:2:1: found a tab character`},
		{"a: b: c", `:1:5: mapping values are not allowed`},
		{"seed_nodes: [a:1", `did not find expected`},
		{"port: *nope", `unknown anchor`},
		{"node_id: \xff", `:1:10: the file is not valid UTF-8`},
		{"node_id: a\x00", `:1:11: control character U+0000`},
		{"\xfe\xff\x00p", `not valid UTF-8`},
		{strings.Repeat("#", fileBytesMax+1), `is it a configuration?`},
		{strings.Repeat("[", 50_000), `config.yaml:`},
	} {
		checkMistake(t, c.text, c.want)
	}
}

// Goal: what nodes know each other by is one thing, and whole.
func TestMistakesOfTrust(t *testing.T) {
	const files = "tls_ca_file: a\ntls_cert_file: b\ntls_key_file: c\n"
	for _, c := range []struct{ text, want string }{
		{"cluster_secret: a\ncluster_secret_file: b", `:2:22: only one of cluster_secret and cluster_secret_file`},
		{"tls_ca_file: a", `:1:14: tls_ca_file, tls_cert_file and tls_key_file go together`},
		{files + "cluster_secret: a", `:1:14: only one of a cluster secret and tls_ca_file`},
		{files + "cluster_secret_file: a", `:1:14: only one of a cluster secret and tls_ca_file`},
	} {
		checkMistake(t, c.text, c.want)
	}
	if _, err := parse("config.yaml", []byte(files+"bind_address: 0.0.0.0"), testHost); err != nil {
		t.Errorf("files instead of a secret: %v", err)
	}
}

func checkMistake(t *testing.T, text, want string) {
	t.Helper()
	_, err := parse("config.yaml", []byte(text), testHost)
	var file *FileError
	if !errors.As(err, &file) {
		t.Errorf("%.60q: %v", text, err)
		return
	}
	if got := err.Error(); !strings.Contains(got+"\n", want) || !strings.Contains(got, "Try: ") {
		t.Errorf("%.60q: got %s\nwant ...%s", text, got, want)
	}
}

// open reads a file alone, or makes it.
func open(path string) (cfg Config, created bool, err error) {
	l, created, err := Source{File: path}.Open()
	return l.Config, created, err
}

// Goal: the first run writes a private file that the second run reads.
func TestLoadWritesDefaults(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "config.yaml")
	first, created, err := open(path)
	if err != nil || !created {
		t.Fatalf("%v, %v", created, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	second, created, err := open(path)
	if err != nil || created {
		t.Fatalf("%v, %v", created, err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Default(), second); diff != "" {
		t.Error(diff)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if _, _, err := open(filepath.Join(dir, "no", "such", "dir.yaml")); err == nil {
		t.Error("a file in a directory that does not exist was written")
	}
	if _, _, err := open(dir); err == nil {
		t.Error("a directory was read as a file")
	}
}

// Goal: the secret, from either place.
func TestLoadClusterSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte("from file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		cfg  Config
		want string
	}{{Config{}, ""}, {Config{ClusterSecret: "here"}, "here"}, {Config{ClusterSecretFile: path}, "from file"}} {
		if got, err := c.cfg.LoadClusterSecret(); err != nil || got.Reveal() != c.want {
			t.Errorf("%+v: %q, %v", c.cfg, got.Reveal(), err)
		}
	}
	if _, err := (Config{ClusterSecretFile: path + "x"}).LoadClusterSecret(); err == nil {
		t.Error("a missing secret file was accepted")
	}
}

// checkNoPanic parses anything and holds the result's own invariants.
func checkNoPanic(t interface{ Fatalf(string, ...any) }, text []byte) {
	cfg, err := parse("config.yaml", text, testHost)
	if err == nil {
		if len(cfg.relations()) != 0 || cfg.Port < 1 || cfg.NodeID == "" {
			t.Fatalf("accepted %q as %+v", text, cfg)
		}
		return
	}
	var file *FileError
	if !errors.As(err, &file) || len(file.Mistakes) == 0 || !strings.HasPrefix(err.Error(), "config.yaml:") {
		t.Fatalf("%q: %v", text, err)
	}
}

// Goal: no input makes the loader panic. Method: 10,000 mutations of the
// generated file, drawn by rapid.
func TestMutatedFilesNeverPanic(t *testing.T) {
	base := []byte(render(testHost, defaults(testHost)))
	pieces := []string{"\t", "\x00", "\xff", "*a", "&a ", "!!int ", "<<: ", "? ", "- ", "[", "{", "'", `"`,
		"|\n", ">\n", "---\n", "...\n", "%YAML 1.1\n", "port: 1\n", "é", ": ", "# ", "\n", "999999999999", "~"}
	for range 100 {
		rapid.Check(t, func(t *rapid.T) {
			text := slices.Clone(base[:rapid.IntRange(0, len(base)).Draw(t, "keep")])
			for range rapid.IntRange(1, 4).Draw(t, "mutations") {
				at := rapid.IntRange(0, len(text)).Draw(t, "at")
				end := min(len(text), at+rapid.IntRange(0, 8).Draw(t, "drop"))
				text = slices.Replace(text, at, end, []byte(rapid.SampledFrom(pieces).Draw(t, "piece"))...)
			}
			checkNoPanic(t, text)
		})
		if testing.Short() {
			break
		}
	}
}

// Goal: networks and origins are taken exactly as they are meant, and nothing near them.
func TestNetworksAndOrigins(t *testing.T) {
	for text, want := range map[string]bool{
		`trusted_proxies: ["10.0.0.0/8", "::1", "fd00::/8", "192.0.2.7"]`: true,
		`trusted_proxies: ["10.0.0.0/33"]`:                                false,
		`trusted_proxies: ["proxy.example.org"]`:                          false,
		`trusted_proxies: ["fe80::1%eth0"]`:                               false,
		`cors_allowed_origins: ["https://example.org"]`:                   true,
		`cors_allowed_origins: ["http://localhost:3000"]`:                 true,
		`cors_allowed_origins: ["http://[::1]:3000"]`:                     true,
		`cors_allowed_origins: ["*"]`:                                     false,
		`cors_allowed_origins: ["https://*.example.org"]`:                 false,
		`cors_allowed_origins: ["https://example.org/"]`:                  false,
		`cors_allowed_origins: ["https://example.org/a"]`:                 false,
		`cors_allowed_origins: ["https://example.org:443"]`:               false,
		`cors_allowed_origins: ["https://Example.org"]`:                   false,
		`cors_allowed_origins: ["https://me@example.org"]`:                false,
		`cors_allowed_origins: ["example.org"]`:                           false,
		`cors_allowed_origins: ["null"]`:                                  false,
		`cors_allowed_origins: ["file:///a"]`:                             false,
		`rate_limit_window: 999ms`:                                        false,
		`rate_limit_window: 1s`:                                           true,
		`rate_limit_window: 25h`:                                          false,
		`rate_limit_by: ip`:                                               false,
		`http_tls_cert_file: a`:                                           false,
		`http_tls_key_file: a`:                                            false,
		"http_tls_cert_file: a\nhttp_tls_key_file: b":                     true,
	} {
		cfg, err := parse("c", []byte(text), testHost)
		if (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
		if len(cfg.Proxies()) != len(cfg.TrustedProxies) {
			t.Errorf("%s: proxies are %v", text, cfg.Proxies())
		}
	}
}

// TestB14ConfigurationMutants: any change of a configuration file gives settings or a
// report of its mistakes, with no panic and little memory.
func TestB14ConfigurationMutants(t *testing.T) {
	count := 100_000
	if testing.Short() {
		count = 10_000
	}
	random := rand.New(rand.NewPCG(14, 14))
	const marks = "[]{}:&*|>-#\"'\n ,?!%@`\x00\xff"
	seeds := [][]byte{[]byte("port: 8081\nseed_nodes: [\"127.0.0.1:8082\"]\n"), []byte("a: &a [*a, {b: c}]\n"),
		[]byte("trusted_proxies: [10.0.0.0/8]\ncors_allowed_origins:\n- https://a.b\n"), []byte("x: |\n  y\n<<: {port: 1}\n")}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	refused := 0
	for range count {
		text := slices.Clone(seeds[random.IntN(len(seeds))])
		for range 1 + random.IntN(4) {
			at := random.IntN(len(text))
			switch random.IntN(4) {
			case 0:
				text[at] = byte(random.IntN(256))
			case 1:
				text = append(text[:at], text[min(at+1+random.IntN(8), len(text)):]...)
			case 2:
				text = slices.Insert(text, at, marks[random.IntN(len(marks))])
			case 3:
				text = append(text, text[at:]...)
			}
			if len(text) == 0 {
				text = []byte{'\n'}
			}
		}
		if _, err := Parse("c", text); err != nil {
			refused++
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if refused < count/10 || after.HeapAlloc > before.HeapAlloc+20<<20 {
		t.Errorf("%d of %d refused, heap %d after %d", refused, count, after.HeapAlloc, before.HeapAlloc)
	}
}

// FuzzLoad: any bytes are a Config or a report, never a panic.
func FuzzLoad(f *testing.F) {
	for _, seed := range []string{"", seedFile, "port: 1\nport: 2", "a: &a [*a]", "seed_nodes: [a:1]",
		"{port: 80, read_only: true}", "\xff", "? [a]\n: 1", "x: |\n  y\n", "<<: {port: 1}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) { checkNoPanic(t, text) })
}
