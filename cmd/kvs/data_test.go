package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// stored is the answer to a write.
const stored = `{"uuid":"u-1","timestamp":1}`

// commandCase is a command, what the node answers to what it asks, what it sends and
// prints, and its exit code.
type commandCase struct {
	line    []string
	answers map[string]string
	sends   []string
	prints  string
	code    int
}

func checkCommands(t *testing.T, cases []commandCase) {
	t.Helper()
	for _, c := range cases {
		f := &fakeNode{answers: map[string][]reply{}}
		for call, answer := range c.answers {
			f.answers[call] = ok(answer)
		}
		out, err := f.run(c.line...)
		if codeOrZero(err) != c.code || len(f.asked) != len(c.answers) || !strings.Contains(out, c.prints) {
			t.Errorf("%q: exit code %d (%v), asked %q, printed %q", c.line, codeOrZero(err), err, f.asked, out)
		}
		if c.sends != nil && !slices.Equal(f.bodies, c.sends) {
			t.Errorf("%q sends %q", c.line, f.bodies)
		}
	}
}

// Goal: what the commands for data ask of the node, send and print, and their exit
// codes.
func TestCommandsOfData(t *testing.T) {
	file := filepath.Join(t.TempDir(), "v.json")
	if err := os.WriteFile(file, []byte("[1,\n2]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	checkCommands(t, []commandCase{
		{[]string{"get", "a/b c"}, map[string]string{"GET /kv/a/b%20c?raw": "[1]"}, nil, "[1]", 0},
		{[]string{"get", "/a", "--meta"}, map[string]string{"GET /kv/a": stored}, nil, stored + "\n", 0},
		{[]string{"get", "a", "-o", "json"}, map[string]string{"GET /kv/a": stored}, nil, stored + "\n", 0},
		{[]string{"put", "a", "1"}, map[string]string{"PUT /kv/a?raw=true": stored}, []string{"1"}, "a  u-1\n", 0},
		{[]string{"put", "a", "x y", "--string", "--ttl", "1h"}, map[string]string{"PUT /kv/a?raw=true&ttl=1h": stored}, []string{`"x y"`}, "u-1", 0},
		{[]string{"put", "a", "@" + file, "--create"}, map[string]string{"PUT /kv/a?raw=true": stored}, []string{"[1,\n2]"}, "u-1", 0},
		{[]string{"put", "a", "-", "--if-match", "u-0"}, map[string]string{"PUT /kv/a?raw=true": stored}, []string{"y"}, "u-1", 0},
		{[]string{"put", "a", "@gone"}, nil, nil, "", exitUsage},
		{[]string{"put", "a"}, nil, nil, "", exitUsage},
		{[]string{"put", "a", "1", "--create", "--if-match", "u"}, nil, nil, "", exitUsage},
		{[]string{"del", "a"}, map[string]string{"DELETE /kv/a": ""}, []string{""}, "", 0},
	})
}

// Goal: a condition goes as the header that the API knows.
func TestConditionHeaders(t *testing.T) {
	for want, c := range map[string]condition{
		"":                {},
		"If-None-Match *": {create: true},
		`If-Match "u"`:    {match: "u"},
	} {
		if got := strings.Join(c.headers(), " "); got != want {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
}

// Goal: what is no terminal gets the bytes that were stored; people get long values over
// several lines, and all that is no JSON as it is.
func TestValuesArePrintedAsTheyAreStored(t *testing.T) {
	ownContexts(t)
	long := `{"a": [1,2.50],"text":"` + strings.Repeat("x", lineMax) + `"}`
	for value, read := range map[string]string{
		`{"b":1,"a":[1, 2]}`:           `{"b":1,"a":[1, 2]}` + "\n",
		long:                           "{\n  \"a\": [\n    1,\n    2.50\n  ],\n  \"text\": \"" + strings.Repeat("x", lineMax) + "\"\n}\n",
		strings.Repeat("x y", lineMax): strings.Repeat("x y", lineMax) + "\n",
	} {
		f := &fakeNode{answers: map[string][]reply{"GET /kv/k?raw": append(ok(value), ok(value)...)}}
		for _, line := range []string{"get k", "get k -o raw"} {
			if out, err := f.run(strings.Fields(line)...); err != nil || out != value {
				t.Errorf("kvs %s: %v %q", line, err, out)
			}
		}
		if got := string(forReading([]byte(value))); got != read {
			t.Errorf("for reading %q, want %q", got, read)
		}
	}
}
