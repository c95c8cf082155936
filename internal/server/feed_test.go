package server

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"kvs/httpapi"
	"kvs/internal/auth"
	"kvs/internal/config"
)

// told is a line of a feed.
type told struct {
	Op, Key, Version, Cursor string
	Data                     json.RawMessage
}

// lines reads a feed in the background.
type lines struct {
	told   chan told
	cancel context.CancelFunc
}

// watch follows a node's changes; status is not 200 if it refuses.
func watch(t *testing.T, s *Server, query, token string) (w *lines, status int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"/changes?feed=continuous&"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	w = &lines{told: make(chan told, 10_000), cancel: cancel}
	go func() {
		defer answer.Body.Close()
		defer close(w.told)
		scan := bufio.NewScanner(answer.Body)
		scan.Buffer(nil, 4<<20)
		for scan.Scan() {
			var l told
			if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
				t.Errorf("%v in the line %q", err, scan.Text())
			}
			w.told <- l
		}
	}()
	return w, answer.StatusCode
}

// next is the next line that is not a heartbeat; ok is false once the feed has ended.
func (w *lines) next(t *testing.T) (l told, ok bool) {
	t.Helper()
	for {
		select {
		case l, ok = <-w.told:
			if l.Op != "heartbeat" {
				return l, ok
			}
		case <-time.After(30 * time.Second):
			t.Fatal("nothing comes")
		}
	}
}

// expect reads lines up to one, which has an operation and a key.
func (w *lines) expect(t *testing.T, op, key string) told {
	t.Helper()
	for {
		l, ok := w.next(t)
		if !ok {
			t.Fatalf("the feed ended before %s of %s", op, key)
		}
		if l.Op == op && l.Key == key {
			return l
		}
	}
}

// Goal: what happens is told as it happens, with values if wanted; what expires too;
// and a cursor goes on where it was, also at another node.
func TestFeed(t *testing.T) {
	a, b := meeting(t)
	put(t, a, "users/before", `{"n":1}`)
	w, _ := watch(t, a, "since=start&include=value&prefix=users/", "")
	if l := w.expect(t, "put", "users/before"); string(l.Data) != `{"n":1}` {
		t.Errorf("value %s", l.Data)
	}
	w.expect(t, "synced", "")
	put(t, b, "users/new", "[\n1,\n2]")
	put(t, a, "other", "1")
	if l := w.expect(t, "put", "users/new"); strings.Join(strings.Fields(string(l.Data)), "") != "[1,2]" {
		t.Errorf("value %s", l.Data)
	}
	if _, err := a.api().Write(httpapi.Write{Key: "users/short", Value: []byte("1"), TTL: 300}); err != nil {
		t.Fatal(err)
	}
	w.expect(t, "put", "users/short")
	lapsed := w.expect(t, "expire", "users/short")
	w.cancel()
	if _, err := a.api().Write(httpapi.Write{Key: "users/new", Delete: true}); err != nil {
		t.Fatal(err)
	}
	put(t, b, "users/later", "3")
	eventually(t, 20*time.Second, "equal roots", func() bool { return sameRoots(a, b) })
	w, _ = watch(t, b, "prefix=users/&since="+lapsed.Cursor, "")
	seen := make(map[string]string)
	for {
		l, _ := w.next(t)
		if l.Op == "synced" {
			break
		}
		seen[l.Key] = l.Op
	}
	if got := fmt.Sprint(seen); got != "map[users/later:put users/new:delete]" {
		t.Errorf("another node goes on with %s", got)
	}
	if _, status := watch(t, a, "since=AAAA", ""); status != http.StatusBadRequest {
		t.Errorf("a broken cursor: %d", status)
	}
}

// Goal: with a token that may not read a key, nothing is heard of it; and a feed ends
// when its token does.
func TestFeedAsksForRights(t *testing.T) {
	s := startGuarded(t, "a")
	admin := adminToken(t, s)
	_, token := userToken(t, s)
	ask := func(method, path, token, body string) int {
		r, _ := http.NewRequest(method, s.URL()+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	w, status := watch(t, s, "since=start&heartbeat=1s", token)
	if status != http.StatusOK {
		t.Fatal(status)
	}
	if _, status := watch(t, s, "", ""); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	w.expect(t, "synced", "")
	ask("PUT", "/kv/secret", admin, "1")
	ask("PUT", "/kv/mine", token, "1")
	if l, _ := w.next(t); l.Key != "mine" {
		t.Errorf("hears %s of %s", l.Op, l.Key)
	}
	claims := strings.Split(token, ".")[1]
	if got := ask("DELETE", "/auth/tokens/"+jtiOf(t, claims), admin, ""); got != http.StatusNoContent {
		t.Fatalf("revoke: %d", got)
	}
	if l, ok := w.next(t); ok {
		t.Errorf("a revoked token hears %s of %s", l.Op, l.Key)
	}
}

// Goal: whoever leaves a group hears no more of what the group may read, in a feed that
// goes on; nor does a poll answer a token whose user has gone meanwhile.
func TestFeedAsksForGroups(t *testing.T) {
	s := startGuarded(t, "a")
	user, token := userToken(t, s)
	group := auth.GroupRequest{Name: "team"}.Group(time.Now())
	set := func(members ...auth.UserID) {
		group.Members = members
		if err := s.guard.PutGroup(group); err != nil {
			t.Fatal(err)
		}
	}
	set(user)
	for path, mode := range map[string]auth.Mode{"team": 0x010, "mine": 0xfff} {
		if err := s.guard.SetACL(path, auth.ACL{Owner: auth.AdminUser, Group: group.ID, Mode: mode}); err != nil {
			t.Fatal(err)
		}
	}
	w, _ := watch(t, s, "", token)
	w.expect(t, "synced", "")
	put(t, s, "team/a", "1")
	w.expect(t, "put", "team/a")
	set()
	eventually(t, 20*time.Second, "the feed is silent about the group", func() bool {
		put(t, s, "team/b", "1")
		put(t, s, "mine/b", "1")
		l, _ := w.next(t)
		if l.Key == "team/b" {
			w.expect(t, "put", "mine/b")
		}
		return l.Key == "mine/b"
	})
	poll, err := http.NewRequest(http.MethodGet, s.URL()+"/changes?feed=longpoll&heartbeat=3s&prefix=none", nil)
	if err != nil {
		t.Fatal(err)
	}
	poll.Header.Set("Authorization", "Bearer "+token)
	status := make(chan int, 1)
	go func() {
		answer, err := http.DefaultClient.Do(poll)
		if err != nil {
			status <- 0
			return
		}
		answer.Body.Close()
		status <- answer.StatusCode
	}()
	eventually(t, 20*time.Second, "the poll waits", func() bool {
		s.feed.mu.Lock()
		defer s.feed.mu.Unlock()
		return s.feed.followers == 2
	})
	if err := s.guard.DropUser(user); err != nil {
		t.Fatal(err)
	}
	if got := <-status; got != http.StatusUnauthorized {
		t.Errorf("a poll of a user that is gone: %d", got)
	}
}

// Goal: who is slower than what happens is told from the store, and misses nothing.
func TestSlowFollowerReadsTheStore(t *testing.T) {
	s := startNode(t, "a")
	f, err := s.feed.Follow(httpapi.SinceNow, "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	latest := make(map[string]string)
	show := func(c httpapi.Change) bool { latest[c.Key] = string(c.Data); return true }
	if rest, err := f.Next(10, 0, show); rest != httpapi.RestAll || err != nil {
		t.Fatal(rest, err)
	}
	s.feed.mu.Lock()
	s.feed.batchesMax = 4
	s.feed.mu.Unlock()
	for i := range 50 {
		put(t, s, fmt.Sprint("k", i%20), fmt.Sprint(i))
	}
	for len(latest) < 20 || latest["k9"] != "49" {
		if _, err := f.Next(7, time.Second, show); err != nil {
			t.Fatal(err)
		}
	}
	for i := 30; i < 50; i++ {
		if got := latest[fmt.Sprint("k", i%20)]; got != fmt.Sprint(i) {
			t.Errorf("k%d is %s, want %d", i%20, got, i)
		}
	}
}

// Goal: a node takes max_watchers followers, and stops at once though they wait.
func TestFollowersAreCounted(t *testing.T) {
	s := startWith(t, "a", nil, func(c *config.Config) { c.MaxWatchers = 2 })
	first, _ := watch(t, s, "", "")
	second, _ := watch(t, s, "", "")
	first.expect(t, "synced", "")
	second.expect(t, "synced", "")
	if _, status := watch(t, s, "", ""); status != http.StatusServiceUnavailable {
		t.Errorf("a third follower: %d", status)
	}
	first.cancel()
	eventually(t, 30*time.Second, "the place is free again", func() bool {
		put(t, s, "k", "1") // its connection is found to be gone when something is sent
		s.feed.mu.Lock()
		defer s.feed.mu.Unlock()
		return s.feed.followers == 1
	})
	began := time.Now()
	s.feed.close()
	if _, ok := second.next(t); ok {
		for ok {
			_, ok = second.next(t)
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("a follower waited %v after the end", took)
	}
}

// BenchmarkPutWatched measures durable writes by 64 clients beside followers: each with
// keys of its own, so that a write has about one follower, or all with the same tenth of
// the keys.
func BenchmarkPutWatched(b *testing.B) {
	for _, run := range []struct {
		watchers int
		same     bool
	}{{0, false}, {1000, false}, {1000, true}} {
		watchers := run.watchers
		b.Run(fmt.Sprintf("watchers=%d/same=%v", watchers, run.same), func(b *testing.B) {
			s := startWith(b, "bench", nil, func(c *config.Config) { c.TamperLoggingEnabled = false })
			var wait sync.WaitGroup
			ctx, cancel := context.WithCancel(b.Context())
			for i := range watchers {
				prefix := fmt.Sprint("bench/", i)
				if run.same {
					prefix = "bench/1"
				}
				r, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+"/changes?feed=continuous&prefix="+prefix, nil)
				answer, err := http.DefaultClient.Do(r)
				if err != nil {
					b.Fatal(err)
				}
				wait.Go(func() {
					defer answer.Body.Close()
					scan := bufio.NewScanner(answer.Body)
					for scan.Scan() {
					}
				})
			}
			benchmarkPut(b, s, 64)
			cancel()
			wait.Wait()
		})
	}
}

// jtiOf reads the name of a token from its claims.
func jtiOf(t *testing.T, claims string) string {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(claims)
	if err != nil {
		t.Fatal(err)
	}
	var c struct{ JTI string }
	if err := json.Unmarshal(b, &c); err != nil {
		t.Fatal(err)
	}
	return c.JTI
}

// Goal: a HEAD of a feed ends, and leaves no follower behind; nor does a client that
// goes away while nothing happens.
func TestFollowersLeave(t *testing.T) {
	s := startNode(t, "a")
	followers := func() int {
		s.feed.mu.Lock()
		defer s.feed.mu.Unlock()
		return s.feed.followers
	}
	for _, query := range []string{"feed=continuous", "feed=eventsource&since=start", "feed=normal", ""} {
		answer, err := http.Head(s.URL() + "/changes?" + query)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatal(answer, err)
		}
		answer.Body.Close()
	}
	eventually(t, 10*time.Second, "no follower", func() bool { return followers() == 0 })
	w, _ := watch(t, s, "heartbeat=1s", "")
	w.expect(t, "synced", "")
	w.cancel()
	eventually(t, 20*time.Second, "no follower after a heartbeat or two", func() bool { return followers() == 0 })
}
