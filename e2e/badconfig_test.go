package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// exitsWithin is how long a node that cannot start may take to say so.
const exitsWithin = 2 * time.Second

// checkRefusal runs a node that must end by itself with an error, and looks for
// words in what it says.
func checkRefusal(t *testing.T, n *node, words ...string) {
	t.Helper()
	n.launch()
	code, _ := n.awaitEnd(exitsWithin)
	said := n.stderr.String()
	if code <= 0 {
		t.Errorf("exit code %d, want an error", code)
	}
	for _, word := range words {
		if !strings.Contains(said, word) {
			t.Errorf("does not say %q:\n%s", word, said)
		}
	}
	if strings.Contains(said, "goroutine ") || strings.Contains(said, "Usage:") {
		t.Errorf("says more than a person needs:\n%s", said)
	}
}

// TestBadSettingsAreRefused starts nodes with bad files. Each is refused with
// the place and the name, before anything is created.
func TestBadSettingsAreRefused(t *testing.T) {
	cases := []struct {
		name  string
		text  string
		words []string
	}{
		{"unknown setting", "port: 9000\nauth_enabled: false\ngossip_interval_mim: 5\n",
			[]string{"bad.yaml:3:1:", `"gossip_interval_mim"`, `"gossip_interval_min"`, "3 | goss", "^"}},
		{"wrong type", "auth_enabled: false\nport: eighty\n",
			[]string{"bad.yaml:2:7:", "port must be a number", "eighty"}},
		{"list for a number", "port: [1]\n", []string{"bad.yaml:1:7:", "port"}},
		{"text for a list", "seed_nodes: 127.0.0.1:8081\n", []string{"bad.yaml:1:13:", "seed_nodes"}},
		{"seed without a port", "seed_nodes: [\"127.0.0.1\"]\n",
			[]string{"bad.yaml:1:14:", "seed_nodes", "host:port"}},
		{"two mistakes at once", "prot: 8080\nlog_level: loud\n",
			[]string{"bad.yaml:1:1:", `"port"`, "bad.yaml:2:12:", "log_level", "2 errors"}},
		{"setting twice", "port: 9000\nport: 9001\n", []string{"bad.yaml:2:1:", "port", "line 1"}},
		{"number out of range", "port: 70000\n", []string{"bad.yaml:1:7:", "port", "65535"}},
		{"size over the limit", "max_json_size: 1048577\n",
			[]string{"bad.yaml:1:16:", "max_json_size", "1048576"}},
		{"duration without a unit", "default_ttl: \"60\"\n", []string{"bad.yaml:1:14:", "default_ttl"}},
		{"settings at odds", "gossip_interval_min: 200\n",
			[]string{"bad.yaml:1:22:", "gossip_interval_min", "gossip_interval_max"}},
		{"broken YAML", "port: 9000\nseed_nodes: [\n", []string{"bad.yaml:"}},
		{"tab", "port: 9000\n\tlog_level: info\n", []string{"bad.yaml:2:"}},
		{"not a mapping", "just some words\n", []string{"bad.yaml:1:1:"}},
		{"binary", "\x7fELF\x00\x01", []string{"bad.yaml:1:1:"}},
		{"tokens that live longer than any may", "auth_enabled: true\ntoken_ttl: 2h\ntoken_max_ttl: 1h\n",
			[]string{"bad.yaml:2:12:", "token_ttl", "token_max_ttl"}},
		{"open to the network without a secret", "bind_address: 0.0.0.0\nauth_enabled: false\n",
			[]string{"bad.yaml:1:15:", "cluster_secret", "clustering_enabled"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			n := &node{t: t, name: "bad", dir: t.TempDir(), file: "bad.yaml"}
			n.configure(c.text)
			checkRefusal(t, n, c.words...)
			checkOnly(t, n.dir, "bad.yaml")
		})
	}
}

// checkOnly sees that a directory holds these files and no others.
func checkOnly(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(names) {
		t.Errorf("%s holds %v, want %v", dir, got, names)
	}
}

// TestBusyPortIsNamed starts nodes whose port somebody else has, for TCP, for
// UDP, and for both, which is another node.
func TestBusyPortIsNamed(t *testing.T) {
	t.Run("TCP", func(t *testing.T) {
		n := newNode(t, "n1")
		taken, err := net.Listen("tcp", n.address())
		n.must(err)
		defer taken.Close()
		checkRefusal(t, n, "port", fmt.Sprint(n.port), "in use")
	})
	t.Run("UDP", func(t *testing.T) {
		n := newNode(t, "n1")
		taken, err := net.ListenPacket("udp", n.address())
		n.must(err)
		defer taken.Close()
		checkRefusal(t, n, "port", fmt.Sprint(n.port), "UDP", "in use")
	})
	t.Run("another node", func(t *testing.T) {
		first := start(t, "first")
		second := newNode(t, "second")
		second.configure(settings("second", first.port))
		checkRefusal(t, second, "port", fmt.Sprint(first.port), "in use")
		first.put("still", "1")
	})
	t.Run("demo", func(t *testing.T) {
		dir, port := t.TempDir(), freePorts(t, 3)
		taken, err := net.Listen("tcp", loopback(port+2))
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close()
		p := launch(t, "demo", dir, "demo", "--port", fmt.Sprint(port))
		if code, _ := p.awaitEnd(exitsWithin); code <= 0 || !p.stderr.has(fmt.Sprint(port+2)) {
			t.Errorf("exit code %d, said %s", code, p.stderr.String())
		}
		checkOnly(t, dir)
	})
}

// TestDirectoryOfOthersIsLeftAlone starts nodes whose data_dir another node
// holds, or whose data_dir holds something else.
func TestDirectoryOfOthersIsLeftAlone(t *testing.T) {
	t.Run("in use", func(t *testing.T) {
		dir := "data_dir: " + t.TempDir()
		first := start(t, "first", dir)
		first.put("mine", "1")
		checkRefusal(t, newNode(t, "second", dir), "data_dir", "in use", fmt.Sprint(first.pid()))
		first.put("mine", "2")
		first.stop()
		first.start()
		if !first.shows("mine", "2") {
			t.Error("the first node lost a value")
		}
	})
	t.Run("not ours", func(t *testing.T) {
		dir := t.TempDir()
		letter := filepath.Join(dir, "letter.txt")
		if err := os.WriteFile(letter, []byte("dear"), 0o600); err != nil {
			t.Fatal(err)
		}
		checkRefusal(t, newNode(t, "n1", "data_dir: "+dir), "data_dir", "letter.txt")
		checkOnly(t, dir, "letter.txt")
	})
	t.Run("a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, []byte("dear"), 0o600); err != nil {
			t.Fatal(err)
		}
		checkRefusal(t, newNode(t, "n1", "data_dir: "+file), "data_dir", file)
	})
	t.Run("MANIFEST of nothing", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "MANIFEST"), []byte("?"), 0o600); err != nil {
			t.Fatal(err)
		}
		checkRefusal(t, newNode(t, "n1", "data_dir: "+dir), "data_dir", "MANIFEST")
		checkOnly(t, dir, "MANIFEST")
	})
}

// TestBadCommandLines runs the program with what it does not know.
func TestBadCommandLines(t *testing.T) {
	const usageCode = 2
	for _, c := range []struct {
		args []string
		word string
	}{
		{[]string{"dmeo"}, `"demo"`},
		{[]string{"--prot", "1"}, "--prot"},
		{[]string{"a.yaml", "b.yaml"}, "one configuration file"},
		{[]string{"demo", "--nodes", "0"}, "--nodes"},
		{[]string{"demo", "--port", "65535"}, "--port"},
	} {
		dir := t.TempDir()
		p := launch(t, strings.Join(c.args, " "), dir, c.args...)
		if code, _ := p.awaitEnd(exitsWithin); code != usageCode || !p.stderr.has(c.word) {
			t.Errorf("kvs %v: exit code %d, said %s", c.args, code, p.stderr.String())
		}
		checkOnly(t, dir)
	}
}
