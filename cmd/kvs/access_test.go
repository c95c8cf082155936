package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"kvs/internal/auth"
)

const (
	john    = "4d67ad26-2f89-456c-a3ed-097a05fa36d6"
	mary    = "5d67ad26-2f89-456c-a3ed-097a05fa36d6"
	another = "6d67ad26-2f89-456c-a3ed-097a05fa36d6"
	ops     = "7d67ad26-2f89-456c-a3ed-097a05fa36d6"
)

// people is a node with two users that are called john, and one group.
func people(answers map[string]string) *fakeNode {
	f := &fakeNode{answers: map[string][]reply{
		"GET /auth/users": ok(`{"users":[{"uuid":"` + john + `","nickname":"john"},{"uuid":"` + mary +
			`","nickname":"mary"},{"uuid":"` + another + `","nickname":"mary"}]}`),
		"GET /auth/groups": ok(`{"groups":[{"uuid":"` + ops + `","name":"ops","members":["` + john + `"]}]}`),
		"GET /acl/a/b%20c": ok(`{"owner":"` + mary + `","group":"","mode":"cdwr,c-wr,----","inherited":true}`),
	}}
	for call, answer := range answers {
		f.answers[call] = ok(answer)
	}
	return f
}

// Goal: what the commands for users, groups, tokens, keys and rights ask of the
// node, what they send and print, and their exit codes.
func TestCommandsOfAccess(t *testing.T) {
	for _, c := range []struct {
		line   []string
		calls  []string
		sends  string // the last body
		prints string
		code   int
	}{
		{[]string{"user", "create", "john", "--email", "j@example.com"}, []string{"POST /auth/users"},
			`{"email":"j@example.com","nickname":"john"}`, john + "\n", 0},
		{[]string{"user", "ls"}, []string{"GET /auth/users"}, "", john + "  john", 0},
		{[]string{"user", "rm", "john", "-y"}, []string{"GET /auth/users", "DELETE /auth/users/" + john}, "", "deleted: john\n", 0},
		{[]string{"user", "rm", john, "-y"}, []string{"DELETE /auth/users/" + john}, "", "deleted", 0},
		{[]string{"user", "rm", "nobody", "-y"}, []string{"GET /auth/users"}, "", "", exitNotFound},
		{[]string{"user", "rm", "mary", "-y"}, []string{"GET /auth/users"}, "", "", exitConflict},
		{[]string{"group", "create", "ops", "--member", "john"}, []string{"GET /auth/users", "POST /auth/groups"},
			`{"members":["` + john + `"],"name":"ops"}`, ops + "\n", 0},
		{[]string{"group", "ls"}, []string{"GET /auth/groups"}, "", ops + "  ops", 0},
		{[]string{"group", "rm", "ops", "-y"}, []string{"GET /auth/groups", "DELETE /auth/groups/" + ops}, "", "deleted: ops\n", 0},
		{[]string{"token", "create", "john", "--scope", "read,write", "--ttl", "1h", "--path", "a"},
			[]string{"GET /auth/users", "POST /auth/tokens"},
			`{"path_prefix":"a","scopes":["read","write"],"ttl":"1h","user_uuid":"` + john + `"}`, "T.O.K\n", 0},
		{[]string{"token", "ls"}, []string{"GET /auth/tokens"}, "", "REVOKED  REMEMBERED UNTIL\nabc      1970-01-01T00:00:05Z\n", 0},
		{[]string{"token", "revoke", "abc"}, []string{"DELETE /auth/tokens/abc"}, "", "revoked: abc\n", 0},
		{[]string{"token", "whoami"}, []string{"GET /auth/whoami"}, "", `{"user_uuid":"x"}` + "\n", 0},
		{[]string{"key", "rotate"}, []string{"POST /auth/keys/rotate"}, "", "new key\n", 0},
		{[]string{"key", "ls"}, []string{"GET /.well-known/jwks.json"}, "", "k1   EdDSA", 0},
		{[]string{"acl", "a/b c"}, []string{"GET /acl/a/b%20c"}, "", "cdwr,c-wr,----  owner " + mary + "  group none  (inherited)\n", 0},
		{[]string{"acl", "/"}, []string{"GET /acl/"}, "", "cdwr,c---,c---", 0},
		{[]string{"chmod", "fb1", "a/b c"}, []string{"GET /acl/a/b%20c", "PUT /acl/a/b%20c"},
			`{"owner":"` + mary + `","group":"","mode":"cdwr,c-wr,---r"}`, "cdwr,c-wr,---r", 0},
		{[]string{"chown", "john:ops", "a/b c"}, []string{"GET /acl/a/b%20c", "GET /auth/users", "GET /auth/groups", "PUT /acl/a/b%20c"},
			`{"owner":"` + john + `","group":"` + ops + `","mode":"cdwr,c-wr,----"}`, "owner " + john, 0},
		{[]string{"chown", ":none", "a/b c"}, []string{"GET /acl/a/b%20c", "PUT /acl/a/b%20c"},
			`{"owner":"` + mary + `","group":"","mode":"cdwr,c-wr,----"}`, "group none", 0},
		{[]string{"chmod", "rwx", "a"}, nil, "", "", exitUsage},
		{[]string{"user", "rm", "john"}, nil, "", "", exitUsage},
		{[]string{"token", "create"}, nil, "", "", exitUsage},
		{[]string{"token", "mint", "--scope", "all"}, nil, "", "", exitUsage},
		{[]string{"token", "mint", "--scope", "read"}, nil, "", "", exitUsage},
		{[]string{"token", "mint", "--data-dir", "no/where"}, nil, "", "", exitNotFound},
	} {
		f := people(map[string]string{
			"POST /auth/users": `{"uuid":"` + john + `"}`, "POST /auth/groups": `{"uuid":"` + ops + `"}`,
			"GET /auth/tokens": `{"revoked":[{"jti":"abc","kept_until":5000}],"more":false}`, "POST /auth/tokens": `{"token":"T.O.K"}`, "GET /auth/whoami": `{"user_uuid":"x"}`,
			"GET /.well-known/jwks.json": `{"keys":[{"kid":"k1","alg":"EdDSA","x":"AA"}]}`,
			"GET /acl/":                  `{"mode":"cdwr,c---,c---"}`, "PUT /acl/a/b%20c": "",
			"DELETE /auth/users/" + john: "", "DELETE /auth/groups/" + ops: "", "DELETE /auth/tokens/abc": "",
			"POST /auth/keys/rotate": "",
		})
		out, err := f.run(c.line...)
		var calls []string
		for _, call := range f.asked {
			calls = append(calls, strings.TrimPrefix(call, "127.0.0.1:8080 "))
		}
		if codeOrZero(err) != c.code || !slices.Equal(calls, c.calls) || !strings.Contains(out, c.prints) {
			t.Errorf("%q: exit code %d (%v), asked %q, printed %q", c.line, codeOrZero(err), err, calls, out)
		}
		if c.sends != "" && f.bodies[len(f.bodies)-1] != c.sends {
			t.Errorf("%q sends %s", c.line, f.bodies[len(f.bodies)-1])
		}
		if err != nil && !strings.Contains(err.Error(), "Try: ") {
			t.Errorf("%q: %v", c.line, err)
		}
	}
}

// Goal: a token that is minted beside a node is one that nodes of its cluster
// verify, and says what was asked for.
func TestTokenMintOffline(t *testing.T) {
	dir := t.TempDir()
	ring, err := auth.OpenKeyring(dir)
	if err != nil {
		t.Fatal(err)
	}
	ticket := auth.Ticket{User: auth.AdminUser, Scope: auth.ScopeAdmin, TTL: time.Second}
	admin, _, err := ring.Current().Mint("the-cluster", ticket, time.Now().Add(-time.Hour)) // has ended
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "admin.token"), []byte(admin+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	keys := auth.NewKeys()
	if err := keys.Put(ring.Current().Public("00000000000000000000000000000001", time.Now())); err != nil {
		t.Fatal(err)
	}
	verifier := auth.NewVerifier("the-cluster", time.Hour, keys, auth.NewRevocations(), time.Now)
	f := &fakeNode{}
	for _, c := range []struct {
		more []string
		user auth.UserID
		want auth.Scope
	}{
		{nil, auth.AdminUser, auth.ScopeAdmin},
		{[]string{"--user", john, "--scope", "read,write", "--path", "a/b", "--ttl", "5m"}, john, auth.ScopeRead | auth.ScopeWrite},
	} {
		token, err := f.run(append([]string{"token", "mint", "--data-dir", dir}, c.more...)...)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := verifier.Verify([]byte(strings.TrimSpace(token)))
		if err != nil || claims.User != c.user || claims.Scope != c.want {
			t.Errorf("%q: %+v %v", c.more, claims, err)
		}
		file := filepath.Join(t.TempDir(), "t")
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		shown, err := f.run("token", "inspect", file)
		var said struct{ Sub, Iss string }
		if err != nil || json.Unmarshal([]byte(shown), &said) != nil || said.Sub != string(c.user) || said.Iss != "the-cluster" {
			t.Errorf("inspect: %s %v", shown, err)
		}
	}
	if _, err := f.run("token", "inspect"); codeOrZero(err) != exitUsage {
		t.Errorf("inspect of no token: %v", err)
	}
	if len(f.asked) != 0 {
		t.Errorf("asked a node: %q", f.asked)
	}
}
