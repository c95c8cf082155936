package httpapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"kvs/internal/auth"
)

// Goal: the cursor of a page that ended early, at a key that its reader may not read,
// tells nothing of that key, goes on at every node of the cluster, and at no other.
func TestS10CursorsNameNoHiddenKey(t *testing.T) {
	guard := newFakeGuard()
	r := newRig(t, func(o *Options) { o.Guard = guard })
	as := func(who string) string { return "Authorization: Bearer " + who }
	for _, key := range []string{"d/secret-1", "d/secret-2", "d/secret-3-" + strings.Repeat("x", 900), "d/secret-4-longer", "e"} {
		r.do("PUT", "/kv/"+key, "1", as("alice"))
	}
	r.do("PUT", "/acl/e", `{"owner":"`+string(alice)+`","mode":"cdwr,----,---r"}`, as("alice"))
	var sizes []int
	for _, r.store.budget = range []int{1, 2, 3} {
		for _, target := range []string{"/kv/_range?limit=5", "/kv/?list&limit=5", "/kv/?list&count"} {
			a := r.do("GET", target, "", as("carol"))
			next := nextOf(t, a)
			raw, err := base64.RawURLEncoding.DecodeString(next)
			if err != nil || bytes.Contains(raw, []byte("secret")) {
				t.Errorf("%s: %q %v", target, raw, err)
			}
			sizes = append(sizes, len(next))
			path, _, _ := strings.Cut(target, "?")
			for _, bound := range []string{"a", "d/secret-2", "z"} { // the answer depends on nothing that is sealed
				q := "?cursor=" + next + "&start_key=" + bound
				if path == "/kv/_range" {
					if a := r.do("GET", path+q, "", as("carol")); !strings.Contains(a.body, "another range") {
						t.Errorf("%s: %s", bound, a)
					}
				}
			}
		}
	}
	if sizes[0] != sizes[6] || sizes[3] <= sizes[0] { // the third key is longer than the padding
		t.Errorf("cursors have %v characters", sizes)
	}
	r.store.budget = 1
	found, target := "", "/kv/_range"
	for range 10 {
		a := r.do("GET", target, "", as("carol"))
		found += a.body
		next := nextOf(t, a)
		if next == "" {
			break
		}
		target = "/kv/_range?cursor=" + next
	}
	if strings.Count(found, `"key"`) != 1 || !strings.Contains(found, `"key":"e"`) {
		t.Errorf("the pages show %s", found)
	}
	next := nextOf(t, r.do("GET", "/kv/_range", "", as("carol")))
	other := newRig(t, func(o *Options) { o.Guard = guard })
	if a := other.do("GET", "/kv/_range?cursor="+next, "", as("carol")); a.status != 200 {
		t.Errorf("another node: %s", a)
	}
	guard.Sealer = auth.NewSealer(auth.NewSealingKey(time.Now()))
	if a := r.do("GET", "/kv/_range?cursor="+next, "", as("carol")); a.problem() != slugInvalidParameter {
		t.Errorf("sealed with another key: %s", a)
	}
	if a := newRig(t, nil).do("GET", "/kv/_range?cursor="+next, ""); a.problem() != slugInvalidParameter {
		t.Errorf("a node without users: %s", a)
	}
}

// cursorFeed is a feed in which nothing happens; its followers stand at one place.
type cursorFeed struct{ place, since string }

func (f *cursorFeed) Follow(since, _ string) (Follower, error) {
	f.since = since
	return f, nil
}

func (f *cursorFeed) Next(int, time.Duration, func(Change) bool) (Rest, error) { return RestIdle, nil }
func (f *cursorFeed) Cursor() string                                           { return f.place }
func (f *cursorFeed) Close()                                                   {}

// Goal: the cursor of a feed, which may stand at a hidden key, is sealed for whoever does
// not see every key, goes on where it was, and is good for no listing.
func TestS10CursorsOfFeedsNameNoHiddenKey(t *testing.T) {
	// It would also be the place of a listing: 65 and 66 bytes with their lengths.
	feed := &cursorFeed{place: "A" + strings.Repeat("a", 65) + "B" + strings.Repeat("b", 66)}
	r := newRig(t, func(o *Options) { o.Guard, o.Feed = newFakeGuard(), feed })
	get := func(who, target string) string {
		t.Helper()
		a := r.do("GET", target, "", "Authorization: Bearer "+who)
		if a.status != 200 {
			t.Fatalf("%s: %s", target, a)
		}
		return between(a.body, `"cursor":"`, `"`)
	}
	sealed := get("carol", "/changes")
	if raw, err := base64.RawURLEncoding.DecodeString(sealed); err != nil || raw[0] != cursorSealed {
		t.Errorf("carol is given %q", sealed)
	}
	if strings.Contains(sealed, feed.place) {
		t.Errorf("%q names the place", sealed)
	}
	if get("carol", "/changes?since="+sealed); feed.since != feed.place {
		t.Errorf("carol goes on at %q", feed.since)
	}
	if plain := get("admin", "/changes"); plain != feed.place {
		t.Errorf("an administrator is given %q", plain)
	}
	if a := r.do("GET", "/kv/_range?cursor="+sealed, "", "Authorization: Bearer carol"); a.problem() != slugInvalidParameter {
		t.Errorf("taken for the cursor of a listing: %s", a)
	}
}

// conflictLog is a history of conflicts, one at each key.
type conflictLog struct {
	History
	keys []string
}

func (l conflictLog) Conflicts(before uint64, limit int) (out []Conflict, _ error) {
	for i := len(l.keys); i > 0 && len(out) < limit; i-- {
		if n := uint64(i); before == 0 || n < before {
			out = append(out, Conflict{Number: n, Key: l.keys[i-1], Rule: "timestamp"})
		}
	}
	return out, nil
}

// Goal: whoever does not see every key is not told how many conflicts there were of
// hidden ones, neither by numbers nor by the cursor, and sees all of the others.
func TestS10ConflictsCountNoHiddenKeys(t *testing.T) {
	guard, log := newFakeGuard(), conflictLog{}
	for i := range 9 {
		log.keys = append(log.keys, fmt.Sprint("hidden", i), fmt.Sprint("open", i))
		guard.rights[fmt.Sprint("open", i)] = auth.ACL{Owner: alice, Mode: 0xfff}
	}
	r := newRig(t, func(o *Options) { o.Guard, o.History = guard, log })
	seen := ""
	for next := ""; ; {
		a := r.do("GET", "/conflicts?limit=4"+next, "", "Authorization: Bearer carol")
		if a.status != 200 || strings.Contains(a.body, "number") || strings.Contains(a.body, "hidden") {
			t.Fatalf("%s", a)
		}
		for _, part := range strings.Split(a.body, `"key":"`)[1:] {
			seen += part[:5]
		}
		text := nextOf(t, a)
		if text == "" {
			break
		}
		if raw, err := base64.RawURLEncoding.DecodeString(text); err != nil || raw[0] != cursorSealed {
			t.Fatalf("carol is given %q", text)
		}
		next = "&cursor=" + text
	}
	if seen != "open8open7open6open5open4open3open2open1open0" {
		t.Errorf("the pages show %s", seen)
	}
	if a := r.do("GET", "/conflicts?limit=4", "", "Authorization: Bearer admin"); !strings.Contains(a.body, `"number":18`) ||
		nextOf(t, a) != "15" {
		t.Errorf("an administrator is shown %s", a)
	}
}

// nextOf is the cursor that a page ends with, "" if it is the last.
func nextOf(t *testing.T, a answer) string {
	t.Helper()
	var page struct {
		Next string `json:"next"`
	}
	if err := json.Unmarshal([]byte(a.body), &page); err != nil || a.status != 200 {
		t.Fatalf("%s: %v", a, err)
	}
	return page.Next
}

// leads says that a cursor stands within its walk, with something left of it.
func leads(c cursor) bool {
	if c.walk.Back {
		return c.at > c.walk.Start && (c.walk.End == "" || c.at <= c.walk.End)
	}
	return c.at != "" && c.at >= c.walk.Start && (c.walk.End == "" || c.at < c.walk.End)
}

// FuzzCursor: a cursor survives its own text, plain and sealed; nothing else parses as
// one that could widen a range, and nothing but what was sealed as a sealed one.
func FuzzCursor(f *testing.F) {
	f.Add("AgABYWI", "a", "m", "z", false)
	f.Add("BAABYWI", "a", "m", "z", true)
	f.Add("AwFhYg", "", "m", "", false)
	s := New(Options{Store: &fakeStore{}, Cluster: fakeCluster{}, Operator: &fakeOperator{}, Guard: newFakeGuard()})
	f.Fuzz(func(t *testing.T, text, start, next, end string, back bool) {
		if c, ok := s.parseCursor(text); ok {
			if !leads(c) {
				t.Fatalf("%q parses as %+v", text, c)
			}
			if again, ok := s.parseCursor(s.cursorText(c, false)); !ok || again != c {
				t.Fatalf("%q parses as %+v, and then as %+v", text, c, again)
			}
			if b, _ := base64.RawURLEncoding.DecodeString(text); b[0] == cursorSealed {
				t.Fatalf("%q was taken for a sealed one", text)
			}
		}
		c := cursor{Walk{start, end, back}, next}
		legal := leads(c) && max(len(start), len(next), len(end)) <= KeyBytesMax
		for _, hidden := range []bool{false, true} {
			if got, ok := s.parseCursor(s.cursorText(c, hidden)); legal && (!ok || got != c) {
				t.Fatalf("%+v became %+v, %v", c, got, ok)
			}
		}
	})
}
