package httpapi

import (
	"strings"
	"sync"
	"testing"
)

// Goal: nobody gets rights over what others have by creating, or by deleting, a key
// above it, or by losing a race for the same key.
func TestCreatingGivesNoRightsOverOthers(t *testing.T) {
	guard := newFakeGuard()
	r := newRig(t, func(o *Options) { o.Guard = guard })
	step := func(who, method, target, body string, status int, headers ...string) {
		t.Helper()
		a := r.do(method, target, body, append(headers, "Authorization: Bearer "+who)...)
		if a.status != status {
			t.Errorf("%s %s %s: %s, want %d", who, method, target, a, status)
		}
	}
	// What an administrator has put, without rights of its own.
	step("admin", "PUT", "/kv/vault/x/key", `"secret"`, 201)
	step("carol", "PUT", "/kv/vault", "1", 403)
	step("carol", "PUT", "/kv/vault/x", "1", 403)
	step("carol", "GET", "/kv/vault/x/key", "", 404)
	// A directory with rights and without a value.
	step("admin", "PUT", "/acl/fort", `{"owner":"`+string(alice)+`","mode":"cdwr,c-wr,----"}`, 204)
	step("alice", "PUT", "/kv/fort/secret", "1", 201)
	step("carol", "PUT", "/kv/fort", "1", 403)
	step("carol", "PATCH", "/kv/fort", "1", 403)
	step("alice", "PUT", "/kv/fort", "1", 201)
	// Deleting above leaves what is below to its owner.
	step("admin", "PUT", "/acl/pub", `{"mode":"cdwr,c-wr,c--r"}`, 204)
	step("alice", "PUT", "/kv/pub/a", "1", 201)
	step("alice", "PUT", "/kv/pub/a/secret", "1", 201)
	step("alice", "DELETE", "/kv/pub/a", "", 204)
	step("carol", "GET", "/kv/pub/a/secret", "", 404)
	step("alice", "GET", "/kv/pub/a/secret", "", 200)
	// A directory that never had a value keeps its rights.
	step("admin", "PUT", "/acl/team", `{"owner":"`+string(alice)+`","mode":"cdwr,c-wr,----"}`, 204)
	step("alice", "DELETE", "/kv/team", "", 204)
	step("admin", "DELETE", "/kv/team", "", 204)
	if _, ok := guard.Lookup("team"); !ok {
		t.Error("the rights of a directory are gone")
	}
	// One's own subtree may get a head.
	step("alice", "PUT", "/kv/mine/a", "1", 201)
	step("alice", "PUT", "/kv/mine", "1", 201)
	// Who is refused owns nothing.
	step("admin", "PUT", "/kv/box", `"admin's"`, 201)
	step("carol", "PUT", "/kv/box", "1", 403, "If-None-Match: *")
	step("carol", "GET", "/kv/box", "", 404)
}

// Goal: what may not be read is answered like what is not there, whatever else is wrong
// with the request.
func TestUnreadableLooksAbsent(t *testing.T) {
	guard := newFakeGuard()
	r := newRig(t, func(o *Options) { o.Guard = guard })
	r.do("PUT", "/kv/secret", "1", "Authorization: Bearer alice")
	r.do("PUT", "/acl/none", `{"mode":"fff"}`, "Authorization: Bearer admin")
	for _, query := range []string{"", "?raw", "?pretty", "?bogus=1", "?raw=2"} {
		for _, header := range []string{"X: y", "If-Match: junk", `If-None-Match: "x"`, "If-None-Match: *"} {
			hidden := r.do("GET", "/kv/secret"+query, "", header, "Authorization: Bearer carol")
			absent := r.do("GET", "/kv/none"+query, "", header, "Authorization: Bearer carol")
			if hidden.status != absent.status || hidden.problem() != absent.problem() || hidden.status == 200 {
				t.Errorf("%q %s: %s for what is hidden, %s for what is absent", query, header, hidden, absent)
			}
		}
	}
}

// Goal: asked for rights, a hidden key and what lies below it look like absent ones, in a
// directory that may be read and in one that may not.
func TestS10HiddenRightsLookAbsent(t *testing.T) {
	guard := newFakeGuard()
	r := newRig(t, func(o *Options) { o.Guard = guard })
	acl := func(who, key string) answer { return r.do("GET", "/acl/"+key, "", "Authorization: Bearer "+who) }
	r.do("PUT", "/acl/open", `{"owner":"`+string(bob)+`","mode":"cdwr,----,c--r"}`, "Authorization: Bearer admin")
	r.do("PUT", "/acl/shut", `{"mode":"cdwr,----,c---"}`, "Authorization: Bearer admin")
	for _, key := range []string{"open/secret", "shut/secret", "secret"} {
		if a := r.do("PUT", "/kv/"+key, "1", "Authorization: Bearer alice"); a.status != 201 {
			t.Fatal(a)
		}
		for _, below := range []string{"", "/x", "/x/y"} {
			absent := strings.Replace(key, "secret", "absent", 1)
			hidden, none := acl("carol", key+below), acl("carol", absent+below)
			if hidden.status != none.status || strings.ReplaceAll(hidden.body, "secret", "absent") != maskID(hidden, none) {
				t.Errorf("%s: %s, and %s of what is absent", key+below, hidden, none)
			}
			if open := strings.HasPrefix(key, "open"); open != (hidden.status == 200) {
				t.Errorf("%s: %s", key+below, hidden)
			}
		}
		if a := acl("alice", key); !strings.Contains(a.body, string(alice)) || !strings.Contains(a.body, `"inherited":false`) {
			t.Errorf("its owner is shown %s", a)
		}
		if a := acl("admin", key+"/x"); !strings.Contains(a.body, string(alice)) || !strings.Contains(a.body, `"inherited":true`) {
			t.Errorf("an administrator is shown %s", a)
		}
	}
	if a := acl("narrow", "open/secret"); a.status != 404 {
		t.Errorf("a token for another directory is shown %s", a)
	}
	if a := acl("writes", "open/secret"); a.status != 404 {
		t.Errorf("a token that may not read is shown %s", a)
	}
}

// maskID is the body of want with the request id of a.
func maskID(a, want answer) string {
	return strings.Replace(want.body, between(want.body, `"request_id":"`, `"`), between(a.body, `"request_id":"`, `"`), 1)
}

// Goal: of two who create one key at once, one owns it and the other cannot read it.
func TestCreationRace(t *testing.T) {
	guard := newFakeGuard()
	r := newRig(t, func(o *Options) { o.Guard = guard })
	for i := range 200 {
		key := "/kv/box" + strings.Repeat("x", i)
		var wait sync.WaitGroup
		answers := map[string]*answer{"bob": {}, "carol": {}}
		for who, a := range answers {
			wait.Go(func() { *a = r.do("PUT", key, `"`+who+`"`, "Authorization: Bearer "+who, "If-None-Match: *") })
		}
		wait.Wait()
		won := 0
		for who, a := range answers {
			read := r.do("GET", key+"?raw", "", "Authorization: Bearer "+who)
			if a.status == 201 {
				won++
			}
			if (a.status == 201) != (read.status == 200) || read.status == 200 && read.body != `"`+who+`"` {
				t.Fatalf("%s was answered %s and reads %s", who, a, read)
			}
		}
		if won != 1 {
			t.Fatalf("%d have created %s", won, key)
		}
	}
}
