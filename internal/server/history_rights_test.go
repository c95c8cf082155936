package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// asker asks a node with a token.
func asker(t *testing.T, s *Server, token string) func(method, path, body string) (int, string) {
	return func(method, path, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(method, s.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		text, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		return a.StatusCode, string(text)
	}
}

// Goal: the rights of a key end with it. Whoever creates it anew, or may read what is not
// there, is shown nothing of the versions before: they may have been hidden.
func TestHistoryEndsWithTheRights(t *testing.T) {
	s := startGuarded(t, "a")
	_, one := userToken(t, s)
	_, two := userToken(t, s)
	first, second, admin := asker(t, s, one), asker(t, s, two), asker(t, s, adminToken(t, s))
	admin("PUT", "/acl/open", `{"mode":"fff"}`)
	for _, key := range []string{"k", "open/k", "open/gone"} {
		for i := range 2 {
			if status, answer := first("PUT", "/kv/"+key, fmt.Sprint(`"secret`, i, `"`)); status/100 != 2 {
				t.Fatal(status, answer)
			}
		}
		_, answer := first("GET", "/kv/"+key, "")
		var secret struct {
			UUID      string
			Timestamp int64
		}
		if err := json.Unmarshal([]byte(answer), &secret); err != nil {
			t.Fatal(err)
		}
		if _, answer := first("GET", "/kv/"+key+"?revisions", ""); !strings.Contains(answer, "secret0") {
			t.Errorf("its owner is shown %s of %s", answer, key)
		}
		after(t, secret.Timestamp)
		admin("DELETE", "/kv/"+key, "")
		gone := key == "open/gone"
		for i := 0; i < 2 && !gone; i++ {
			if status, answer := second("PUT", "/kv/"+key, fmt.Sprint(`"mine`, i, `"`)); status/100 != 2 {
				t.Fatal(status, answer)
			}
		}
		dir := key[:strings.LastIndexByte(key, '/')+1]
		for _, path := range []string{
			key + "?revisions", key + "?explain", key + "?rev=" + secret.UUID, fmt.Sprint(key, "?at=", secret.Timestamp),
			fmt.Sprint(dir, "?list&at=", secret.Timestamp),
		} {
			_, answer := second("GET", "/kv/"+path, "")
			if strings.Contains(answer, "secret") || strings.Contains(answer, secret.UUID) {
				t.Errorf("%s shows %s", path, answer)
			}
		}
		if status, answer := second("GET", "/kv/"+key+"?revisions", ""); !gone && (status != http.StatusOK ||
			!strings.Contains(answer, "mine1") || !strings.Contains(answer, "mine0")) {
			t.Errorf("its owner is shown %d %s of %s", status, answer, key)
		}
		if _, answer := admin("GET", "/kv/"+key+"?revisions", ""); !strings.Contains(answer, "secret1") {
			t.Errorf("an administrator is shown %s", answer)
		}
	}
}

// Goal: a hidden key looks absent also to who asks for its past, for other replicas, or
// with a session.
func TestHiddenKeyHasNoPast(t *testing.T) {
	s := startGuarded(t, "a")
	_, token := userToken(t, s)
	admin := asker(t, s, adminToken(t, s))
	admin("PUT", "/acl/open", `{"mode":"ffd"}`)
	admin("PUT", "/kv/open/hidden", "1")
	admin("PUT", "/acl/open/hidden", `{"mode":"f00"}`)
	ask := func(key, query, session string) (answer string) {
		r, _ := http.NewRequest(http.MethodGet, s.URL()+"/kv/open/"+key+query, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		if session != "-" {
			r.Header.Set("KVS-Session", session)
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		var p struct{ Code, Detail string }
		if err := json.NewDecoder(a.Body).Decode(&p); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(a.StatusCode, p, a.Header["Kvs-Session"])
	}
	for _, query := range []string{
		"", "?revisions", "?revisions=0", "?rev=x", "?rev=00000000-0000-8000-8000-000000000000", "?at=x", "?at=1",
		"?at=99999999999999", "?explain", "?explain&at=1", "?explain&meta", "?wait=x", "?read=x", "?read=1", "?read=2&wait=0s",
	} {
		for _, session := range []string{"-", "", "junk"} {
			hidden, absent := ask("hidden", query, session), ask("absent", query, session)
			if strings.ReplaceAll(hidden, "hidden", "absent") != absent {
				t.Errorf("%q, session %q: %s for what is hidden, %s for what is absent", query, session, hidden, absent)
			}
		}
	}
}
