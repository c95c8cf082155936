package httpapi

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// FuzzConditions: what is read of If-Match and If-None-Match is in the text, within its
// bounds, and written again it means the same.
func FuzzConditions(f *testing.F) {
	const tag = `"ffffffff-fb4e-8c3e-9d11-0f4b2f6c9a11"`
	for _, seed := range []string{"*", tag, "W/" + tag, tag + ", " + tag, tag + ",", `"a,b" , ` + tag, `""`, "* , *", `"`} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, line []byte, not bool) {
		m := Match{Not: not}
		if !m.add(line) {
			return
		}
		if m.Any && len(m.Versions) > 0 || len(m.Versions) > matchVersionsMax {
			t.Fatalf("%q is %+v", line, m)
		}
		var tags []string
		for _, id := range m.Versions {
			text := string(appendUUID(nil, id))
			if !strings.Contains(strings.ToLower(string(line)), `"`+text+`"`) {
				t.Fatalf("%q has no tag %s", line, text)
			}
			tags = append(tags, `"`+text+`"`)
		}
		if len(tags) > 0 {
			second := Match{Not: not}
			if !second.add([]byte(strings.Join(tags, ","))) || !reflect.DeepEqual(m, second) {
				t.Fatalf("%q is %+v, and then %+v", line, m, second)
			}
		}
	})
}

// FuzzMergePatch: a merge patch does what the pseudocode of RFC 7396 section 2 says, and
// its result is JSON.
func FuzzMergePatch(f *testing.F) {
	for _, c := range [][2]string{ // appendix A, in part
		{`{"a":"b"}`, `{"a":"c"}`}, {`{"a":"b","b":"c"}`, `{"a":null}`}, {`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`},
		{`[1,2]`, `{"a":"b","c":null}`}, {`{"e":null}`, `{"a":1}`}, {`{}`, `{"a":{"bb":{"ccc":null}}}`}, {`{"a":"foo"}`, `"bar"`},
		{`{"a":1,"a":{"b":2}}`, `{"a":{"c":3}}`}, {`{"\u0061":1}`, `{"a":null}`},
	} {
		f.Add([]byte(c[0]), []byte(c[1]))
	}
	f.Fuzz(func(t *testing.T, target, patch []byte) {
		var a, b scanner
		if a.scan(target) != nil || b.scan(patch) != nil {
			return // PATCH refuses them before
		}
		merged := mergePatch(target, patch)
		var before, change, got any
		if json.Unmarshal(target, &before) != nil || json.Unmarshal(patch, &change) != nil {
			return // a number that is too great for encoding/json
		}
		if err := json.Unmarshal(merged, &got); err != nil {
			t.Fatalf("%s and %s give %s: %v", target, patch, merged, err)
		}
		if want := merge7396(before, change); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s and %s give %s, want %v", target, patch, merged, want)
		}
	})
}

// merge7396 is the pseudocode.
func merge7396(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, ok := target.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	for name, value := range changes { // each is judged alone
		if value == nil {
			delete(object, name)
		} else {
			object[name] = merge7396(object[name], value)
		}
	}
	return object
}

// FuzzRequest: whatever method, target, header and body come, as an administrator or as
// a user, the answer is no fault of the server, and JSON where it says so; a listing
// shows a user nothing of what is hidden.
func FuzzRequest(f *testing.F) {
	user := `"00000000-0000-4000-8000-00000000000a"`
	for _, c := range [][4]string{
		{"GET", "/kv/a/?list&delimiter=/&depth=2&keys_only", "", ""}, {"GET", "/kv/?list&count&cursor=AgABYWI", "", ""},
		{"GET", "/kv/_range?prefix=a&limit=3", "If-Match", "*"}, {"PATCH", "/kv/a/b?ttl=1h", "If-None-Match", `{"x":null}`},
		{"PUT", "/kv/a/c", "Content-Type", `{"data":1,"ttl":"5s"}`}, {"PUT", "/acl/a/b", "", `{"owner":` + user + `,"mode":"fb0"}`},
		{"POST", "/auth/users", "", `{"nickname":"n"}`}, {"POST", "/auth/groups", "", `{"name":"g","members":[` + user + `]}`},
		{"POST", "/auth/tokens", "", `{"user_uuid":` + user + `,"scopes":["read"]}`}, {"DELETE", "/auth/tokens/x", "", ""},
		{"GET", "/acl/a/secret", "X-Request-Id", ""}, {"DELETE", "/kv/a/b?strict", "", ""}, {"PUT", "/admin/mode", "", `{"mode":"normal"}`},
		{"GET", "/members/%2e", "Sec-Fetch-Site", ""}, {"OPTIONS", "*", "Origin", "null"}, {"GET", "/audit?since=1", "", ""},
	} {
		for _, admin := range []bool{false, true} {
			f.Add(c[0], c[1], c[2], "*", []byte(c[3]), admin)
		}
	}
	f.Fuzz(func(t *testing.T, method, target, header, value string, body []byte, admin bool) {
		guard, store := newFakeGuard(), &fakeStore{}
		s := New(Options{Store: store, Cluster: fakeCluster{}, Operator: &fakeOperator{}, Guard: guard})
		send := func(who, method, target string, body []byte, headers ...string) (int, *fasthttp.Response) {
			var ctx fasthttp.RequestCtx
			ctx.Request.Header.SetMethod(method)
			ctx.Request.Header.SetRequestURI(target)
			for i := 0; i+1 < len(headers); i += 2 {
				ctx.Request.Header.Set(headers[i], headers[i+1])
			}
			ctx.Request.Header.Set("Authorization", "Bearer "+who)
			ctx.Request.SetBodyRaw(body)
			s.handle(&ctx)
			return ctx.Response.StatusCode(), &ctx.Response
		}
		send("alice", "PUT", "/kv/a/secret", []byte(`"hidden"`))
		send("carol", "PUT", "/kv/a/b", []byte(`{"x":1}`))
		who := "carol"
		if admin {
			who = "admin"
		}
		status, resp := send(who, method, target, body, header, value)
		if status >= 500 && status != fasthttp.StatusServiceUnavailable || status < 200 {
			t.Fatalf("%s %q: %d %s", method, target, status, resp.Body())
		}
		text := resp.Body()
		if kind := string(resp.Header.ContentType()); strings.HasSuffix(kind, "json") && !json.Valid(text) {
			t.Fatalf("%s %q: %q is not JSON", method, target, text)
		}
		if !admin && bytes.Contains(text, []byte("hidden")) && !strings.Contains(target+string(body), "hidden") {
			t.Fatalf("%s %q shows carol %s", method, target, text)
		}
	})
}
