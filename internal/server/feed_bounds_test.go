package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Goal: a page of changes is as small as one of a listing, however large its values are,
// and the next one goes on behind it.
func TestPagesOfChangesAreSmall(t *testing.T) {
	s := startNode(t, "a")
	value := `"` + strings.Repeat("v", 900<<10) + `"`
	const keys = 12
	for i := range keys {
		put(t, s, fmt.Sprint("big/", i), value)
	}
	seen, since := make(map[string]bool), "start"
	for pages := 0; len(seen) < keys; pages++ {
		if pages == keys {
			t.Fatalf("%d pages show %d keys", pages, len(seen))
		}
		answer, err := http.Get(s.URL() + "/changes?include=value&limit=1000&since=" + since)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || len(body) > 6<<20 {
			t.Fatalf("a page of %d bytes, %v", len(body), err)
		}
		var page struct {
			Changes []told
			Cursor  string
		}
		if err := json.Unmarshal(body, &page); err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Changes {
			seen[c.Key] = true
		}
		since = page.Cursor
	}
}

// Goal: what a reader may not see neither silences its feed nor prolongs its wait.
func TestHiddenChangesKeepNobodyWaiting(t *testing.T) {
	s := startGuarded(t, "a")
	admin := adminToken(t, s)
	_, token := userToken(t, s)
	get := func(query string) *http.Response {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/changes?"+query, nil)
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := (&http.Client{Timeout: 20 * time.Second}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	w, _ := watch(t, s, "heartbeat=1s", token)
	w.expect(t, "synced", "")
	done := make(chan struct{})
	defer close(done)
	go func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			r, _ := http.NewRequest(http.MethodPut, s.URL()+"/kv/secret", strings.NewReader(fmt.Sprint(i)))
			r.Header.Set("Authorization", "Bearer "+admin)
			if answer, err := http.DefaultClient.Do(r); err == nil {
				answer.Body.Close()
			}
		}
	}()
	select {
	case l := <-w.told:
		if l.Op != "heartbeat" {
			t.Errorf("hears %s of %s", l.Op, l.Key)
		}
	case <-time.After(20 * time.Second):
		t.Error("no heartbeat comes while hidden keys change")
	}
	answer := get("feed=longpoll&heartbeat=1s")
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || !strings.HasPrefix(string(body), `{"changes":[],`) {
		t.Errorf("%s %v", body, err)
	}
}
