package e2e

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestExportImport: what one node exports another imports, byte for byte as JSON goes,
// with what is left of its time; and dumps of Consul and etcd come in.
func TestExportImport(t *testing.T) {
	a, b := start(t, "a"), start(t, "b", "rate_limiting_enabled: true", "rate_limit_requests: 3", `rate_limit_window: "1s"`)
	for i := range 1500 {
		a.put(fmt.Sprintf("x/%04d", i), fmt.Sprintf(`{"n": %d, "t": "<&>"}`, i))
	}
	a.wants(0, "", "put", "x/short", "1", "--ttl", "1h")
	file := filepath.Join(t.TempDir(), "x.jsonl")
	dump := a.kvs("export", "x/")
	if dump.code != 0 || strings.Count(dump.stdout, "\n") != 1501 {
		t.Fatalf("%d lines: %s", strings.Count(dump.stdout, "\n"), dump.stderr)
	}
	b.must(os.WriteFile(file, []byte(dump.stdout), 0o600))
	b.put("x/0007", `"here before"`)
	b.wants(0, "1501 keys would be stored", "import", file, "--dry-run")
	// Each takes more requests than the node lets one client make at once: it waits.
	b.wants(0, "1500 keys stored, 1 were there", "import", file, "--skip-existing")
	b.wants(0, "1501 keys stored", "import", file)
	b.configure(settings("b", b.port))
	b.stop()
	b.start()
	b.wants(0, `{"n":7,"t":"`, "get", "x/0007")
	b.wants(0, "expires_at", "get", "x/short", "--meta")
	b.wants(0, "1501 keys", "ls", "x/", "--count")

	in64 := base64.StdEncoding.EncodeToString
	for from, text := range map[string]string{
		"consul": `[{"key":"c/text","value":"` + in64([]byte("hello")) + `"},{"key":"c/","value":""},{"key":"c/json","value":"` + in64([]byte("[1]")) + `"}]`,
		"etcd":   `{"kvs":[{"key":"` + in64([]byte("/c/text")) + `","value":"` + in64([]byte("hello")) + `"},{"key":"` + in64([]byte("/c/json")) + `","value":"` + in64([]byte("[1]")) + `"}]}`,
	} {
		b.must(os.WriteFile(file, []byte(text), 0o600))
		b.wants(0, "2 keys stored", "import", file, "--from", from)
		b.wants(0, `"hello"`, "get", "c/text")
		b.wants(0, `[1]`, "get", "c/json")
		b.wants(0, "2 of 2 keys deleted", "del", "c/", "-r", "--yes")
	}
	for _, bad := range []string{"x", `{"key":"k"}`, `{"data":1}`, `{"key":"k","data":1}` + "\nx"} {
		b.must(os.WriteFile(file, []byte(bad), 0o600))
		b.wants(2, "line", "import", file)
	}
	b.must(os.WriteFile(file, []byte(`{"key":"a//b","data":1}`+"\n"+`{"key":"good","data":1}`), 0o600))
	b.wants(1, "a//b", "import", file)
	b.wants(0, "1", "get", "good")

	b.wants(0, "", "cp", "good", "copy")
	b.wants(exitConflict, "", "cp", "good", "copy")
	b.wants(0, "", "mv", "good", "copy", "--force")
	b.wants(exitNotFound, "", "get", "good")
}

// TestWatchCommand: changes are printed as they happen, also through a restart of the
// node, or handed to a command.
func TestWatchCommand(t *testing.T) {
	n := start(t, "a")
	n.put("w/a", "1")
	n.wants(0, "put    ", "watch", "w/", "--snapshot", "--count", "1")
	done := make(chan said, 1)
	go func() { done <- n.kvs("watch", "w/", "--count", "3", "-o", "json", "--snapshot") }()
	n.put("other", "1")
	n.wants(0, "", "del", "w/a")
	n.stop()
	n.start()
	var s said
	eventually(t, 30*time.Second, "three changes are told", func() bool {
		n.put("w/b", "[2]")
		select {
		case s = <-done:
			return true
		default:
			return false
		}
	})
	if s.code != 0 || strings.Count(s.stdout, "\n") != 3 || strings.Contains(s.stdout, "other") {
		t.Errorf("%+v", s)
	}
	n.wants(0, "w/b is [2]", "watch", "w/b", "--snapshot", "--count", "1", "--", "sh", "-c", `echo "$KVS_WATCH_KEY is $(cat)"`)
	n.wants(1, "exit status 3", "watch", "w/b", "--snapshot", "--", "sh", "-c", "exit 3")
}

// TestHistoryCommands: history, revert and rewind against a real node.
func TestHistoryCommands(t *testing.T) {
	n := start(t, "a")
	n.put("h/k", "1")
	n.put("h/k", "2")
	first := strings.Fields(strings.Split(strings.TrimSpace(n.kvs("history", "h/k").stdout), "\n")[2])[0]
	n.wants(0, "h/k", "revert", "h/k", first)
	n.wants(0, "1", "get", "h/k")
	n.wants(0, "0 keys would be restored, 1 deleted", "rewind", "h/", "--to", "1h", "--dry-run")
	n.wants(0, "0 keys restored, 1 deleted", "rewind", "h/", "--to", "1h", "--yes")
	n.wants(exitNotFound, "", "get", "h/k")
	n.wants(0, "(deleted)", "history", "h/k")
	n.wants(exitNotFound, "", "history", "never")
	n.wants(0, "KEY", "conflicts")
}
