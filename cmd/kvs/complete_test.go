package main

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// completions are what a shell is offered behind the last word.
func completions(t *testing.T, via http.RoundTripper, line ...string) []string {
	t.Helper()
	var out strings.Builder
	cmd := rootCommand(via)
	cmd.SetOut(&out)
	cmd.SetErr(new(strings.Builder))
	cmd.SetArgs(append([]string{"__complete"}, line...))
	if err := cmd.Execute(); err != nil {
		t.Fatal(err)
	}
	var words []string
	for word := range strings.Lines(out.String()) {
		if word = strings.TrimSuffix(word, "\n"); strings.HasPrefix(word, ":") {
			break
		} else if word != "" {
			word, _, _ = strings.Cut(word, "\t")
			words = append(words, word)
		}
	}
	return words
}

// Goal: each kind of place is completed by what a node, a file or a table says.
func TestCompletion(t *testing.T) {
	ownContexts(t)
	f := &fakeNode{answers: map[string][]reply{
		"GET /kv/?depth=1&keys_only=true&limit=1000&list=true":       ok(`{"items":[{"key":"rooms/"},{"key":"users/"},{"key":"uptime"}]}`),
		"GET /kv/users/?depth=1&keys_only=true&limit=1000&list=true": ok(`{"items":[{"key":"users/john"},{"key":"users/jane/"}]}`),
		"GET /members/":             ok(`[{"id":"alpha","address":"a:1"},{"id":"beta","address":"b:1"}]`),
		"GET /auth/users":           ok(`{"users":[{"uuid":"u1","nickname":"john"}]}`),
		"GET /auth/groups":          ok(`{"groups":[{"uuid":"g1","name":"ops"}]}`),
		"GET /admin/backups":        ok(`{"backups":[{"id":"20260101T000000.000Z-0a0b0c0d"}]}`),
		"GET /kv/k?revisions=20":    ok(`{"revisions":[{"uuid":"ffffffff-1"},{"uuid":"ffffffff-2"}]}`),
		"GET /kv/other?revisions=2": ok(`{}`),
	}}
	if _, err := f.run("context", "add", "prod", "--addr", "http://127.0.0.1:8080"); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"get u":               "users/ uptime",
		"get users/j":         "users/john users/jane/",
		"get /users/jo":       "/users/john",
		"get k k":             "",
		"get k --node b":      "beta",
		"get k --context p":   "prod",
		"context use ":        "prod",
		"cluster forget ":     "alpha beta",
		"sync diff a":         "alpha",
		"user rm j":           "john",
		"group rm ":           "ops",
		"revert k ffff":       "ffffffff-1 ffffffff-2",
		"diff k ffffffff-1 f": "ffffffff-1 ffffffff-2",
		"backup verify 2":     "20260101T000000.000Z-0a0b0c0d",
		"config explain log_": "log_level log_format log_file",
		"explain prec":        "precondition-failed",
		"mode r":              "read-only",
		"members -o j":        "table json jsonl yaml raw",
		"debug pprof h":       "heap",
		"rewind roo":          "rooms/",
	} {
		words := strings.Split(line, " ")
		if got := strings.Join(completions(t, f, words...), " "); got != want {
			t.Errorf("kvs %s: offered %q, want %q; asked %q", line, got, want, f.asked[max(0, len(f.asked)-1):])
		}
	}
}

// stuck is a node that does not answer.
type stuck struct{}

// RoundTrip implements http.RoundTripper.
func (stuck) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// Goal: a node that does not answer, or refuses, costs a quarter of a second at most and
// says nothing.
func TestCompletionIsSilent(t *testing.T) {
	ownContexts(t)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if got := completions(t, stuck{}, "get", "u"); got != nil || time.Since(began) > 250*time.Millisecond {
			t.Errorf("offered %q after %v", got, time.Since(began))
		}
		if got := completions(t, &fakeNode{}, "user", "rm", ""); got != nil {
			t.Errorf("offered %q", got)
		}
		if got := completions(t, &fakeNode{}, "get", "k", "--context", "nothing", ""); got != nil {
			t.Errorf("offered %q", got)
		}
	})
}

// Goal: the scripts for the shells are there.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if out, err := (&fakeNode{}).run("completion", shell); err != nil || !strings.Contains(out, "__complete") {
			t.Errorf("%s: %v, %d bytes", shell, err, len(out))
		}
	}
}
