package audit

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// testAnchor is the anchor of a log that the test key owns.
func testAnchor(t *testing.T, dir string) (Anchor, *rig) {
	t.Helper()
	key := testKeys()[testKid]
	r := newRig(t, dir, func(o *Options) { o.Replica = LogID(key) })
	r.more(t, 3)
	noError(t, r.Checkpoint())
	return Anchor{Checkpoint: r.Latest(), Key: key, Node: "a"}, r
}

// TestAnchorsRoundTrip: what others keep is what was signed, and whatever is changed
// in it is refused.
func TestAnchorsRoundTrip(t *testing.T) {
	a, r := testAnchor(t, t.TempDir())
	noError(t, r.Close())
	text, err := json.Marshal(a)
	noError(t, err)
	var back Anchor
	noError(t, json.Unmarshal(text, &back))
	if back.Checkpoint != a.Checkpoint || !back.Key.Equal(a.Key) || back.Node != "a" {
		t.Fatalf("%+v, want %+v", back, a)
	}
	fields := map[string]any{}
	noError(t, json.Unmarshal(text, &fields))
	for name, old := range fields {
		switch v := old.(type) {
		case string:
			fields[name] = strings.Map(func(r rune) rune {
				if r == rune(v[len(v)/2]) {
					return '7'
				}
				return r
			}, v)
			if fields[name] == v {
				fields[name] = v[:len(v)-1]
			}
		case float64:
			fields[name] = v + 1
		}
		changed, err := json.Marshal(fields)
		noError(t, err)
		if err := json.Unmarshal(changed, &back); name != "node" && !errors.Is(err, ErrAnchor) {
			t.Errorf("%s was changed to %v: %v", name, fields[name], err)
		}
		fields[name] = old
	}
}

// TestSetAside: the segments and the finding are kept, and a new log begins where
// the old one was known to end.
func TestSetAside(t *testing.T) {
	dir := t.TempDir()
	a, r := testAnchor(t, dir)
	noError(t, r.Close())
	if owner, err := Owner(dir); err != nil || owner != a.Replica {
		t.Fatalf("owner %v, %v", owner, err)
	}
	path, err := SetAside(dir, ErrTampered, 5)
	noError(t, err)
	if aside, err := Aside(dir); err != nil || len(aside) != 1 || aside[0] != path ||
		AsideFinding(path) != ErrTampered.Error() {
		t.Fatalf("aside: %v, %v, %q", aside, err, AsideFinding(path))
	}
	if _, err := Owner(dir); !errors.Is(err, ErrNoLog) {
		t.Fatalf("of an empty directory: %v", err)
	}
	if report, err := Verify(path, VerifyOptions{Keys: testKeys()}); err != nil || report.Last != 3 {
		t.Fatalf("what was set aside: %+v, %v", report, err)
	}
	r.o.First, r.o.Acknowledged = 4, 3
	r.open(t)
	r.more(t, 2)
	noError(t, r.Close())
	wantVerified(t, dir, []Checkpoint{a.Checkpoint}, 4, 5)
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
}

// FuzzQueued: the parser of queued entries does not panic, and what it accepts has
// one spelling.
func FuzzQueued(f *testing.F) {
	var text []byte
	for _, e := range entries(1, 3) {
		text = AppendQueued(text, &e)
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := ParseQueued(text)
		if err != nil {
			return
		}
		var again []byte
		for i := range list {
			again = AppendQueued(again, &list[i])
		}
		if string(again) != string(text) {
			t.Fatalf("%q is also spelled %q", text, again)
		}
	})
}

// FuzzAnchor: the parser of anchors does not panic, and accepts only what is signed.
func FuzzAnchor(f *testing.F) {
	f.Add([]byte(`{"node":"a","replica":"2c","first":1,"checkpoint":6,"t":1,"head":"ef","kid":"L","sig":"6b","key":"n8"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var a Anchor
		if json.Unmarshal(text, &a) == nil && len(a.Key) > 0 && !a.SignedBy(a.Key) {
			t.Fatalf("%q is not signed", text)
		}
	})
}
