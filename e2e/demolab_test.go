package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lab is a demo, and somebody in another terminal.
type lab struct {
	t     *testing.T
	p     *process
	nodes []*node
	dir   string
	token string // the file
}

func startLab(t *testing.T) *lab {
	t.Helper()
	p, nodes, dir := startDemo(t)
	token := regexp.MustCompile(`cat (\S+/admin.token)`).FindStringSubmatch(p.stdout.String())
	if token == nil {
		t.Fatal("the demo names no token")
	}
	return &lab{t, p, nodes, dir, token[1]}
}

// kvs runs a command as that other terminal would, with the demo's token.
func (l *lab) kvs(at *node, args ...string) said {
	l.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+l.dir, "KVS_CONTEXT=demo", "KVS_ADDR="+at.url(""), "KVS_TOKEN_FILE="+l.token)
	var out, words bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &words
	if err := cmd.Run(); cmd.ProcessState == nil {
		l.t.Fatal(err)
	}
	return said{out.String(), words.String(), cmd.ProcessState.ExitCode()}
}

// does has the demo do something, which it must be able to.
func (l *lab) does(args ...string) {
	l.t.Helper()
	s := l.kvs(l.nodes[0], append([]string{"demo", "--port", strconv.Itoa(l.nodes[0].port)}, args...)...)
	if s.code != 0 {
		l.t.Fatalf("kvs demo %s: exit code %d: %s", strings.Join(args, " "), s.code, s.stderr)
	}
}

// tells waits until the demo says something once more than so often.
func (l *lab) tells(text string, already int) {
	l.t.Helper()
	eventually(l.t, 20*time.Second, "the demo says "+text, func() bool {
		return strings.Count(l.p.stdout.String(), text) > already
	})
}

// TestDemoCutsAndHeals does what the demo proposes: two sides write the same key while
// they are apart, and one of the two writes is listed as the loser afterwards.
func TestDemoCutsAndHeals(t *testing.T) {
	l := startLab(t)
	a, c := l.nodes[0], l.nodes[2]
	l.does("cut", "gamma")
	a.put("x", "1")
	c.put("x", "2")
	if a.shows("x", "2") || c.shows("x", "1") {
		t.Fatal("gamma is not cut off")
	}
	if s := l.kvs(a, "sync", "status"); s.code != exitNotConverged {
		t.Errorf("sync status: exit code %d, want %d:\n%s%s", s.code, exitNotConverged, s.stdout, s.stderr)
	}
	l.does("heal")
	l.tells("after the heal", 0)
	if s := l.kvs(a, "sync", "wait", "--timeout", "20s"); s.code != 0 {
		t.Errorf("sync wait: exit code %d: %s", s.code, s.stderr)
	}
	if !a.shows("x", "2") || !c.shows("x", "2") {
		t.Error("the newer write is not on both sides")
	}
	if s := l.kvs(a, "conflicts"); !strings.Contains(s.stdout, "from gamma") || !strings.Contains(s.stdout, "from alpha") {
		t.Errorf("conflicts:\n%s%s", s.stdout, s.stderr)
	}
	endDemo(t, l.p, l.dir, syscall.SIGINT)
}

// TestDemoKillsAndRestarts kills a node, which the others notice by its silence, and
// starts it again: it catches up with what was written meanwhile.
func TestDemoKillsAndRestarts(t *testing.T) {
	l := startLab(t)
	a, b := l.nodes[0], l.nodes[1]
	l.does("kill", "beta")
	eventually(t, 10*time.Second, "the others miss beta", func() bool {
		s := l.kvs(a, "members")
		return strings.Contains(s.stdout, "suspect") || strings.Contains(s.stdout, "failed")
	})
	a.put("while/away", `"written"`)
	l.does("restart", "beta")
	l.tells("after the start of beta", 0)
	if !b.shows("while/away", `"written"`) {
		t.Error("beta has not caught up")
	}
	l.does("conflict")
	l.tells("after they met again", 0)
	silent := a.root()
	l.does("writers", "on")
	eventually(t, 10*time.Second, "sensors write", func() bool { return a.root() != silent })
	l.does("writers", "off")
	l.does("skew", "gamma", "10s")
	l.tells("gamma's clock is 10s ahead", 0)
	endDemo(t, l.p, l.dir, syscall.SIGTERM)
}

// TestDemoRefusesWhatItCannot asks for what makes no sense.
func TestDemoRefusesWhatItCannot(t *testing.T) {
	l := startLab(t)
	port := strconv.Itoa(l.nodes[0].port)
	for _, c := range []struct {
		code int
		text string
		args []string
	}{
		{1, "alpha or beta or gamma", []string{"cut", "nobody", "--port", port}},
		{1, "nobody is cut off", []string{"heal", "--port", port}},
		{1, "up to 24h", []string{"skew", "beta", "900h", "--port", port}},
		{2, "BY must be a time", []string{"skew", "beta", "late", "--port", port}},
		{2, "on or off", []string{"writers", "perhaps", "--port", port}},
		{exitUnreachable, "no demo runs", []string{"heal", "--port", "1"}},
		{1, "in use", []string{"--port", port}},
		{2, "--loss", []string{"--loss", "100%"}},
		{2, "--latency", []string{"--latency", "-1s"}},
	} {
		s := l.kvs(l.nodes[0], append([]string{"demo"}, c.args...)...)
		if s.code != c.code || !strings.Contains(s.stderr, c.text) {
			t.Errorf("kvs demo %v: exit code %d, want %d and %q: %s", c.args, s.code, c.code, c.text, s.stderr)
		}
	}
	endDemo(t, l.p, l.dir, syscall.SIGINT)
}

// TestLabOverHTTP does by requests what other terminals do by commands: only a demo's nodes
// take them, of administrators alone, and each error says what to do instead.
func TestLabOverHTTP(t *testing.T) {
	l := startLab(t)
	a := l.nodes[0]
	do := func(ask string) answer { return a.as(a.token, "POST", "/lab", ask) }
	look := func() string { return string(a.as(a.token, "GET", "/lab", "").body) }
	if s := do(`{"verb":"cut","node":"gamma"}`); s.status != 204 || !strings.Contains(look(), `"state":"cut off"`) {
		t.Fatal(s, look())
	}
	for ask, says := range map[string]string{
		`{"verb":"cut","node":"gamma"}`:  "kvs demo heal gamma",
		`{"verb":"cut","node":"nobody"}`: "alpha or beta or gamma",
		`{"verb":"fly"}`:                 "does not know how to",
		`cut gamma`:                      "must be such as",
	} {
		if s := do(ask); s.status != 400 || !strings.Contains(string(s.body), says) {
			t.Errorf("%s: %v", ask, s)
		}
	}
	if s := do(`{"verb":"heal"}`); s.status != 204 {
		t.Error(s)
	}
	eventually(t, 20*time.Second, "it tells that all are equal", func() bool {
		return strings.Contains(look(), "after the heal") && strings.Contains(look(), `"equal":true`)
	})
	if s, err := requestAs("", "GET", a.url("/lab"), nil); err != nil || s.status != 401 {
		t.Error("without a token", s, err)
	}
	endDemo(t, l.p, l.dir, syscall.SIGINT)
	n := newNode(t, "alpha", "")
	n.start()
	if s, err := n.ask("GET", "/lab", nil); err != nil || s.status != 404 {
		t.Error("a node that is no demo's", s, err)
	}
	n.stop()
}

// TestDemoKeepsItsData goes on with what an earlier demo has left, over slow and lossy
// links.
func TestDemoKeepsItsData(t *testing.T) {
	dir, keep := t.TempDir(), t.TempDir()
	port := freePorts(t, 3)
	run := func(more ...string) (*process, *node) {
		p := launch(t, "demo", dir, append([]string{"demo", "--port", strconv.Itoa(port), "--keep", keep}, more...)...)
		eventually(t, 20*time.Second, "the demo is ready", func() bool { return p.stdout.has("Ctrl-C ends the demo") })
		n := &node{process: p, t: t, name: "alpha", dir: dir, port: port}
		n.token = n.tokenIn(keep + "/alpha")
		return p, n
	}
	p, n := run()
	n.put("kept", `"yes"`)
	p.end(syscall.SIGINT, stopsWithin)
	p, n = run("--latency", "20ms", "--loss", "5%")
	if !n.shows("kept", `"yes"`) {
		t.Error("the second demo has lost what the first was told")
	}
	p.end(syscall.SIGINT, stopsWithin)
}
