package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kvs/internal/audit"
)

// auditLog writes a log of five entries, ends it as told, and returns its checkpoint as others keep it.
func auditLog(t *testing.T, dir string, end func(*audit.Log) error) audit.Anchor {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public := key.Public().(ed25519.PublicKey)
	id := audit.LogID(public)
	l, err := audit.Open(audit.Options{
		Dir: dir, Replica: id, Kid: base64.RawURLEncoding.EncodeToString(id[:]),
		Sign: func(m []byte) []byte { return ed25519.Sign(key, m) },
		Now:  func() audit.Millis { return 5 },
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(5) {
		e := audit.Entry{Number: n + 1, Time: 7, Actor: "admin", Action: "kv.put", Key: "k", Result: "ok"}
		if err := l.Append([]audit.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	if err := end(l); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString(public) + "\n"
	if err := os.WriteFile(filepath.Join(dir, audit.PublicKeyFile), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return audit.Anchor{Checkpoint: l.Latest(), Key: public, Node: "a"}
}

// Goal: what kvs audit verify says of a log, alone and with a node's checkpoint.
func TestAuditVerify(t *testing.T) {
	dir := t.TempDir()
	anchor, err := json.Marshal(auditLog(t, dir, (*audit.Log).Checkpoint))
	if err != nil {
		t.Fatal(err)
	}
	const call = "GET /audit/checkpoints"
	keeps := &fakeNode{answers: map[string][]reply{call: ok(`{"checkpoints":[` + string(anchor) + `]}`)}}
	empty := &fakeNode{answers: map[string][]reply{call: ok(`{"checkpoints":[{"key":"x"}]}`)}}
	verify := func(f *fakeNode, code int, part string, flags ...string) {
		t.Helper()
		out, err := f.run(append([]string{"audit", "verify", dir}, flags...)...)
		if err != nil {
			out += err.Error()
		}
		if codeOrZero(err) != code || !strings.Contains(out, part) {
			t.Errorf("verify %v: exit code %d, want %d and %q: %s", flags, codeOrZero(err), code, part, out)
		}
	}
	verify(empty, 0, "entries 1 to 5 verify")
	verify(empty, 0, `"Last":5`, "-o", "json")
	if len(empty.asked) > 0 {
		t.Errorf("asked without --addr: %q", empty.asked)
	}
	verify(keeps, 0, "signed up to 5", "--addr", "h:1")
	verify(empty, exitWrong, "keeps no checkpoint", "--addr", "h:1")
	path := filepath.Join(dir, "audit-00000000000000000001.log")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	replace := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	replace(string(text[:strings.Index(string(text), `{"n":4,`)]))
	verify(empty, 0, "entries 1 to 3 verify")
	verify(keeps, exitWrong, "between entries 4 and 5", "--addr", "h:1")
	replace(strings.Replace(string(text), `"admin"`, `"nobody"`, 1))
	verify(empty, exitWrong, "at entry 1")
	replace(string(text))
	if err := os.Mkdir(filepath.Join(dir, "broken-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	verify(keeps, exitWrong, "set aside", "--addr", "h:1")
	dir = t.TempDir()
	verify(keeps, exitNotFound, "no audit log")

	auditLog(t, dir, func(*audit.Log) error { return nil }) // seconds old
	verify(empty, 0, "entries 1 to 5 verify")
	verify(empty, exitNotConverged, "no checkpoint yet: entries 1 to 5 are consistent", "--addr", "h:1")
	path = filepath.Join(dir, "audit-00000000000000000001.log")
	if text, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	replace(strings.Replace(string(text), `"admin"`, `"nobody"`, 1))
	verify(empty, exitWrong, "at entry 1", "--addr", "h:1")
}

// Goal: the pages that tail and export ask for, and what they print.
func TestAuditTailAndExport(t *testing.T) {
	const line = `{"n":12,"t":7,"actor":"admin","action":"kv.put","key":"k","result":"ok","prev":"00"}`
	f := &fakeNode{answers: map[string][]reply{
		"GET /audit?since=0&limit=1":     ok(`{"entries":[{"n":1}],"next":1,"last":12}`),
		"GET /audit?since=2&limit=1000":  ok(`{"entries":[` + line + `],"next":12,"last":12}`),
		"GET /audit?since=12&limit=1000": ok(`{"entries":[],"next":12,"last":12}`),
	}}
	for command, want := range map[string]string{
		"audit tail":             "12  1970-01-01T00:00:00Z  admin  kv.put  \"k\"  ok  \n",
		"audit tail -o json":     line + "\n",
		"audit export --since 2": line + "\n",
	} {
		if out, err := f.run(strings.Fields(command)...); err != nil || out != want {
			t.Errorf("%s: %q, %v; want %q", command, out, err, want)
		}
	}
}
