package main

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Goal: flags of data commands become what the API asks for.
func TestDataFlags(t *testing.T) {
	ownContexts(t)
	f := &fakeNode{}
	for line, want := range map[string]string{
		"get k --rev u1":               "GET /kv/k?raw=true&rev=u1",
		"get k --read 2 -o json":       "GET /kv/k?read=2",
		"get k --meta":                 "GET /kv/k",
		"put k 1 --acks 2":             "PUT /kv/k?acks=2&raw=true&wait=2s",
		"put k 1 --acks all --wait 5s": "PUT /kv/k?acks=all&raw=true&wait=5s",
		"ls rooms/ --sort size":        "GET /kv/rooms/?limit=1000&list=true",
	} {
		f.asked = nil
		_, _ = f.run(strings.Fields(line)...) // it answers 404
		if len(f.asked) != 1 || !strings.HasSuffix(f.asked[0], " "+want) {
			t.Errorf("kvs %s: asked %q, want %s", line, f.asked, want)
		}
	}
	if _, err := f.run("ls", "--sort", "name"); codeOrZero(err) != exitUsage {
		t.Errorf("%v", err)
	}
}

// Goal: a write that is on fewer replicas than asked for prints its version, says how many
// have it, and has an exit code of its own.
func TestPutOnTooFewReplicas(t *testing.T) {
	ownContexts(t)
	f := &fakeNode{answers: map[string][]reply{"PUT /kv/k?acks=3&raw=true&wait=2s": {
		{status: 201, body: `{"uuid":"v1"}`}, {status: 202, body: `{"uuid":"v2"}`},
	}}}
	if out, err := f.run("put", "k", "1", "--acks", "3"); err != nil || out != "k  v1\n" {
		t.Errorf("%v %q", err, out)
	}
	if out, err := f.run("put", "k", "1", "--acks", "3"); codeOrZero(err) != exitUnreachable || out != "k  v2\n" {
		t.Errorf("%v %q", err, out)
	}
}

// Goal: the longest or the newest keys come first, and pages come as lines of their items.
func TestSortedListing(t *testing.T) {
	ownContexts(t)
	f := &fakeNode{answers: map[string][]reply{
		"GET /kv/?limit=1000&list=true": ok(`{"items":[{"key":"a","uuid":"u","timestamp":3,"data":1},{"key":"b","uuid":"u","timestamp":1,"data":"long"},{"key":"c","uuid":"u","timestamp":2,"data":22}]}`),
		"GET /kv/?delimiter=%2F&keys_only=true&limit=1000&list=true": {
			{status: 200, body: `{"items":[{"key":"a/"},{"key":"b"}],"next":"x"}`}},
		"GET /kv/?cursor=x&delimiter=%2F&keys_only=true&limit=1000&list=true": ok(`{"items":[{"key":"c"}]}`),
	}}
	for line, want := range map[string]string{
		"ls --sort size": "b\nc\na\n", "ls --sort time --limit 2": "a\nc\n", "ls --sort time --reverse": "b\nc\na\n",
		"ls -o jsonl": `{"key":"a/"}` + "\n" + `{"key":"b"}` + "\n" + `{"key":"c"}` + "\n",
	} {
		if out, err := f.run(strings.Fields(line)...); err != nil || out != want {
			t.Errorf("kvs %s: %v %q, want %q", line, err, out, want)
		}
	}
}

// Goal: status waits until the node is ready, and no longer than asked to.
func TestStatusWaits(t *testing.T) {
	ownContexts(t)
	synctest.Test(t, func(t *testing.T) {
		f := &fakeNode{answers: map[string][]reply{
			"GET /status": ok(nodeWell),
			"GET /readyz": {{status: 503, body: `{"code":"not-ready","detail":"starting"}`}, {err: http.ErrServerClosed}, {status: 200, body: "ready\n"}},
		}}
		began := time.Now()
		if _, err := f.run("status", "--wait", "10s"); err != nil || time.Since(began) > time.Second || len(f.asked) != 4 {
			t.Errorf("%v after %v, asked %q", err, time.Since(began), f.asked)
		}
		never := &fakeNode{answers: map[string][]reply{"GET /status": ok(nodeWell), "GET /readyz": {{status: 503, body: `{"code":"not-ready"}`}}}}
		began = time.Now()
		if _, _ = never.run("status", "--wait", "3s"); time.Since(began) > 4*time.Second {
			t.Errorf("waited %v", time.Since(began))
		}
	})
}

// Goal: metrics for a file, of a node that is well, that is not, and that does not answer.
func TestCheckForPrometheus(t *testing.T) {
	ownContexts(t)
	for _, c := range []struct {
		answer []reply
		want   string
		code   int
	}{
		{ok(nodeWell), "1 1 1", 0},
		{ok(nodeIs("degraded", true)), "1 1 0", exitNotConverged},
		{[]reply{{err: http.ErrServerClosed}}, "0 0 0", exitUnreachable},
	} {
		f := &fakeNode{answers: map[string][]reply{"GET /status": c.answer}}
		out, err := f.run("check", "--format", "prometheus")
		var values []string
		for line := range strings.Lines(out) {
			if !strings.HasPrefix(line, "#") {
				values = append(values, strings.Fields(line)[1])
			}
		}
		if got := strings.Join(values, " "); got != c.want || codeOrZero(err) != c.code {
			t.Errorf("%s, exit code %d, want %s and %d\n%s", got, codeOrZero(err), c.want, c.code, out)
		}
	}
}
