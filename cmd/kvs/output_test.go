package main

import (
	"strings"
	"testing"
)

// Goal: one answer in every format. Method: lists, bare and in an object, and a value with
// all that JSON has.
func TestOutputFormats(t *testing.T) {
	ownContexts(t)
	f := &fakeNode{answers: map[string][]reply{
		"GET /members/":   ok(`[{"id":"a","address":"h:1","state":"alive"},{"id":"b","address":"h:2","state":"failed"}]`),
		"GET /auth/users": ok(`{"users":[{"uuid":"u1","nickname":"john","email":""},{"uuid":"u2","nickname":"true","email":"a: b"}]}`),
		"GET /kv/k":       ok(`{"uuid":"u","timestamp":1795348800123,"data":{"z":[1,2.50,1e3],"a":null,"t":"\ud83d\ude00 1","e":{},"l":[],"y":"yes"}}`),
	}}
	for _, c := range []struct{ line, want string }{
		{"get k -o json", `{"uuid":"u","timestamp":1795348800123,"data":{"z":[1,2.50,1e3],"a":null,"t":"\ud83d\ude00 1","e":{},"l":[],"y":"yes"}}` + "\n"},
		{"get k -o jsonl", `{"uuid":"u","timestamp":1795348800123,"data":{"z":[1,2.50,1e3],"a":null,"t":"\ud83d\ude00 1","e":{},"l":[],"y":"yes"}}` + "\n"},
		{"get k -o yaml", "---\nuuid: u\ntimestamp: 1795348800123\ndata:\n  z:\n    - 1\n    - 2.50\n    - 1e3\n  a: null\n  t: \"\\U0001F600 1\"\n" +
			"  e: {}\n  l: []\n  \"y\": \"yes\"\n"},
		{"user ls -o jsonl", `{"uuid":"u1","nickname":"john","email":""}` + "\n" + `{"uuid":"u2","nickname":"true","email":"a: b"}` + "\n"},
		{"user ls -o yaml", "---\nusers:\n  - uuid: u1\n    nickname: john\n    email: \"\"\n  - uuid: u2\n    nickname: \"true\"\n    email: 'a: b'\n"},
		{"user ls -o raw", "u1\tjohn\t\nu2\ttrue\ta: b\n"},
		{"user ls", "UUID  NICKNAME  EMAIL\nu1    john      \nu2    true      a: b\n"},
	} {
		out, err := f.run(strings.Fields(c.line)...)
		if err != nil || out != c.want {
			t.Errorf("kvs %s: %v, got\n%s\nwant\n%s", c.line, err, out, c.want)
		}
	}
	if out, err := f.run("members", "-o", "jsonl"); err != nil || strings.Count(out, "\n") != 2 || !strings.HasPrefix(out, `{"id":"a",`) {
		t.Errorf("%v %s", err, out)
	}
	if _, err := f.run("members", "-o", "xml"); codeOrZero(err) != exitUsage || !strings.Contains(err.Error(), "jsonl, yaml or raw") {
		t.Errorf("%v", err)
	}
}

// Goal: what is no JSON goes through, and nothing gets lost of it.
func TestOutputOfOthers(t *testing.T) {
	cmd := rootCommand(&fakeNode{})
	var out strings.Builder
	cmd.SetOut(&out)
	o := output{wanted: "yaml"}
	finish, err := o.begin(cmd)
	if err != nil {
		t.Fatal(err)
	}
	words := "{\"a\":1}\nplain words\n" + strings.Repeat("x", 10_000) + "\n"
	for chunk := range strings.SplitAfterSeq(words, "\n") {
		if _, err := cmd.OutOrStdout().Write([]byte(chunk)); err != nil {
			t.Fatal(err)
		}
	}
	finish()
	if want := "---\na: 1\n" + strings.TrimPrefix(words, "{\"a\":1}\n"); strings.ReplaceAll(out.String(), "\n\n", "\n") != want {
		t.Errorf("got %.200s", out.String())
	}
}
