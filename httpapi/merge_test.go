package httpapi

import (
	"strings"
	"testing"
)

// Goal: the cases of RFC 7396 appendix A, and that untouched members keep their
// spelling and place.
func TestMergePatch(t *testing.T) {
	for _, c := range []struct{ target, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{``, `{"a":1}`, `{"a":1}`},
		{`{"z":1.50,"y":{"k" : 1e3},"x":"\u00e9"}`, `{"y":{"l":2}}`, `{"z":1.50,"y":{"k":1e3,"l":2},"x":"\u00e9"}`},
		{`{"big":12345678901234567890}`, `{"a":12345678901234567891}`, `{"big":12345678901234567890,"a":12345678901234567891}`},
	} {
		if got := mergePatch([]byte(c.target), []byte(c.patch)); string(got) != c.want {
			t.Errorf("%s patched with %s: %s, want %s", c.target, c.patch, got, c.want)
		}
	}
}

// Goal: what PATCH answers and stores: of a key that is there, one that is not, with
// conditions, and with a TTL.
func TestPatch(t *testing.T) {
	r := newRig(t, nil)
	const merge = "Content-Type: application/merge-patch+json"
	tag := r.do("PUT", "/kv/k?ttl=1h", `{"a":1,"b":2}`).header["Etag"]
	last := func() Write { return r.store.writes[len(r.store.writes)-1] }
	if a := r.do("PATCH", "/kv/k", `{"b":null,"c":3}`, merge, "If-Match: "+tag); a.status != 200 {
		t.Fatal(a)
	}
	if w := last(); string(w.Value) != `{"a":1,"c":3}` || w.TTL <= 0 && w.TTL != 1 {
		t.Errorf("stored %s for %d", w.Value, w.TTL)
	}
	if a := r.do("PATCH", "/kv/new", `{"x":{"y":null}}`, merge); a.status != 201 || string(last().Value) != `{"x":{}}` {
		t.Errorf("a new key: %s, %s", a, last().Value)
	}
	if a := r.do("PATCH", "/kv/new?ttl=0", `{"x":1}`, merge); a.status != 200 || last().TTL != TTLNever {
		t.Errorf("a ttl: %s, %d", a, last().TTL)
	}
	stored := len(r.store.writes)
	for _, c := range []struct {
		target, body, header string
		status               int
	}{
		{"/kv/k", `{"a":2}`, "If-Match: " + tag, 412},
		{"/kv/k", `{"a":2}`, "If-None-Match: *", 412},
		{"/kv/absent", `{"a":2}`, "If-Match: *", 412},
		{"/kv/k", `{"a":`, merge, 400},
		{"/kv/k", ``, merge, 400},
		{"/kv/k", `{"a":2}`, "Content-Type: text/plain", 415},
		{"/kv/k?raw", `{"a":2}`, merge, 400},
		{"/kv/_acl/k", `{"a":2}`, merge, 400},
		{"/kv/k", `{"a":"` + strings.Repeat("x", 1<<20) + `"}`, merge, 413},
	} {
		if a := r.do("PATCH", c.target, c.body, c.header); a.status != c.status {
			t.Errorf("PATCH %s %.20s %s: %s, want %d", c.target, c.body, c.header, a, c.status)
		}
	}
	if len(r.store.writes) != stored {
		t.Errorf("stored %+v", r.store.writes[stored:])
	}
}

// Goal: a patch asks for the rights of a write, and of a create where the key is not
// there; an administrator needs none.
func TestPatchAsksForRights(t *testing.T) {
	guard := newFakeGuard()
	r := newRig(t, func(o *Options) { o.Guard = guard })
	for _, c := range []struct {
		who, key string
		status   int
	}{
		{"admin", "x", 201}, {"alice", "a", 201}, {"alice", "a", 200}, {"carol", "a", 403},
		{"reads", "b", 403}, {"carol", "b", 201}, {"alice", "b", 403}, {"admin", "b", 200},
	} {
		if a := r.do("PATCH", "/kv/"+c.key, `{"n":1}`, "Authorization: Bearer "+c.who); a.status != c.status {
			t.Errorf("%s patches %s: %s, want %d", c.who, c.key, a, c.status)
		}
	}
	if acl, ok := guard.Lookup("a"); !ok || acl.Owner != alice {
		t.Errorf("the key that alice created has rights %+v", acl)
	}
}
