package e2e

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// runIn runs one command in a directory and returns what it printed.
func runIn(t *testing.T, dir, input string, args ...string) said {
	t.Helper()
	var out, words bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, strings.NewReader(input), &out, &words
	err := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("run kvs %s: %v", strings.Join(args, " "), err)
	}
	return said{out.String(), words.String(), cmd.ProcessState.ExitCode()}
}

func wantDone(t *testing.T, s said) string {
	t.Helper()
	if s.code != 0 {
		t.Fatalf("exit code %d: %s%s", s.code, s.stdout, s.stderr)
	}
	return s.stdout
}

// enrolled is a node whose configuration a command has written.
func enrolled(t *testing.T, name string, port int) *node {
	return &node{t: t, name: name, dir: t.TempDir(), file: "config.yaml", port: port}
}

// Goal: from nothing to a cluster by commands alone. Method: init in one directory,
// a token, join in two others, once with the address of the token and once with
// another; all start, see each other, and one reads what another was given. The
// secret is for its owner alone and in nobody's log.
func TestEnrolByToken(t *testing.T) {
	ports := freePorts(t, 3)
	a, b, c := enrolled(t, "a", ports), enrolled(t, "b", ports+1), enrolled(t, "c", ports+2)
	port := func(n *node) []string { return []string{"--node-id", n.name, "--port", strconv.Itoa(n.port)} }
	wantDone(t, runIn(t, a.dir, "", append([]string{"cluster", "init", "--cluster-name", "site"}, port(a)...)...))
	token := wantDone(t, runIn(t, a.dir, "", "cluster", "join-token"))
	wantDone(t, runIn(t, b.dir, token, append([]string{"cluster", "join", "--token", "-"}, port(b)...)...))
	wantDone(t, runIn(t, c.dir, "", append([]string{
		"cluster", "join", b.address(), "--token", strings.TrimSpace(token)}, port(c)...)...))
	shown := wantDone(t, runIn(t, a.dir, "", "cluster", "ca", "show"))
	secret, err := os.ReadFile(filepath.Join(a.dir, "cluster.secret"))
	a.must(err)
	for _, n := range []*node{a, b, c} {
		info, err := os.Stat(filepath.Join(n.dir, "cluster.secret"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the secret of %s: %v, %v", n.name, info, err)
		}
		if other := wantDone(t, runIn(t, n.dir, "", "cluster", "ca", "show")); other != shown {
			t.Errorf("%s has another authority: %s, not %s", n.name, other, shown)
		}
		n.start()
	}
	admin := map[*node]string{}
	for _, n := range []*node{a, b, c} {
		admin[n] = n.tokenIn(filepath.Join(n.dir, "data"))
		eventually(t, startsWithin, n.name+" sees three members", func() bool {
			got := n.as(admin[n], http.MethodGet, "/members/", "")
			return got.status == http.StatusOK && strings.Count(string(got.body), `"replica"`) == 3
		})
	}
	if got := a.as(admin[a], http.MethodPut, "/kv/x", `"1"`); got.status >= 300 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	eventually(t, visibleWithin, "c has it", func() bool {
		return c.as(admin[c], http.MethodGet, "/kv/x", "").status == http.StatusOK
	})
	for _, n := range []*node{a, b, c} {
		if n.stderr.has(strings.TrimSpace(string(secret))) {
			t.Errorf("%s logs the secret", n.name)
		}
	}
}

// Goal: what join and init refuse, and that they leave nothing behind then.
func TestEnrolRefuses(t *testing.T) {
	first := t.TempDir()
	wantDone(t, runIn(t, first, "", "cluster", "init", "--port", "8079"))
	token := strings.TrimSpace(wantDone(t, runIn(t, first, "", "cluster", "join-token")))
	short := strings.TrimSpace(wantDone(t, runIn(t, first, "", "cluster", "join-token", "--ttl", "1ns")))
	other := []byte(token) // one digit of the secret is another one
	other[len("kvsjoin1.")+60]++
	for name, c := range map[string]struct {
		file string // that is there already
		args []string
		code int
		want string
	}{
		"no token":         {"", []string{"cluster", "join"}, 2, "--token is needed"},
		"no such token":    {"", []string{"cluster", "join", "--token", "x"}, exitForbidden, "no token"},
		"half a token":     {"", []string{"cluster", "join", "--token", token[:len(token)/2]}, exitForbidden, "not all of it"},
		"changed token":    {"", []string{"cluster", "join", "--token", string(other)}, exitForbidden, "no token"},
		"late":             {"", []string{"cluster", "join", "--token", short}, exitForbidden, "was good until"},
		"configuration":    {"config.yaml", []string{"cluster", "join", "--token", token}, exitConflict, "config.yaml"},
		"a secret":         {"cluster.secret", []string{"cluster", "join", "--token", token}, exitConflict, "cluster.secret"},
		"data":             {"data/MANIFEST", []string{"cluster", "join", "--token", token}, exitConflict, "there is data"},
		"loopback":         {"", []string{"cluster", "join", "10.0.0.1:8080", "--token", token}, 2, "--bind-address"},
		"its address":      {"", []string{"cluster", "join", "127.0.0.1:8080", "--token", token}, 2, "where the member is"},
		"no address":       {"", []string{"cluster", "join", "somewhere", "--token", token}, 2, "host:port"},
		"a wrong setting":  {"", []string{"cluster", "join", "--token", token, "--port", "0"}, 1, "port must be"},
		"init a secret":    {"cluster.secret", []string{"cluster", "init"}, exitConflict, "cluster.secret"},
		"token of nothing": {"", []string{"cluster", "join-token"}, exitNotFound, "kvs cluster init"},
		"too long a time":  {"", []string{"cluster", "join-token", "--ttl", "48h"}, 2, "24h"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, before := t.TempDir(), 0
			if c.file != "" {
				path := filepath.Join(dir, c.file)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				before = 1
			}
			s := runIn(t, dir, "", c.args...)
			if s.code != c.code || !strings.Contains(s.stderr, c.want) || !strings.Contains(s.stderr, "Try: ") {
				t.Errorf("exit code %d, want %d and %q: %s", s.code, c.code, c.want, s.stderr)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != before {
				t.Errorf("left behind: %v, %v", left, err)
			}
			if strings.Contains(s.stdout+s.stderr, token) {
				t.Error("the token is repeated")
			}
		})
	}
	if s := runIn(t, first, "", "cluster", "init"); s.code != exitConflict || !strings.Contains(s.stderr, "ca show") {
		t.Errorf("init a second time: %d %s", s.code, s.stderr)
	}
}

// Goal: nodes on one machine that nobody has named get a name each.
func TestEnrolNamesNodesApart(t *testing.T) {
	a := t.TempDir()
	wantDone(t, runIn(t, a, "", "cluster", "init"))
	token := wantDone(t, runIn(t, a, "", "cluster", "join-token"))
	names := map[string]bool{}
	for _, port := range []string{"", "8081", "8082"} {
		dir := a
		if port != "" {
			dir = t.TempDir()
			wantDone(t, runIn(t, dir, token, "cluster", "join", "--token", "-", "--port", port))
		}
		text, err := os.ReadFile(filepath.Join(dir, "config.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(string(text), "\nnode_id: ")
		name, _, found := strings.Cut(name, " ")
		names[name] = found
	}
	if len(names) != 3 || names[""] {
		t.Errorf("the three are called %v", names)
	}
}

// Goal: a configuration that somebody has written is left alone; the line to add
// is shown, and holds.
func TestInitBesideAConfiguration(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "node1.yaml")
	const mine = "# mine\nnode_id: alpha\n"
	if err := os.WriteFile(path, []byte(mine), 0o600); err != nil {
		t.Fatal(err)
	}
	out := wantDone(t, runIn(t, dir, "", "cluster", "init", "node1.yaml"))
	_, rest, found := strings.Cut(out, "  cluster_secret_file: ")
	line, _, _ := strings.Cut(rest, "\n")
	if text, err := os.ReadFile(path); !found || err != nil || string(text) != mine {
		t.Fatalf("%s%v\n%s", text, err, out)
	}
	if err := os.WriteFile(path, []byte(mine+"cluster_secret_file: "+line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if shown := wantDone(t, runIn(t, dir, "", "cluster", "ca", "show", "node1.yaml")); !strings.Contains(shown, "from cluster_secret") {
		t.Error(shown)
	}
}
