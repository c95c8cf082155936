package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kvs/internal/bench"
)

// Goal: a node of its own is measured, whatever the workload, and its numbers come as a
// table, as JSON and as CSV. The directory is gone afterwards.
func TestBenchSelf(t *testing.T) {
	ownContexts(t)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	lines := filepath.Join(t.TempDir(), "out.csv")
	for _, workload := range bench.Workloads {
		var out bytes.Buffer
		cmd := rootCommand(http.DefaultTransport)
		cmd.SetOut(&out)
		cmd.SetArgs([]string{"bench", workload, "--self", "--count", "200", "--duration", "0", "--warmup", "0s",
			"--keys", "50", "--clients", "4", "--reads", "50%", "-o", "json", "--csv", lines})
		err := cmd.ExecuteContext(t.Context())
		var got benched
		if err != nil || json.Unmarshal(out.Bytes(), &got) != nil {
			t.Fatalf("%s: %v %s", workload, err, out.String())
		}
		count := int64(0)
		for _, k := range got.Requests {
			count += k.Count
			if k.P50 <= 0 || k.P50 > k.P99 || k.P99 > k.Max {
				t.Errorf("%s: %+v", workload, k)
			}
		}
		if count != 200 || len(got.Errors) != 0 || got.Workload != workload {
			t.Errorf("%s: %+v", workload, got)
		}
		text, err := os.ReadFile(lines)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
		if err != nil || len(rows) != 1+len(got.Requests) || !slices.Equal(rows[0], csvColumns()) || rows[1][0] != workload {
			t.Errorf("%s: %v %q", workload, err, rows)
		}
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// Goal: of a run on a node only what it has written goes, unless it shall stay; and keys
// that were there before are not touched.
func TestBenchLeavesOnlyWhatItShould(t *testing.T) {
	ownContexts(t)
	list := "GET /kv/mine/?keys_only=true&limit=1&list=true"
	f := &fakeNode{answers: map[string][]reply{list: ok(`{"items":[{"key":"mine/x"}]}`)}}
	if _, err := f.run("bench", "put", "--prefix", "mine", "--count", "1"); codeOrZero(err) != exitConflict || len(f.asked) != 1 {
		t.Errorf("keys that were there: %v, asked %q", err, f.asked)
	}
	asked := len(f.asked)
	if _, err := f.run("bench", "put", "--prefix", "/", "--count", "1"); codeOrZero(err) != exitUsage || len(f.asked) != asked {
		t.Errorf("a run that would delete everything: %v", err)
	}
	remove := "DELETE /kv/mine/?limit=1000&recurse=true"
	for _, c := range []struct {
		flags string
		asked []string
	}{
		{"", []string{list, remove}},
		{"--keep", []string{list}},
		{"--filled", nil},
	} {
		f := &fakeNode{answers: map[string][]reply{list: ok(`{"items":[]}`), remove: ok(`{"matched":0}`)}}
		// The load itself goes to a port where nobody is: it fails, and the rest happens all the same.
		_, err := f.run(strings.Fields("bench put --addr 127.0.0.1:1 --prefix mine --count 1 --warmup 0s --clients 1 " + c.flags)...)
		if codeOrZero(err) != exitOther || !strings.Contains(err.Error(), "1 requests failed") {
			t.Errorf("%q: %v", c.flags, err)
		}
		var asked []string
		for _, a := range f.asked {
			asked = append(asked, strings.TrimPrefix(a, "127.0.0.1:1 "))
		}
		if !slices.Equal(asked, c.asked) {
			t.Errorf("%q: asked %q, want %q", c.flags, asked, c.asked)
		}
	}
}

// Goal: what makes no sense is refused before anything is sent.
func TestBenchTypedWrongly(t *testing.T) {
	ownContexts(t)
	for _, line := range []string{
		"bench", "bench watch", "bench get --clients 0", "bench get --reads many", "bench get --reads 101%",
		"bench get --self --addr x", "bench get --filled", "bench get --dist normal", "bench get --duration 0s",
		"bench put --size 1", "bench scan --page 1001", "bench get --keys 0", "bench get --rate -1",
	} {
		f := &fakeNode{}
		_, err := f.run(strings.Fields(line)...)
		if codeOrZero(err) != exitUsage || !strings.Contains(err.Error(), "Try: ") || len(f.asked) != 0 {
			t.Errorf("%s: %v, asked %q", line, err, f.asked)
		}
	}
}

// Goal: the exit code tells refusals, other errors and interruptions apart.
func TestBenchVerdict(t *testing.T) {
	limited := bench.Failure{Name: "429 rate-limited", Refusal: true, Example: "429", Count: 5}
	broken := bench.Failure{Name: "500 internal", Example: "500", Count: 1}
	done := []bench.Kind{{Name: "get", Count: 1}}
	for _, c := range []struct {
		result bench.Result
		code   int
	}{
		{bench.Result{Kinds: done}, 0},
		{bench.Result{Kinds: done, Failures: []bench.Failure{limited}}, 0},
		{bench.Result{Kinds: done, Failures: []bench.Failure{limited, broken}}, exitOther},
		{bench.Result{Failures: []bench.Failure{limited}}, exitLimited},
		{bench.Result{}, exitOther},
		{bench.Result{Kinds: done, Interrupted: true}, exitInterrupted},
	} {
		if err := (&benching{}).verdict(&c.result); codeOrZero(err) != c.code {
			t.Errorf("%+v: %v", c.result, err)
		}
	}
	for err, code := range map[error]int{
		&bench.Refusal{Status: 429, Code: "rate-limited"}: exitLimited, &bench.Refusal{Status: 403}: exitForbidden,
		errors.New("gone"): exitUnreachable,
	} {
		if got := (&benching{remote: &remote{}}).unfilled(err); codeOrZero(got) != code {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// Goal: durations are printed with about three digits.
func TestShortDurations(t *testing.T) {
	for in, want := range map[time.Duration]string{
		123456789: "123ms", 12345678: "12.3ms", 1234567: "1.23ms", 123456: "123µs", 1234: "1.23µs", 1234567890: "1.23s",
	} {
		if got := short(in).String(); got != want {
			t.Errorf("%d: %s, want %s", in, got, want)
		}
	}
}
