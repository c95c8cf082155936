package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeTrail keeps what it is told, and has five entries.
type fakeTrail struct {
	mu             sync.Mutex
	noted, refused []Event
}

func (f *fakeTrail) Note(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.noted = append(f.noted, e)
}

func (f *fakeTrail) Refused(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refused = append(f.refused, e)
}

func (f *fakeTrail) Entries(since uint64, limit int, visit func(uint64, []byte)) (uint64, error) {
	for n := since + 1; n <= 5 && limit > 0; n++ {
		visit(n, []byte(fakeEntry(n)))
		limit--
	}
	return 5, nil
}

func (f *fakeTrail) Anchors(visit func([]byte)) error {
	visit([]byte(fakeAnchor(1)))
	visit([]byte(fakeAnchor(2)))
	return nil
}

var fakeHash = strings.Repeat("0", 64)

func fakeEntry(n uint64) string {
	return fmt.Sprintf(`{"n":%d,"t":1,"actor":"admin","action":"a","result":"ok","prev":"%s","hash":"%s"}`, n, fakeHash, fakeHash)
}

func fakeAnchor(n uint64) string {
	return fmt.Sprintf(`{"node":"a","replica":"0a","first":1,"checkpoint":%d,"t":1,"head":"%s","kid":"k","sig":"s","key":"k"}`, n, fakeHash)
}

// fakePage is a page of the log.
func fakePage(next int, entries ...uint64) string {
	var lines []string
	for _, n := range entries {
		lines = append(lines, fakeEntry(n))
	}
	return fmt.Sprintf(`{"entries":[%s],"next":%d,"last":5}`, strings.Join(lines, ","), next)
}

// Goal: the pages of the log, its checkpoints, and what is no page.
func TestAuditPages(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Trail = &fakeTrail{} })
	for _, c := range []struct {
		target string
		status int
		body   string
	}{
		{"/audit", 200, fakePage(5, 1, 2, 3, 4, 5)},
		{"/audit?since=3", 200, fakePage(5, 4, 5)},
		{"/audit?since=1&limit=2", 200, fakePage(3, 2, 3)},
		{"/audit?since=9", 200, fakePage(9)},
		{"/audit?limit=0", 400, "limit"},
		{"/audit?limit=1001", 400, "1000"},
		{"/audit?since=-1", 400, "since"},
		{"/audit?cursor=x", 400, "since"},
		{"/audit/checkpoints", 200, `{"checkpoints":[` + fakeAnchor(1) + "," + fakeAnchor(2) + "]}"},
	} {
		if a := r.do("GET", c.target, ""); a.status != c.status || !strings.Contains(a.body, c.body) {
			t.Errorf("%s: %s, want %d %s", c.target, a, c.status, c.body)
		}
	}
	r = newRig(t, nil)
	if a := r.do("GET", "/audit", ""); a.status != 404 || !strings.Contains(a.body, "tamper_logging_enabled") {
		t.Errorf("without a trail: %s", a)
	}
}

// Goal: what is told to the trail, and by whom; and that no token is.
func TestEventsAreNoted(t *testing.T) {
	trail := &fakeTrail{}
	r := newRig(t, func(o *Options) { o.Guard, o.Trail = newFakeGuard(), trail })
	as := func(caller, method, target, body string) {
		t.Helper()
		r.do(method, target, body, "Content-Type: application/json", "Authorization: Bearer "+caller)
	}
	as("admin", "PUT", "/admin/mode", `{"mode":"normal"}`)
	as("admin", "PUT", "/admin/mode", `{"mode":"sideways"}`)
	as("admin", "DELETE", "/auth/users/nobody", "")
	as("admin", "DELETE", "/auth/tokens/some-token", "")
	as("admin", "POST", "/auth/keys/rotate", "")
	as("admin", "PUT", "/acl/a/b", `{"mode":"fff"}`)
	as("admin", "DELETE", "/members/b", "")
	as("admin", "GET", "/auth/users", "")
	as("admin", "PUT", "/kv/k", "1")
	want := []Event{
		{"admin", "node.mode.set", "", `{"mode":"normal"}`, "ok"},
		{"admin", "node.mode.set", "", "", slugInvalidParameter},
		{"admin", "auth.user.delete", "nobody", "", slugNotFound},
		{"admin", "auth.token.delete", "some-token", "", "ok"},
		{"admin", "auth.key.create", "", "", "ok"},
		{"admin", "auth.acl.set", "a/b", `{"owner":"","group":"","mode":"cdwr,cdwr,cdwr"}`, "ok"},
		{"admin", "member.delete", "b", "", "ok"},
	}
	if !slices.Equal(trail.noted, want) {
		t.Errorf("noted\n%v\nwant\n%v", trail.noted, want)
	}
	if r.store.writes[0].Actor != "admin" {
		t.Errorf("the actor of a write is %q", r.store.writes[0].Actor)
	}
	as("forged", "GET", "/kv/k?raw=true", "")
	as("alice", "PUT", "/admin/mode", `{"mode":"normal"}`)
	r.do("PUT", "/kv/k", "1", "Expect: 100-continue", "Content-Type: application/json")
	want = []Event{
		{"anonymous", "request", "/kv/k", "", slugUnauthorized},
		{string(alice), "request", "/admin/mode", "", slugForbidden},
		{"anonymous", "request", "/kv/k", "", slugUnauthorized},
	}
	if !slices.Equal(trail.refused, want) {
		t.Errorf("refused\n%v\nwant\n%v", trail.refused, want)
	}
}

// Goal: an entry says what was set, and neither an address nor a token; of a group
// with many members, their number.
func TestEventsSayWhatWasSet(t *testing.T) {
	trail, guard := &fakeTrail{}, newFakeGuard()
	r := newRig(t, func(o *Options) { o.Guard, o.Trail = guard, trail })
	as := func(target, body string) string {
		t.Helper()
		a := r.do("POST", target, body, "Content-Type: application/json", "Authorization: Bearer admin")
		if a.status != 201 {
			t.Fatal(a)
		}
		return between(a.body, `"uuid":"`, `"`)
	}
	id := as("/auth/users", `{"nickname":"john","email":"john@example.com"}`)
	as("/auth/tokens", `{"user_uuid":"`+id+`","scopes":["read","write"],"path_prefix":"a/b"}`)
	as("/auth/groups", `{"name":"ops","members":["`+id+`"]}`)
	members := make([]string, membersTold+1)
	for i := range members {
		members[i] = fmt.Sprintf(`"00000000-0000-4000-8000-%012d"`, i)
	}
	as("/auth/groups", `{"name":"all","members":[`+strings.Join(members, ",")+`]}`)
	want := []string{`{"nickname":"john"}`, `{"scopes":["read","write"],"path_prefix":"a/b","expires_at":5}`,
		`{"name":"ops","count":1,"members":["` + id + `"]}`,
		`{"name":"all","count":65,"members":[` + strings.Join(members[:membersTold], ",") + `]}`}
	for i, e := range trail.noted {
		if e.Set != want[i] || e.Result != "ok" {
			t.Errorf("%s says %s, want %s", e.Action, e.Set, want[i])
		}
	}
	if len(trail.noted) != len(want) {
		t.Errorf("noted %v", trail.noted)
	}
}

// Goal: a flood of what is refused before anybody looks at it is counted, and makes no
// entries of its own: it could fill the log until what matters is rotated away.
func TestFloodsMakeNoEntries(t *testing.T) {
	trail := &fakeTrail{}
	r := newRig(t, func(o *Options) {
		o.Trail, o.Guard = trail, newFakeGuard()
		o.RateLimit = RateLimit{Requests: 2, Window: time.Hour}
	})
	for range 10 {
		r.do("PUT", "/acl/some", `{"mode":"fff"}`)
	}
	if len(trail.noted) != 0 || len(trail.refused) != 10 || trail.refused[9].Result != slugRateLimited {
		t.Errorf("noted %v, refused %v", trail.noted, trail.refused)
	}
}
