package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ownContexts gives a test a file of contexts of its own.
func ownContexts(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "some", "contexts.json")
	t.Setenv("KVS_CONTEXT_FILE", path)
	return path
}

// witness is a node that answers every request alike, and notes where and with which
// token it was asked.
type witness struct {
	fakeNode
	tokens []string
}

// RoundTrip implements http.RoundTripper.
func (w *witness) RoundTrip(req *http.Request) (*http.Response, error) {
	w.tokens = append(w.tokens, req.URL.Host+" "+req.Header.Get("Authorization"))
	return w.fakeNode.RoundTrip(req)
}

// Goal: which node is asked, and with which token: for all combinations of flags,
// variables and contexts; and no token of a context is shown to another node.
func TestWhichNodeIsAsked(t *testing.T) {
	ownContexts(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	if err := os.WriteFile(file, []byte("from-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &fakeNode{answers: map[string][]reply{"GET /auth/whoami": ok(`{"scopes":["admin"],"expires_at":1}`)}}
	for _, line := range []string{
		"context add filed --addr http://filed:1 --token-file " + file, "context add bare --addr bare:2",
	} {
		if _, err := f.run(strings.Fields(line)...); err != nil {
			t.Fatal(err)
		}
	}
	cmd := rootCommand(f)
	cmd.SetIn(strings.NewReader("kept-token\n"))
	cmd.SetOut(new(strings.Builder))
	cmd.SetArgs([]string{"login", "kept", "--addr", "http://kept:3"})
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ env, line, want string }{
		{"", "", "filed:1 Bearer from-file"}, // the first one is in use
		{"", "--context kept", "kept:3 Bearer kept-token"},
		{"", "--context bare", "bare:2 "},
		{"KVS_CONTEXT=kept", "", "kept:3 Bearer kept-token"},
		{"KVS_CONTEXT=kept", "--context bare", "bare:2 "},
		{"KVS_CONTEXT=kept", "--addr other:9", "other:9 "},
		{"", "--addr other:9", "other:9 "},
		{"", "--addr other:9 --token-file " + file, "other:9 Bearer from-file"},
		{"", "--context kept --token-file " + file, "kept:3 Bearer from-file"},
		{"KVS_ADDR=env:4", "", "env:4 "},
		{"KVS_ADDR=env:4", "--context kept", "kept:3 Bearer kept-token"},
		{"KVS_TOKEN_FILE=" + file, "--context bare", "bare:2 Bearer from-file"},
		{"KVS_TOKEN_FILE=" + file, "--context kept", "kept:3 Bearer kept-token"},
	} {
		t.Run(c.env+" "+c.line, func(t *testing.T) {
			if name, value, ok := strings.Cut(c.env, "="); ok {
				t.Setenv(name, value)
			}
			w := &witness{}
			cmd := rootCommand(w)
			cmd.SetArgs(append([]string{"get", "k"}, strings.Fields(c.line)...))
			_ = cmd.Execute() // it answers 404
			if len(w.tokens) != 1 || w.tokens[0] != c.want {
				t.Errorf("asked %q, want %q", w.tokens, c.want)
			}
		})
	}
}

// Goal: the commands about contexts, and what they refuse.
func TestContextCommands(t *testing.T) {
	path := ownContexts(t)
	f := &fakeNode{}
	for _, c := range []struct {
		line string
		code int
		want string
	}{
		{"context ls", 0, "NAME"},
		{"context url", 0, "http://127.0.0.1:8080\n"},
		{"context header", 0, "\n"},
		{"context use a", exitNotFound, `there is no context "a"`},
		{"context add -x", exitUsage, "Try: "},
		{"context add a/b", exitUsage, "Try: prod"},
		{"context add a --addr ftp://a", exitUsage, "--addr"},
		{"context add a --token-file nothing-there", exitUsage, "--token-file"},
		{"context add a --addr 10.0.0.1:8080", 0, "added: a"},
		{"context add a --addr 10.0.0.1:8080", exitConflict, "--replace"},
		{"context add a --addr 10.0.0.9:8080 --replace", 0, "added: a"},
		{"context add b --addr https://b:8080", 0, "added: b"},
		{"context ls", 0, "a     http://10.0.0.9:8080  -      -             *"},
		{"context url", 0, "http://10.0.0.9:8080\n"},
		{"context use b", 0, "in use: b"},
		{"context url", 0, "https://b:8080\n"},
		{"context url --context a", 0, "http://10.0.0.9:8080\n"},
		{"get k --context a --addr x:1", exitUsage, "exclude each other"},
		{"get k --context c", exitNotFound, "Try: kvs context ls"},
		{"context rm c", exitNotFound, "Try: kvs context ls"},
		{"login", exitOther, "kvs version"}, // the answer of a fake node is no node's
		{"login c", exitUsage, "kvs login c --addr"},
		{"context rm b", 0, "removed: b"},
		{"login", exitUsage, "kvs login NAME"},
		{"context url", 0, "http://127.0.0.1:8080\n"},
	} {
		out, err := f.run(strings.Fields(c.line)...)
		if err != nil {
			out += err.Error()
		}
		if code := codeOrZero(err); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("kvs %s: exit code %d, %s", c.line, code, out)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := f.run("context", "ls"); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file that others may read: %v", err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	_ = os.Chmod(path, 0o600) // WriteFile keeps the mode
	if _, err := f.run("context", "ls"); err == nil || !strings.Contains(err.Error(), "is not a file of contexts") {
		t.Errorf("a file that is none: %v", err)
	}
}

// Goal: --node turns to the member of that name.
func TestNodeFlag(t *testing.T) {
	ownContexts(t)
	f := &fakeNode{answers: map[string][]reply{
		"GET /members/":  ok(`[{"id":"a","address":"10.0.0.1:8080"},{"id":"c","replica":"0c","address":"10.0.0.3:8080"}]`),
		"GET /kv/k?raw=": ok("1"), "GET /kv/k?raw": ok("1"),
	}}
	if out, err := f.run("get", "k", "--node", "c"); err != nil || out != "1" || f.asked[1] != "10.0.0.3:8080 GET /kv/k?raw" {
		t.Errorf("%q %v, asked %q", out, err, f.asked)
	}
	if _, err := f.run("get", "k", "--node", "d"); codeOrZero(err) != exitNotFound {
		t.Errorf("%v", err)
	}
}

// Goal: a demo's context is there while it runs, changes no other, and is not in use.
func TestOfferedContext(t *testing.T) {
	ownContexts(t)
	f := &fakeNode{}
	if _, err := f.run("context", "add", "mine"); err != nil {
		t.Fatal(err)
	}
	first, kept := offerContext("demo", nodeContext{Addr: "http://127.0.0.1:1"})
	second, again := offerContext("demo", nodeContext{Addr: "http://127.0.0.1:2"})
	if !kept || !again {
		t.Fatal("not kept")
	}
	first()
	known, err := openContexts()
	if err != nil || known.Named["demo"].Addr != "http://127.0.0.1:2" || known.Current != "mine" {
		t.Errorf("%v %+v", err, known)
	}
	second()
	if known, err = openContexts(); err != nil || len(known.Named) != 1 {
		t.Errorf("%v %+v", err, known)
	}
}
