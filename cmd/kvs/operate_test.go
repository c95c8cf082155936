package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeNode answers requests by their method and target, the last answer again
// and again. It notes what it was asked.
type fakeNode struct {
	mu      sync.Mutex
	answers map[string][]reply
	asked   []string
	bodies  []string
}

type reply struct {
	status int
	body   string
	err    error
}

// RoundTrip implements http.RoundTripper.
func (f *fakeNode) RoundTrip(req *http.Request) (*http.Response, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	call := req.Method + " " + req.URL.RequestURI()
	f.asked = append(f.asked, req.URL.Host+" "+call)
	if req.Body != nil {
		body, _ := io.ReadAll(req.Body)
		f.bodies = append(f.bodies, string(body))
	}
	list := f.answers[call]
	if len(list) == 0 {
		return &http.Response{StatusCode: 404, Body: io.NopCloser(strings.NewReader("?"))}, nil
	}
	a := list[0]
	if len(list) > 1 {
		f.answers[call] = list[1:]
	}
	if a.err != nil {
		return nil, a.err
	}
	return &http.Response{StatusCode: a.status, Body: io.NopCloser(strings.NewReader(a.body))}, nil
}

// run carries out a command line against the node.
func (f *fakeNode) run(line ...string) (stdout string, err error) {
	var out bytes.Buffer
	cmd := rootCommand(f)
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	cmd.SetIn(strings.NewReader("y\n")) // not a terminal
	cmd.SetArgs(line)
	err = cmd.ExecuteContext(context.Background())
	return out.String(), err
}

func ok(body string) []reply { return []reply{{status: 200, body: body}} }

const (
	apart = `{"node_id":"a","mode":"normal","root":"9f3c17a2ff","keys":3,"converged":false,"peers":[` +
		`{"id":"b","connected":true,"state":"alive","equal_root":true,"last_digest":1},` +
		`{"id":"c","connected":true,"state":"alive","missing_dots":7,"oldest_ms":4100,"last_digest":1}]}`
	together = `{"node_id":"a","mode":"normal","root":"9f3c17a2ff","keys":3,"converged":true,"peers":[` +
		`{"id":"b","connected":true,"state":"alive","equal_root":true,"last_digest":1}]}`
)

// waiting is of a node that cannot forget its deletes, and has not all data yet.
const waiting = `{"node_id":"a","converged":true,"collection":{"tombstones":9,"blocked_by":[{"id":"b"},` +
	`{"id":"","replica":"0c"}],"blocked_since_ms":5,"pins":0},"copy":{"phase":"rest"}}`

// Goal: what each command asks of the node, what it prints, and its exit code.
func TestCommandsThatAskANode(t *testing.T) {
	for _, c := range []struct {
		line   string
		call   string
		answer string
		code   int
		prints []string
	}{
		{"sync status", "GET /sync/status", together, 0, []string{"a  normal, 3 keys, root 9f3c17a2\n", "b", "equal"}},
		{"sync status", "GET /sync/status", waiting, 0,
			[]string{"under way: rest\n", "9 deletes remembered until there is word from b, 0c (waiting since "}},
		{"sync status", "GET /sync/status", apart, exitNotConverged, []string{"differs", "7 for 4.1s"}},
		{"sync status -o json", "GET /sync/status", apart, exitNotConverged, []string{apart + "\n"}},
		{"sync now", "POST /sync/now", `{"peers":[{"id":"b"},{"id":"c"}]}`, 0, []string{"comparing with b, c\n"}},
		{"sync now b", "POST /sync/now?peer=b", `{"peers":[{"id":"b"}]}`, 0, []string{"comparing with b\n"}},
		{"sync diff b", "GET /sync/diff?peer=b", `{"peer":"b","differences":[]}`, 0, []string{"no differences from b\n"}},
		{"sync diff b --keys", "GET /sync/diff?keys=true&peer=b",
			`{"peer":"b","differences":[{"hash":"0a","here":true,"key":"k"},{"hash":"0b","there":true},` +
				`{"hash":"0c","here":true,"there":true}]}`,
			0, []string{"0a    only here", "k\n", "0b    only there", "0c    both"}},
		{"members", "GET /members/", `[{"id":"a","address":"h:1","state":"alive","reach":"suspect","replica":"0a"}]`, 0,
			[]string{"NODE", "a     h:1", "suspect", "0a\n"}},
		{"leave --yes", "POST /members/leave?", `{"drained":true,"acknowledged_by":[{"id":"b"}]}`, 0,
			[]string{"left; all its writes are on b\n"}},
		{"leave -y --all --force", "POST /members/leave?drain=all&force=true", `{"drained":false}`, 0,
			[]string{"no other member"}},
		{"mode", "GET /health", `{"mode":"syncing"}`, 0, []string{"syncing\n"}},
		{"mode read-only", "PUT /admin/mode", `{"mode":"read-only"}`, 0, []string{"read-only\n"}},
		{"cluster forget b/c --yes", "DELETE /members/b%2Fc", "", 0, []string{"forgotten: b/c\n"}},
	} {
		f := &fakeNode{answers: map[string][]reply{c.call: ok(c.answer)}}
		out, err := f.run(strings.Fields(c.line)...)
		if code := codeOrZero(err); code != c.code || len(f.asked) != 1 || f.asked[0] != "127.0.0.1:8080 "+c.call {
			t.Errorf("%s: exit code %d (%v), asked %q", c.line, code, err, f.asked)
		}
		if c.line == "mode read-only" && f.bodies[0] != `{"mode":"read-only"}` {
			t.Errorf("sent %q", f.bodies)
		}
		for _, text := range c.prints {
			if !strings.Contains(out, text) {
				t.Errorf("%s prints %q, without %q", c.line, out, text)
			}
		}
		if err != nil && !strings.Contains(err.Error(), "Try: ") {
			t.Errorf("%s: %v", c.line, err)
		}
	}
}

func codeOrZero(err error) int {
	if err == nil {
		return 0
	}
	return exitCode(err)
}

// Goal: every refusal has its exit code and says what to try, in the node's
// own words.
func TestRefusalsBecomeExitCodes(t *testing.T) {
	for status, code := range map[int]int{
		400: exitUsage, 404: exitNotFound, 409: exitConflict, 403: exitForbidden, 401: exitForbidden,
		429: exitLimited, 503: exitUnreachable, 500: exitOther, 412: exitConflict,
	} {
		f := &fakeNode{answers: map[string][]reply{
			"POST /sync/now": {{status: status, body: `{"detail":"it did not","code":"why","try":"this"}`}},
		}}
		_, err := f.run("sync", "now")
		if codeOrZero(err) != code || err.Error() != "it did not\n  Try: this" {
			t.Errorf("%d: %d %v", status, codeOrZero(err), err)
		}
	}
	f := &fakeNode{answers: map[string][]reply{"POST /sync/now": {{err: errors.New("refused")}}}}
	if _, err := f.run("sync", "now"); exitCode(err) != exitUnreachable || !strings.Contains(err.Error(), "--addr") {
		t.Errorf("unreachable: %v", err)
	}
	f = &fakeNode{answers: map[string][]reply{"GET /members/": ok("<html>")}}
	if _, err := f.run("members"); exitCode(err) != exitOther || !strings.Contains(err.Error(), "Try: ") {
		t.Errorf("another server: %v", err)
	}
}

// Goal: what is typed wrongly asks no node anything, and exits with 2.
func TestMistypedCommands(t *testing.T) {
	for _, line := range []string{
		"sync", "sync stat", "sync status x", "sync diff", "sync now a b", "sync wait --timeout 0s",
		"sync wait --timeout soon", "mode fast", "mode normal normal", "members -o xml", "leave",
		"cluster forget b", "cluster forget --yes", "members --addr ftp://x", "members --adr x",
		"cluster forgot b",
	} {
		f := &fakeNode{}
		_, err := f.run(strings.Fields(line)...)
		if line == "sync" {
			if err != nil {
				t.Errorf("%s: %v", line, err)
			}
			continue
		}
		if codeOrZero(err) != exitUsage || !strings.Contains(err.Error(), "Try: ") || len(f.asked) > 0 {
			t.Errorf("%s: %d %v, asked %q", line, codeOrZero(err), err, f.asked)
		}
	}
}

// Goal: sync wait ends as soon as the node says so, over a moment in which it
// cannot be reached; and at its time limit it exits with 8, or with 6 if nobody
// ever answered. Method: virtual time.
func TestSyncWait(t *testing.T) {
	down := reply{err: errors.New("refused")}
	for _, c := range []struct {
		answers []reply
		code    int
		after   time.Duration
		prints  string
	}{
		{[]reply{{status: 200, body: together}}, 0, 0, "converged after 0.0s: 2 nodes, root 9f3c17a2\n"},
		{[]reply{{status: 200, body: apart}, down, {status: 200, body: apart}, {status: 200, body: together}},
			0, 600 * time.Millisecond, "converged after 0.6s: 2 nodes, root 9f3c17a2\n"},
		{[]reply{{status: 200, body: apart}}, exitNotConverged, 10 * time.Second, ""},
		{[]reply{down}, exitUnreachable, 10 * time.Second, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeNode{answers: map[string][]reply{"GET /sync/status": c.answers}}
			began := time.Now()
			out, err := f.run("sync", "wait", "--timeout", "10s")
			if took := time.Since(began); codeOrZero(err) != c.code || took != c.after || out != c.prints {
				t.Errorf("exit code %d after %v: %q %v", codeOrZero(err), took, out, err)
			}
		})
	}
}

// Goal: the address comes from the flag, else from the environment, with or
// without a scheme.
func TestAddressOfTheNode(t *testing.T) {
	t.Setenv("KVS_ADDR", "10.0.0.2:8081")
	for line, host := range map[string]string{
		"mode": "10.0.0.2:8081", "mode --addr http://[::1]:9/": "[::1]:9",
	} {
		f := &fakeNode{answers: map[string][]reply{"GET /health": ok(`{"mode":"normal"}`)}}
		if _, err := f.run(strings.Fields(line)...); err != nil || len(f.asked) != 1 || !strings.HasPrefix(f.asked[0], host+" ") {
			t.Errorf("%s: %v, asked %q", line, err, f.asked)
		}
	}
}
