package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// editor makes an editor of shell commands, each for one opening; $1 is the file.
func editor(t *testing.T, openings ...string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	script := "#!/bin/sh\nn=$(cat " + dir + "/n 2>/dev/null || echo 0)\necho $((n+1)) > " + dir + "/n\ncase $n in\n"
	for i, do := range openings {
		script += fmt.Sprintf("%d) %s;;\n", i, do)
	}
	path := filepath.Join(dir, "editor")
	if err := os.WriteFile(path, []byte(script+"esac\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("KVS_EDITOR", path)
}

const opened = `{"uuid":"v1","timestamp":1,"data":{"n":1.50,"name":"John"}}`

// Goal: what an editor leaves is stored, if it is JSON and another value, and only over
// the version that was opened.
func TestEdit(t *testing.T) {
	ownContexts(t)
	put := "PUT /kv/k?raw=true&ttl=0"
	for name, c := range map[string]struct {
		openings []string
		answer   reply
		code     int
		stored   string
		says     string
	}{
		"changed":       {[]string{`sed -i s/John/Jane/ "$1"`}, reply{status: 200, body: `{"uuid":"v2"}`}, 0, `{"n":1.50,"name":"Jane"}`, "k  v2\n"},
		"unchanged":     {[]string{`echo >> "$1"`}, reply{}, 0, "", ""},
		"no JSON":       {[]string{`echo '{"a":' > "$1"`, `true`}, reply{}, exitUsage, "", "line 2, character 0: unexpected end of JSON"},
		"no JSON first": {[]string{`echo '{"a":' > "$1"`, `echo '[1]' > "$1"`}, reply{status: 200, body: `{"uuid":"v2"}`}, 0, "[1]", "v2"},
		"conflict": {[]string{`echo 2 > "$1"`}, reply{status: 412, body: `{"code":"precondition-failed","detail":"another version"}`},
			exitConflict, "2", "your text is in "},
		"refused":        {[]string{`echo 2 > "$1"`}, reply{status: 403, body: `{"code":"read-only","detail":"read-only","try":"x"}`}, exitForbidden, "2", "the text is in "},
		"a bad editor":   {[]string{`exit 3`}, reply{}, exitOther, "", "exit status 3"},
		"emptied by it ": {[]string{`: > "$1"`, "true"}, reply{}, exitUsage, "", "nothing was stored"},
	} {
		t.Run(name, func(t *testing.T) {
			editor(t, c.openings...)
			f := &fakeNode{answers: map[string][]reply{"GET /kv/k": ok(opened), put: {c.answer}}}
			out, err := f.run("edit", "k")
			if err != nil {
				out += err.Error()
			}
			stored := strings.Join(f.bodies, "")
			if codeOrZero(err) != c.code || stored != c.stored || !strings.Contains(out, c.says) {
				t.Errorf("exit code %d, stored %q, %s", codeOrZero(err), stored, out)
			}
			left, _ := filepath.Glob(os.Getenv("TMPDIR") + "/kvs-*.json")
			if (len(left) == 0) != (c.code == 0) {
				t.Errorf("left behind: %v", left)
			}
		})
	}
	if _, err := (&fakeNode{answers: map[string][]reply{"GET /kv/k": {{status: 404, body: `{"code":"key-not-found","detail":"no"}`}}}}).run("edit", "k"); codeOrZero(err) != exitNotFound {
		t.Errorf("a key that is not there: %v", err)
	}
}

// Goal: an edited key expires when it would have.
func TestEditKeepsExpiry(t *testing.T) {
	ownContexts(t)
	editor(t, `echo 2 > "$1"`)
	end := time.Now().Add(time.Hour).UnixMilli()
	f := &fakeNode{answers: map[string][]reply{"GET /kv/k": ok(fmt.Sprintf(`{"uuid":"v1","expires_at":%d,"data":1}`, end))}}
	_, _ = f.run("edit", "k") // the fake node answers 404
	last := f.asked[len(f.asked)-1]
	if !strings.Contains(last, "ttl=59m59.") && !strings.Contains(last, "ttl=1h0m0s") {
		t.Errorf("asked %s", last)
	}
}

// Goal: two versions are compared by lines; the second is the one that stands.
func TestDiff(t *testing.T) {
	ownContexts(t)
	f := &fakeNode{answers: map[string][]reply{
		"GET /kv/k?rev=v1": ok(opened),
		"GET /kv/k":        ok(`{"uuid":"v2","timestamp":2,"data":{"n":1.50,"name":"Jane"}}`),
	}}
	want := "--- v1\n+++ v2\n {\n   \"n\": 1.50,\n-  \"name\": \"John\"\n+  \"name\": \"Jane\"\n }\n"
	if out, err := f.run("diff", "k", "v1"); err != nil || out != want {
		t.Errorf("%v\n%s", err, out)
	}
	if out, err := f.run("diff", "k", "v1", "v1"); err != nil || out != "" {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := f.run("diff", "k"); codeOrZero(err) != exitUsage {
		t.Errorf("%v", err)
	}
	if out, err := f.run("diff", "k", "v1", "-o", "json"); err != nil || !strings.Contains(out, `"a":{"uuid":"v1"`) {
		t.Errorf("%v\n%s", err, out)
	}
}
