package httpapi

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Goal: a touch sets how long a key is still kept, for ever too, and changes nothing else
// of it; it creates nothing, and obeys conditions.
func TestTouch(t *testing.T) {
	r := newRig(t, nil)
	first := r.do("PUT", "/kv/a", ` [1, 2.0]`)
	if a := r.do("PATCH", "/kv/a?ttl=1h", ""); a.status != 200 || a.header["Etag"] == first.header["Etag"] {
		t.Fatalf("touch: %s", a)
	}
	w := r.store.writes[len(r.store.writes)-1]
	if string(w.Value) != ` [1, 2.0]` || w.TTL != TTL(time.Hour/time.Millisecond) || len(w.If) != 1 {
		t.Errorf("written %+v", w)
	}
	if a := r.do("GET", "/kv/a", ""); !strings.Contains(a.body, `"expires_at":`) {
		t.Errorf("touched: %s", a)
	}
	r.do("PATCH", "/kv/a?ttl=0", "")
	if a := r.do("GET", "/kv/a", ""); strings.Contains(a.body, `"expires_at":`) || !strings.Contains(a.body, `[1, 2.0]`) {
		t.Errorf("kept for ever: %s", a)
	}
	for _, c := range []struct{ target, header, problem string }{
		{"/kv/none?ttl=1h", "X: y", slugKeyNotFound}, {"/kv/a", "X: y", slugInvalidJSON}, {"/kv/a?ttl=-1s", "X: y", slugInvalidTTL},
		{"/kv/a?ttl=1h", `If-Match: "00000000-0000-0000-0000-0000000000ff"`, slugPrecondition},
	} {
		if a := r.do("PATCH", c.target, "", c.header); a.problem() != c.problem {
			t.Errorf("%s %s: %s, want %s", c.target, c.header, a, c.problem)
		}
	}
	// Somebody writes between the touch's read and its write: it begins anew.
	r.store.onWrite = func(Write) {
		r.store.onWrite = nil
		if _, err := r.store.Write(Write{Key: "a", Value: []byte("3")}); err != nil {
			t.Error(err)
		}
	}
	if a := r.do("PATCH", "/kv/a?ttl=1h", ""); a.status != 200 {
		t.Errorf("touch beside a write: %s", a)
	}
	if a := r.do("GET", "/kv/a?raw", ""); a.body != "3" {
		t.Errorf("the touch has undone a write: %s", a)
	}
}

// Goal: a 404 says what is known of the key: to whoever may read it, and to nobody else.
func TestAbsentSaysWhy(t *testing.T) {
	g := newFakeGuard()
	r := newRig(t, func(o *Options) { o.Guard = g })
	const aliceToken, bobToken = "Authorization: Bearer alice", "Authorization: Bearer carol"
	r.do("PUT", "/kv/a", "1", aliceToken)
	for _, c := range []struct {
		err     error
		problem string
		want    string
	}{
		{&AbsentError{DeletedAt: 1795348800123}, slugKeyNotFound, `it was deleted at 2026-11-22T12:00:00.123Z","code":"key-not-found","deleted_at":1795348800123`},
		{&AbsentError{ExpiredAt: 1795348800123}, slugKeyExpired, `it expired at 2026-11-22T12:00:00.123Z","code":"key-expired","expired_at":1795348800123`},
		{ErrNotFound, slugKeyNotFound, `no such key on this node: \"a\"","code"`},
	} {
		r.store.fail = c.err
		for _, method := range []string{"GET", "PATCH"} {
			target := map[string]string{"GET": "/kv/a", "PATCH": "/kv/a?ttl=1h"}[method]
			a := r.do(method, target, "", aliceToken)
			if a.status != 404 || a.problem() != c.problem || !strings.Contains(a.body, c.want) {
				t.Errorf("%s: %s, want %s", method, a, c.want)
			}
		}
		if b := r.batch(`[{"op":"get","key":"a"}]`, aliceToken); b.Results[0].Problem.Code != c.problem {
			t.Errorf("batch: %s", b)
		}
		a := r.do("PATCH", "/kv/a?ttl=1h", "", "Authorization: Bearer writes")
		if a.problem() != slugKeyNotFound || !strings.Contains(a.body, `: \"a\"","code"`) {
			t.Errorf("to a token that may not read: %s", a)
		}
		if a := r.do("GET", "/kv/a", "", bobToken); a.problem() != slugKeyNotFound || !strings.Contains(a.body, `: \"a\"","code"`) {
			t.Errorf("to somebody else: %s", a)
		}
	}
}

// Goal: ?meta adds where a version comes from and what rights hold, ?raw shows the value
// alone, and both work with HEAD and ?pretty.
func TestMeta(t *testing.T) {
	g := newFakeGuard()
	r := newRig(t, func(o *Options) { o.Guard = g })
	const token = "Authorization: Bearer alice"
	r.do("PUT", "/kv/a?ttl=1h", `{"n": 1}`, token)
	r.store.records[0].Origin[0] = 0x0a
	a := r.do("GET", "/kv/a?meta", "", token)
	acl, _ := g.Lookup("a")
	want := fmt.Sprintf(`"data":{"n": 1},"expires_at":1672534800001,"origin":"0a%s","owner":"%s","group":"%s","mode":"%s"}`,
		strings.Repeat("0", 30), alice, acl.Group, acl.Mode)
	if a.status != 200 || !strings.HasSuffix(a.body, want) {
		t.Errorf("got %s\nwant %s", a, want)
	}
	if b := r.do("HEAD", "/kv/a?meta", "", token); b.header["Content-Length"] != fmt.Sprint(len(a.body)) {
		t.Errorf("HEAD: %v", b.header)
	}
	if a := r.do("GET", "/kv/a?meta&pretty", "", token); !strings.Contains(a.body, "\n  \"owner\": \""+string(alice)) {
		t.Errorf("pretty: %s", a)
	}
	if a := r.do("GET", "/kv/a?meta&raw", "", token); a.problem() != slugInvalidParameter {
		t.Errorf("raw: %s", a)
	}
	if a := r.do("GET", "/kv/a?meta&revisions=2", "", token); a.problem() != slugInvalidParameter {
		t.Errorf("revisions: %s", a)
	}
	open := newRig(t, nil)
	open.do("PUT", "/kv/a", "1")
	if a := open.do("GET", "/kv/a?meta=true", ""); !strings.HasSuffix(a.body, `"data":1,"origin":"`+strings.Repeat("0", 32)+`"}`) {
		t.Errorf("without users: %s", a)
	}
}

// Goal: a client gets of a write what it prefers, and is told so; who may write and not
// read a key does not get to read it thus.
func TestPrefer(t *testing.T) {
	g := newFakeGuard()
	r := newRig(t, func(o *Options) { o.Guard = g })
	const token = "Authorization: Bearer alice"
	for _, c := range []struct {
		method, body, prefer string
		status               int
		want, applied        string
	}{
		{"PUT", `{"a": 1}`, "return=minimal", 201, "^$", preferMinimal},
		{"PUT", `{"a": 1}`, "wait=1, Return=Minimal;x=y", 204, "^$", preferMinimal},
		{"PUT", `{"a": 1}`, "return=representation", 200, `"data":{"a": 1}}$`, preferRepresentation},
		{"PATCH", `{"b":2}`, "return=representation", 200, `"data":{"a":1,"b":2}}$`, preferRepresentation},
		{"PUT", `1`, "respond-async", 200, `^{"uuid":`, ""},
	} {
		a := r.do(c.method, "/kv/a", c.body, token, "Prefer: "+c.prefer)
		prefix, head := strings.CutPrefix(c.want, "^")
		text, tail := strings.CutSuffix(prefix, "$")
		if a.status != c.status || a.header["Preference-Applied"] != c.applied || a.header["Etag"] == "" ||
			head && !strings.HasPrefix(a.body, text) || tail && !strings.HasSuffix(a.body, text) || head && tail && a.body != text {
			t.Errorf("%s %s: %s %v", c.method, c.prefer, a, a.header)
		}
		if r.do("GET", "/kv/a", "", token).header["Etag"] != a.header["Etag"] {
			t.Errorf("%s %s: another ETag than the record's", c.method, c.prefer)
		}
	}
	// Somebody else writes before the representation is read: its ETag is that of what
	// is shown.
	r.store.afterWrite = func() {
		r.store.afterWrite = nil
		if _, err := r.store.Write(Write{Key: "a", Value: []byte("7")}); err != nil {
			t.Error(err)
		}
	}
	if a := r.do("PUT", "/kv/a", "2", token, "Prefer: return=representation"); !strings.Contains(a.body, `"data":7}`) ||
		a.header["Etag"] != `"`+between(a.body, `"uuid":"`, `"`)+`"` {
		t.Errorf("beside another write: %s %v", a, a.header)
	}
	if a := r.do("PUT", "/kv/a", "2", "Authorization: Bearer writes", "Prefer: return=representation"); a.status != 200 ||
		strings.Contains(a.body, "data") || a.header["Preference-Applied"] != "" {
		t.Errorf("with a token to write: %s %v", a, a.header)
	}
}
