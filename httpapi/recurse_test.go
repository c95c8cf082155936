package httpapi

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// Goal: a recursive delete takes what is below its prefix and nothing else, in pages, and
// only with the prefix repeated; a dry run changes nothing.
func TestRecurse(t *testing.T) {
	r := newRig(t, nil)
	for i := range 25 {
		r.do("PUT", fmt.Sprintf("/kv/r%%20m/%02d", i), "1")
	}
	for _, key := range []string{"r%20m", "r%20m0", "r"} {
		r.do("PUT", "/kv/"+key, "1")
	}
	for _, c := range []struct{ target, confirm, problem string }{
		{"/kv/r%20m/", "r m/", slugInvalidKey}, {"/kv/r%20m/?recurse=false", "r m", slugInvalidKey},
		{"/kv/r%20m/?recurse", "", slugConfirmation}, {"/kv/r%20m/?recurse", "r", slugConfirmation},
		{"/kv/r%20m/?recurse", "/", slugConfirmation}, {"/kv/?recurse", "r m", slugConfirmation},
		{"/kv/_acl/?recurse", "_acl", slugReservedKey}, {"/kv/r%20m/?recurse&list", "r m", slugInvalidParameter},
		{"/kv/r%20m?recurse", "r m", slugInvalidParameter},
	} {
		header := "KVS-Confirm: " + c.confirm
		if c.confirm == "" {
			header = "X: y"
		}
		if a := r.do("DELETE", c.target, "", header); a.problem() != c.problem {
			t.Errorf("%s confirmed by %q: %s, want %s", c.target, c.confirm, a, c.problem)
		}
	}
	before := len(r.store.records)
	if a := r.do("DELETE", "/kv/r%20m/?recurse&dry_run", ""); a.body != `{"matched":25,"deleted":0,"refused":0,"changed":0}` {
		t.Errorf("dry run: %s", a)
	}
	if len(r.store.records) != before {
		t.Error("a dry run has deleted something")
	}
	r.store.budget = 7
	total, pages := 0, 0
	for cursor := ""; ; pages++ {
		a := r.do("DELETE", "/kv/r%20m/?recurse&limit=4"+cursor, "", "KVS-Confirm: /r%20m/")
		var page struct {
			Deleted int
			Next    string
		}
		if err := json.Unmarshal([]byte(a.body), &page); err != nil || a.status != 200 || page.Deleted > 4 {
			t.Fatal(a)
		}
		total += page.Deleted
		if page.Next == "" {
			break
		}
		cursor = "&cursor=" + url.QueryEscape(page.Next)
	}
	if total != 25 || pages < 6 {
		t.Errorf("deleted %d in %d pages", total, pages)
	}
	if got := len(r.store.records); got != 3 {
		t.Errorf("%d records are left: %v", got, r.store.records)
	}
	if a := r.do("DELETE", "/kv/?recurse", "", "KVS-Confirm: /"); !strings.Contains(a.body, `"deleted":3`) {
		t.Errorf("everything: %s", a)
	}
	if a := r.do("OPTIONS", "/kv/a/", ""); a.status != 204 || a.header["Allow"] != allowPrefix {
		t.Errorf("OPTIONS: %s %v", a, a.header)
	}
}

// Goal: a recursive delete asks for the rights of each key, says nothing of what the
// caller may not read, and leaves a version that came after it had looked.
func TestRecurseRights(t *testing.T) {
	g := newFakeGuard()
	r := newRig(t, func(o *Options) { o.Guard = g })
	for _, key := range []string{"a/1", "a/2", "a/3"} {
		r.do("PUT", "/kv/"+key, "1", "Authorization: Bearer alice")
	}
	r.do("PUT", "/kv/a/4", "1", "Authorization: Bearer bob")
	for _, key := range []string{"a/1", "a/3"} {
		acl, _ := g.Lookup(key)
		acl.Mode |= 1 // others may read
		if err := g.SetACL(key, acl); err != nil {
			t.Fatal(err)
		}
	}
	a := r.do("DELETE", "/kv/a/?recurse", "", "Authorization: Bearer bob", "KVS-Confirm: a")
	if a.body != `{"matched":3,"deleted":1,"refused":2,"changed":0}` || a.header["Kvs-Results-Filtered"] != "acl" {
		t.Errorf("bob: %s", a)
	}
	r.store.onWrite = func(w Write) { // somebody is faster
		r.store.onWrite = nil
		i, _ := r.store.find("a/1")
		r.store.records[i].UUID[0]++
	}
	a = r.do("DELETE", "/kv/a/?recurse", "", "Authorization: Bearer alice", "KVS-Confirm: a")
	if a.body != `{"matched":3,"deleted":2,"refused":0,"changed":1}` {
		t.Errorf("alice: %s", a)
	}
	if _, ok := g.Lookup("a/2"); ok {
		t.Error("a/2 is gone, its rights are not")
	}
	if _, ok := g.Lookup("a/1"); !ok {
		t.Error("a/1 has stayed, its rights are gone")
	}
}
