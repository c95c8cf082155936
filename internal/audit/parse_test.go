package audit

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestLinesOfVersion1: the format on the disk, to the byte. The file is never
// made anew: old logs must verify for ever.
func TestLinesOfVersion1(t *testing.T) {
	dir := t.TempDir()
	r := newRig(t, dir, nil)
	r.more(t, 3)
	noError(t, r.Checkpoint())
	noError(t, r.Close())
	want, err := os.ReadFile(filepath.Join("testdata", "version1.log"))
	noError(t, err)
	if got := files(t, dir)[segmentIn(dir, 1).path]; string(got) != string(want) {
		t.Fatalf("got\n%s\nwant\n%s", got, want)
	}
}

// TestWhatWasSetInALine: its place in a line of the first format, to the byte. Lines
// without it are as they were.
func TestWhatWasSetInALine(t *testing.T) {
	e := Entry{Number: 7, Time: 5, Actor: "admin", Action: "auth.acl.set", Key: "a", Set: `{"mode":"fff"}`, Result: "ok"}
	const want = `{"n":7,"t":5,"actor":"admin","action":"auth.acl.set","key":"a","set":"{\"mode\":\"fff\"}","result":"ok"}` + "\n"
	got := AppendQueued(nil, &e)
	if string(got) != want {
		t.Errorf("got %s", got)
	}
	if back, err := ParseQueued(got); err != nil || len(back) != 1 || back[0] != e {
		t.Errorf("%+v %v", back, err)
	}
}

// TestEntriesRoundTrip: every valid entry is one line of JSON that is read as
// what it was, and that encoding/json reads likewise.
func TestEntriesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		some := text.Filter(func(s string) bool { return s != "" })
		want := line{kind: kindEntry, entry: Entry{
			Number: rapid.Uint64Range(1, numberMax).Draw(t, "number"),
			Time:   Millis(rapid.Int64Min(0).Draw(t, "time")), Actor: some.Draw(t, "actor"),
			Action: some.Draw(t, "action"), Key: text.Draw(t, "key"), Version: text.Draw(t, "version"),
			Value: Hash{rapid.Byte().Draw(t, "value")}, Result: some.Draw(t, "result"), Set: text.Draw(t, "set"),
			Request: text.Draw(t, "request"),
		}}
		if want.entry.Check() != nil {
			t.Skip("too long")
		}
		raw := appendLine(nil, &want)
		got, err := parseLine(raw[:len(raw)-1])
		if err != nil || got != want || strings.Count(string(raw), "\n") != 1 {
			t.Fatalf("%q became %+v: %v", raw, got, err)
		}
		var fields struct{ Actor, Key, Request string }
		if err := json.Unmarshal(raw, &fields); err != nil || fields.Actor != want.entry.Actor ||
			fields.Key != want.entry.Key || fields.Request != want.entry.Request {
			t.Fatalf("%q is %+v for others: %v", raw, fields, err)
		}
	})
}

// FuzzLine: the parser does not panic, and what it accepts is JSON, has one
// spelling, and needs no more memory than the line has.
func FuzzLine(f *testing.F) {
	text, err := os.ReadFile(filepath.Join("testdata", "version1.log"))
	if err != nil {
		f.Fatal(err)
	}
	for raw := range strings.Lines(string(text)) {
		f.Add([]byte(strings.TrimSuffix(raw, "\n")))
	}
	f.Add([]byte(`{"n":01,"t":2,"actor":"\u000a\"","action":"a","result":"ok","prev":"`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		lineNumber(raw)
		l, err := parseLine(raw)
		if err != nil && l.kind == kindNone {
			return
		}
		again := appendLine(nil, &l)
		spelling := len(raw) - len(`0"}`) - len(l.hash)*2
		if !json.Valid(raw) || string(again[:spelling]) != string(raw[:spelling]) {
			t.Fatalf("%q was read as %q", raw, again)
		}
		if err == nil && string(again) != string(raw)+"\n" {
			t.Fatalf("%q is also spelled %q", raw, again)
		}
	})
}
