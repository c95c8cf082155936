package server

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"kvs/httpapi"
)

// Goal: the keys below a prefix become what they were at any time that is kept, others
// stay, and a rewind is undone by another.
func TestRewind(t *testing.T) {
	s := startNode(t, "a")
	rng := rand.New(rand.NewPCG(1, 1))
	state := map[string]string{}
	var times []int64
	var states []string
	remember := func() {
		times = append(times, time.Now().UnixMilli())
		states = append(states, fmt.Sprint(state))
		after(t, times[len(times)-1]+1)
	}
	remember()
	for i := range 80 {
		key := fmt.Sprint("team/", rng.IntN(8))
		if rng.IntN(4) == 0 {
			if _, err := s.api().Write(httpapi.Write{Key: key, Delete: true}); err != nil {
				t.Fatal(err)
			}
			delete(state, key)
		} else {
			put(t, s, key, fmt.Sprint(i))
			state[key] = fmt.Sprint(i)
		}
		put(t, s, "other", fmt.Sprint(i))
		remember()
	}
	shows := func() string { return shown(t, s, "team/", "team0") }
	rewind := func(at int64, dry bool) httpapi.Rewound {
		out, err := s.api().Rewind(httpapi.Rewind{Prefix: "team/", At: at, DryRun: dry})
		if err != nil || out.Keys[httpapi.KeyBusy] > 0 {
			t.Fatal(out, err)
		}
		return out
	}
	last := len(times) - 1
	unknown := false
	for i := last; i >= last-12; i-- {
		before := shows()
		if rewind(times[i], true); shows() != before {
			t.Fatal("a dry run changed something")
		}
		out := rewind(times[i], false)
		if out.Keys[httpapi.KeyUnknown] > 0 {
			unknown = true
			continue
		}
		if got := shows(); got != states[i] {
			t.Fatalf("rewound by %d writes: %s, want %s", last-i, got, states[i])
		}
		if out.UndoAt == 0 {
			continue
		}
		if rewind(out.UndoAt, false); shows() != before {
			t.Fatalf("undone: %s, want %s", shows(), before)
		}
	}
	if v, err := get(s, "other"); err != nil || v != "79" {
		t.Errorf("another key became %s, %v", v, err)
	}
	if out := rewind(times[0]-1, false); out.Keys[httpapi.KeyUnknown] == 0 && !unknown {
		t.Errorf("80 writes to 8 keys, of which 16 versions are kept, and all is known: %v", out)
	}
}

// shown is what a node shows of a range.
func shown(t *testing.T, s *Server, start, end string) string {
	t.Helper()
	got := map[string]string{}
	if _, err := s.api().Walk(httpapi.Walk{Start: start, End: end}, func(r httpapi.Record) (string, bool) {
		got[r.Key] = string(r.Data)
		return "", true
	}); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(got)
}

// Goal: what cannot be a rewind is refused, and a key that was never kept is left alone.
func TestRewindOverHTTP(t *testing.T) {
	s := startNode(t, "a")
	c := client{t: t}
	c.do(s, "PUT", "/kv/k", "1")
	at := time.Now().UnixMilli()
	after(t, at+1)
	c.do(s, "PUT", "/kv/k", "2")
	status, text, _ := c.do(s, "POST", "/admin/rewind", fmt.Sprintf(`{"prefix":"","at":%d}`, at))
	if status != 200 || !strings.Contains(text, `"restored":1`) || !strings.Contains(text, `"undo_at"`) {
		t.Errorf("%d %s", status, text)
	}
	if _, text, _ := c.do(s, "GET", "/kv/k?raw", ""); text != "1" {
		t.Errorf("k is %s", text)
	}
	for _, bad := range []string{"", "{}", `{"prefix":"x"}`, `{"at":1}`, `{"prefix":"","at":0}`, `{"prefix":"","at":99999999999999}`,
		`{"prefix":"","at":1,"more":1}`, `{"prefix":"","at":1}{}`} {
		if status, _, _ := c.do(s, "POST", "/admin/rewind", bad); status != http.StatusBadRequest {
			t.Errorf("%s: %d", bad, status)
		}
	}
}
