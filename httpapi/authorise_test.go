package httpapi

import (
	"strings"
	"testing"

	"kvs/internal/auth"
)

// access is what a caller gets at an endpoint.
type access int

const (
	open   access = iota // anybody
	token                // any token
	admins               // tokens of scope admin
)

// routes is what each endpoint asks of its caller. Those of keys have tests of their
// own.
var routes = []struct {
	method, target, body string
	access               access
}{
	{"GET", "/health", "", open},
	{"GET", "/healthz", "", open},
	{"GET", "/readyz", "", open},
	{"GET", "/members", "", open},
	{"GET", "/members/", "", open},
	{"GET", "/version", "", open},
	{"GET", "/licenses", "", open},
	{"GET", "/openapi.yaml", "", open},
	{"GET", "/openapi.json", "", open},
	{"GET", "/docs", "", open},
	{"GET", "/console/", "", open},
	{"GET", "/console/x", "", open},
	{"GET", "/problems/internal", "", open},
	{"GET", "/.well-known/jwks.json", "", open},
	{"GET", "/changes", "", token},
	{"GET", "/conflicts", "", token},
	{"POST", "/admin/rewind", `{}`, admins},
	{"GET", "/auth/whoami", "", token},
	{"GET", "/kv/_range", "", token},
	{"GET", "/kv/_recent", "", token},
	{"POST", "/kv/_batch", "[]", token},
	{"GET", "/kv/a/?list", "", token},
	{"DELETE", "/kv/a/?recurse&dry_run", "", token},
	{"GET", "/acl/", "", token},
	{"GET", "/kv/nothing-there", "", token},
	{"GET", "/sync/merkle/root", "", token},
	{"GET", "/sync/status", "", admins},
	{"GET", "/sync/diff?peer=b", "", admins},
	{"POST", "/sync/now", "", admins},
	{"POST", "/members/leave", "", admins},
	{"DELETE", "/members/b", "", admins},
	{"PUT", "/admin/mode", `{"mode":"normal"}`, admins},
	{"POST", "/config/reload", "", admins},
	{"GET", "/metrics", "", admins},
	{"GET", "/status", "", admins},
	{"GET", "/lab", "", admins},
	{"POST", "/lab", `{"verb":"heal"}`, admins},
	{"GET", "/debug/log-level", "", admins},
	{"PUT", "/debug/log-level", `{"level":"info"}`, admins},
	{"GET", "/debug/flight", "", admins},
	{"GET", "/debug/pprof/", "", admins},
	{"GET", "/debug/pprof/heap", "", admins},
	{"GET", "/audit?since=0", "", admins},
	{"GET", "/audit/checkpoints", "", admins},
	{"GET", "/auth/users", "", admins},
	{"POST", "/auth/users", `{"nickname":"n"}`, admins},
	{"GET", "/auth/users/x", "", admins},
	{"DELETE", "/auth/users/x", "", admins},
	{"GET", "/auth/groups", "", admins},
	{"POST", "/auth/groups", `{"name":"n"}`, admins},
	{"GET", "/auth/groups/x", "", admins},
	{"DELETE", "/auth/groups/x", "", admins},
	{"GET", "/auth/tokens", "", admins},
	{"POST", "/auth/tokens", `{}`, admins},
	{"DELETE", "/auth/tokens/x", "", admins},
	{"POST", "/auth/keys/rotate", "", admins},
	{"GET", "/admin/backups", "", admins},
	{"POST", "/admin/backups", "", admins},
	{"GET", "/admin/backups/x", "", admins},
	{"DELETE", "/admin/backups/x", "", admins},
	{"GET", "/admin/backups/x/download", "", admins},
	{"POST", "/admin/restore?mode=merge", "x", admins},
	{"PUT", "/acl/", `{"mode":"fff"}`, admins},
}

// Goal: every route asks of every kind of caller what the table says. Method: all
// rows times all callers, with and without Expect: 100-continue, which is answered
// by other code.
func TestS1RoutesAskForTokens(t *testing.T) {
	guard := newFakeGuard()
	r := newRig(t, func(o *Options) { o.Guard = guard })
	for _, row := range routes {
		for caller, level := range map[string]access{
			"": open, "forged": open, "gone": open,
			"reads": token, "writes": token, "alice": token, "narrow": token, "admin": admins,
		} {
			headers := []string{"Content-Type: application/json"}
			if caller != "" {
				headers = append(headers, "Authorization: Bearer "+caller)
			}
			a := r.do(row.method, row.target, row.body, headers...)
			want := ""
			switch {
			case level >= row.access:
			case level == open:
				want = slugUnauthorized
			default:
				want = slugForbidden
			}
			got := a.problem()
			if want != "" && got != want || want == "" && (got == slugUnauthorized || got == slugForbidden) {
				t.Errorf("%s %s as %q: %s, want %q", row.method, row.target, caller, a, want)
			}
			if got == slugUnauthorized && !strings.HasPrefix(a.header["Www-Authenticate"], `Bearer realm="kvs"`) {
				t.Errorf("%s: no challenge: %v", row.target, a.header)
			}
		}
	}
	a := r.do("PUT", "/kv/k", "1", "Expect: 100-continue", "Content-Type: application/json")
	if a.problem() != slugUnauthorized {
		t.Errorf("a PUT that waits for leave to send its body: %s", a)
	}
	for _, header := range []string{"Basic YTpi", "Bearer", "bearer  admin", "admin", ""} {
		if a := r.do("GET", "/kv/k", "", "Authorization: "+header); a.problem() != slugUnauthorized {
			t.Errorf("Authorization %q: %s", header, a)
		}
	}
	if a := r.do("GET", "/auth/whoami", "", "Authorization: bearer admin"); a.status != 200 {
		t.Errorf("the scheme in lower case (RFC 9110 section 11.1): %s", a)
	}
}

// Goal: an endpoint without a row in the table fails.
func TestEveryRouteHasARow(t *testing.T) {
	for _, paths := range []map[string]endpoint{fixed, named} {
		for path := range paths {
			before, rest, _ := strings.Cut(path, "{")
			_, after, _ := strings.Cut(rest, "}")
			found := false
			for _, row := range routes {
				target, _, _ := strings.Cut(row.target, "?")
				found = found || target == path ||
					before != path && strings.HasPrefix(target, before) && strings.HasSuffix(target, after)
			}
			if !found {
				t.Errorf("%s has no row in routes", path)
			}
		}
	}
}

// Goal: what an endpoint says of itself without authentication.
func TestWithoutGuard(t *testing.T) {
	r := newRig(t, nil)
	for _, target := range []string{"/auth/users", "/auth/whoami", "/acl/k", "/.well-known/jwks.json"} {
		if a := r.do("GET", target, ""); a.problem() != slugNotFound || !strings.Contains(a.body, "auth_enabled") {
			t.Errorf("%s: %s", target, a)
		}
	}
}

// Goal: the walk of the documentation: a user, a group and a token, rights shown and
// set, and what a second user then sees.
func TestUsersAndRights(t *testing.T) {
	guard := newFakeGuard()
	r := newRig(t, func(o *Options) { o.Guard = guard })
	as := func(who, method, target, body string) answer {
		return r.do(method, target, body, "Authorization: Bearer "+who, "Content-Type: application/json")
	}
	expect := func(a answer, status int, part string) {
		t.Helper()
		if a.status != status || !strings.Contains(a.body, part) {
			t.Errorf("%s, want %d and %q", a, status, part)
		}
	}
	a := as("admin", "POST", "/auth/users", `{"nickname":"john","email":"john@example.com"}`)
	expect(a, 201, `{"uuid":"`)
	id := between(a.body, `"uuid":"`, `"`)
	expect(as("admin", "GET", "/auth/users/"+id, ""), 200, `"nickname":"john"`)
	expect(as("admin", "POST", "/auth/tokens", `{"user_uuid":"`+id+`","scopes":["read"],"ttl":"1h"}`), 201, `"token":"a-token"`)
	expect(as("admin", "POST", "/auth/tokens", `{"user_uuid":"`+id+`","scopes":["root"]}`), 400, "scopes")
	expect(as("admin", "DELETE", "/auth/users/"+id, ""), 204, "")
	expect(as("admin", "POST", "/auth/tokens", `{"user_uuid":"`+id+`","scopes":["read"]}`), 404, "no user")
	expect(as("admin", "DELETE", "/auth/tokens/some", ""), 204, "")
	if len(guard.revoked) != 1 || guard.revoked[0] != "some" {
		t.Errorf("revoked %q", guard.revoked)
	}

	expect(as("alice", "PUT", "/kv/a/x", "1"), 201, "uuid")
	expect(as("alice", "GET", "/acl/a/x", ""), 200, `"owner":"`+string(alice)+`"`)
	expect(as("carol", "GET", "/kv/a/x", ""), 404, `no such key on this node: \"a/x\"`)
	expect(as("carol", "GET", "/kv/a/y", ""), 404, `no such key on this node: \"a/y\"`)
	expect(as("carol", "GET", "/acl/a/x", ""), 404, "no such key")
	expect(as("carol", "PUT", "/kv/a/x", "2"), 403, "rights")
	expect(as("carol", "DELETE", "/kv/a/x", ""), 403, "rights")
	expect(as("carol", "PUT", "/acl/a/x", `{"owner":"`+string(alice)+`","mode":"fff"}`), 403, "owner")
	expect(as("alice", "PUT", "/acl/a/x", `{"owner":"`+string(bob)+`","mode":"fff"}`), 403, "owner")
	expect(as("alice", "PUT", "/acl/a/x", `{"owner":"`+string(alice)+`","mode":"cdwr,----,---r"}`), 204, "")
	expect(as("carol", "GET", "/kv/a/x", ""), 200, `"data":1`)
	expect(as("carol", "GET", "/kv/_range", ""), 200, `"key":"a/x"`)
	expect(as("alice", "PUT", "/kv/b", "1"), 201, "uuid")
	if a := as("carol", "GET", "/kv/_range", ""); strings.Contains(a.body, `"b"`) || a.header["Kvs-Results-Filtered"] != "acl" {
		t.Errorf("a listing shows what may not be read, or does not say so: %s %v", a, a.header)
	}
	expect(as("alice", "PUT", "/kv/d/secret", "12"), 201, "uuid")
	expect(as("carol", "GET", "/kv/?list&delimiter=/&keys_only", ""), 200, `{"items":[{"key":"a/"}]}`)
	expect(as("carol", "GET", "/kv/d/?list", ""), 200, `{"items":[]}`)
	expect(as("carol", "GET", "/kv/?list&count", ""), 200, `{"keys":1,"bytes":1}`)
	expect(as("alice", "GET", "/kv/?list&delimiter=/&keys_only", ""), 200, `{"items":[{"key":"a/"},{"key":"b"},{"key":"d/"}]}`)
	expect(as("narrow", "GET", "/kv/b", ""), 404, "no such key")
	expect(as("narrow", "GET", "/kv/a/x", ""), 200, `"data":1`)
	expect(as("writes", "GET", "/kv/a/x", ""), 404, "no such key")
	expect(as("reads", "PUT", "/kv/a/x", "3"), 403, "token")
	expect(as("alice", "DELETE", "/kv/a/x", ""), 204, "")
	if _, ok := guard.Lookup("a/x"); ok {
		t.Error("the rights of a deleted key stay")
	}
	if auth.RootACL() != auth.Above("a/x", guard.Lookup) {
		t.Error("something was set above it")
	}
}
