package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kvs/internal/config"
)

const (
	nodeWell = `{"node_id":"a","version":"1","uptime_ms":61000,"status":"ok","mode":"normal","ready":true,"reasons":[],` +
		`"probes":[{"name":"store","ok":true},{"name":"disk","ok":true}],"members":[` +
		`{"id":"a","address":"127.0.0.1:8080","self":true,"state":"alive","connected":true,"converged":true},` +
		`{"id":"b","address":"10.0.0.2:8080","state":"alive","connected":true,"converged":true,"rtt_ms":3}],` +
		`"sync":{"converged":true,"root":"9f3c17a2ff","keys":3,"tombstones":1},"storage":{"data_dir":"d","lsm_bytes":2048},` +
		`"disk":{"free_bytes":1073741824,"total_bytes":2147483648},"audit":{"entries":5,"ok":true},"settings":{"port":"8081"}}`
	nodeScrape = "# TYPE kvs_writes_total counter\nkvs_writes_total{origin=\"local\"} 2\nkvs_writes_total{origin=\"remote\"} 3\n" +
		"kvs_http_requests_total{class=\"2xx\"} 1e+01\n"
)

func nodeIs(status string, ready bool) string {
	s := strings.Replace(nodeWell, `"status":"ok"`, `"status":"`+status+`"`, 1)
	s = strings.Replace(s, `"reasons":[]`, `"reasons":["b has failed|x"]`, 1)
	if !ready {
		s = strings.Replace(s, `"ready":true`, `"ready":false`, 1)
		s = strings.Replace(s, `{"name":"disk","ok":true}`, `{"name":"disk","ok":false,"why":"full"}`, 1)
	}
	return s
}

// Goal: what status and check print of a node, and their exit codes.
func TestStatusAndCheck(t *testing.T) {
	away := []reply{{err: errors.New("refused")}}
	for _, c := range []struct {
		line   string
		answer []reply
		code   int
		want   []string
	}{
		{"status", ok(nodeWell), 0, []string{"a  ok, normal", "3 keys, 1 deletes", "2.0 KiB in d, 1.0 GiB of 2.0 GiB free",
			"5 entries, ok", "port: 8081", "b       10.0.0.2:8080   ok     ok", "3 ms"}},
		{"status -o json", ok(nodeWell), 0, []string{`"uptime_ms":61000`}},
		{"status", ok(nodeIs("degraded", true)), 8, []string{"look at  b has failed"}},
		{"status", ok(nodeIs("ok", false)), 8, []string{"look at  disk: full"}},
		{"status", away, 6, nil},
		{"check", ok(nodeWell), 0, []string{"store    ok", "disk     ok"}},
		{"check", ok(nodeIs("degraded", false)), 8, []string{"disk     full"}},
		{"check --format json", ok(nodeWell), 0, []string{`"ok":true`, `"troubles":[]`}},
		{"check --format json", ok(nodeIs("degraded", true)), 8, []string{`"ok":false`, "b has failed"}},
		{"check --format nagios", ok(nodeWell), 0, []string{"KVS OK - a normal | keys=3 tombstones=1 members=2 disk_free=1073741824B\n"}},
		{"check --format nagios", ok(nodeIs("degraded", true)), 1, []string{"KVS WARNING - a normal: b has failed/x | keys=3"}},
		{"check --format nagios", ok(nodeIs("degraded", false)), 2, []string{"KVS CRITICAL - a normal: disk: full; b has"}},
		{"check --format nagios", away, 2, []string{"KVS CRITICAL - "}},
		{"check", away, 6, nil},
		{"check --format xml", ok(nodeWell), 2, nil},
	} {
		f := &fakeNode{answers: map[string][]reply{"GET /status": c.answer}}
		out, err := f.run(strings.Fields(c.line)...)
		code := 0
		if err != nil {
			code = exitCode(err)
		}
		if code != c.code {
			t.Errorf("kvs %s: exit %d, want %d: %v", c.line, code, c.code, err)
		}
		for _, text := range c.want {
			if !strings.Contains(out, text) {
				t.Errorf("kvs %s: no %q in\n%s", c.line, text, out)
			}
		}
	}
}

// Goal: top asks every member at its own address, and shows rates from the second table
// on. Method: the fake node answers for both; its counters stand still.
func TestTopShowsAllMembers(t *testing.T) {
	f := &fakeNode{answers: map[string][]reply{"GET /status": ok(nodeWell), "GET /metrics": ok(nodeScrape)}}
	out, err := f.run("top", "--count", "2")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 6 || !strings.HasPrefix(lines[0], "NODE") {
		t.Fatalf("%d lines:\n%s", len(lines), out)
	}
	for i, want := range map[int]string{
		1: "a normal 3 9f3c17a2 - - - ok 1.0 GiB", 5: "b normal 3 9f3c17a2 0 0 0.0 ms ok 1.0 GiB",
	} {
		got := strings.Join(strings.Fields(strings.Replace(lines[i], " ok ", " ", 1)), " ")
		if !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	asked := strings.Join(f.asked, "\n")
	for _, want := range []string{"127.0.0.1:8080 GET /metrics", "10.0.0.2:8080 GET /status"} {
		if !strings.Contains(asked, want) {
			t.Errorf("not asked: %s in\n%s", want, asked)
		}
	}
	if got := sum([]byte(nodeScrape), "kvs_writes_total"); got != 5 {
		t.Errorf("sum %v", got)
	}
}

// Goal: log_file is appended to, is nobody else's to read, is made anew where it was moved
// away, and a file that cannot be opened names the setting.
func TestLogFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	for range 2 {
		to := &logSink{terminal: io.Discard}
		adopt, _, err := to.open(path)
		if err != nil {
			t.Fatal(err)
		}
		adopt()
		newLogger(to, config.Config{LogLevel: "warn", LogFormat: "auto"}).Warn("line")
		newLogger(to, config.Config{LogLevel: "warn", LogFormat: "auto"}).Log(t.Context(), slog.LevelInfo, "quiet")
		if err := to.Close(); err != nil {
			t.Error(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || strings.Count(string(text), `"msg":"line"`) != 2 || strings.Contains(string(text), "quiet") {
		t.Errorf("%v %s", err, text)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	var terminal bytes.Buffer
	to := &logSink{terminal: &terminal}
	if _, _, err := to.open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "log_file") {
		t.Error(err)
	}
	r := &rereading{log: to}
	for _, file := range []string{path, path, ""} {
		adopt, _, err := r.OpenLog(config.Config{LogFile: file})
		if err != nil {
			t.Fatal(err)
		}
		_ = os.Rename(path, path+".1") // the first time, there is one
		adopt()
		fmt.Fprintln(to, "to", file)
	}
	if r.last.Load().LogFile != "" || terminal.String() != "to \n" {
		t.Errorf("%q on the terminal", terminal.String())
	}
}
