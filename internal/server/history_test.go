package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"kvs/httpapi"
)

// fetch reads one answer of a node as JSON.
func fetch(t *testing.T, s *Server, path string, into any) (status int) {
	t.Helper()
	answer, err := http.Get(s.URL() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	return answer.StatusCode
}

// after waits until the clock has passed a time.
func after(t *testing.T, ms int64) {
	t.Helper()
	eventually(t, 10*time.Second, "the time goes on", func() bool { return time.Now().UnixMilli() > ms })
}

// revision is a version as the API shows it.
type revision struct {
	UUID, State, Origin, Rule, By, Text string
	Timestamp                           int64
	Data                                json.RawMessage
	Deleted, Conflict                   bool
	Concurrent                          string
	DecidedBy                           string `json:"decided_by"`
}

// Goal: what a key was can be read: all of it, one version, and at a time.
func TestRevisions(t *testing.T) {
	s := startNode(t, "a")
	var at []int64
	for i := range 3 {
		w := put(t, s, "k", fmt.Sprint(i))
		at = append(at, w.Timestamp)
		after(t, w.Timestamp)
	}
	if _, err := s.api().Write(httpapi.Write{Key: "k", Delete: true}); err != nil {
		t.Fatal(err)
	}
	var got struct{ Revisions []revision }
	if status := fetch(t, s, "/kv/k?revisions=10", &got); status != 200 || len(got.Revisions) != 4 {
		t.Fatalf("%d, %+v", status, got)
	}
	if r := got.Revisions[0]; !r.Deleted || r.State != "current" || r.Origin != "a" {
		t.Errorf("first %+v", r)
	}
	for i, r := range got.Revisions[1:] {
		if string(r.Data) != fmt.Sprint(2-i) || r.State != "replaced" || r.By != got.Revisions[i].UUID || r.Conflict {
			t.Errorf("revision %d is %+v", i, r)
		}
	}
	var one struct{ Data json.RawMessage }
	for i := range 3 {
		if status := fetch(t, s, "/kv/k?rev="+got.Revisions[3-i].UUID, &one); status != 200 || string(one.Data) != fmt.Sprint(i) {
			t.Errorf("version %d: %d %s", i, status, one.Data)
		}
		if status := fetch(t, s, fmt.Sprint("/kv/k?at=", at[i]), &one); status != 200 || string(one.Data) != fmt.Sprint(i) {
			t.Errorf("at %d: %d %s", at[i], status, one.Data)
		}
	}
	for path, want := range map[string]string{
		"/kv/k?rev=" + got.Revisions[0].UUID:                "is a deletion",
		"/kv/k?rev=00000000-0000-8000-8000-000000000000":    "does not keep",
		fmt.Sprint("/kv/k?at=", at[0]-1):                    "there was no",
		fmt.Sprint("/kv/k?at=", time.Now().UnixMilli()+100): "there was no",
		"/kv/never?revisions":                               "knows no version",
		"/kv/k?rev=x":                                       "uuid",
		"/kv/k?at=x":                                        "milliseconds",
		"/kv/k?at=1&explain":                                "ask one",
	} {
		var p struct{ Detail string }
		if status := fetch(t, s, path, &p); status < 400 || !strings.Contains(p.Detail, want) {
			t.Errorf("%s: %d %q, want %q", path, status, p.Detail, want)
		}
	}
}

// Goal: a listing of the past shows what was there then, page by page.
func TestListingOfThePast(t *testing.T) {
	s := startNode(t, "a")
	var last int64
	for i := range 5 {
		last = put(t, s, fmt.Sprint("p/", i), "1").Timestamp
	}
	after(t, last)
	for i := range 5 {
		put(t, s, fmt.Sprint("p/", i), "2")
		put(t, s, fmt.Sprint("p/new", i), "2")
	}
	if _, err := s.api().Write(httpapi.Write{Key: "p/3", Delete: true}); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for cursor := ""; ; {
		var got struct {
			Items []struct {
				Key  string
				Data int
			}
			Next string
		}
		if status := fetch(t, s, fmt.Sprint("/kv/p/?list&limit=2&at=", last, cursor), &got); status != 200 {
			t.Fatal(status)
		}
		for _, item := range got.Items {
			keys = append(keys, fmt.Sprint(item.Key, "=", item.Data))
		}
		if got.Next == "" {
			break
		}
		cursor = "&cursor=" + got.Next
	}
	if got := strings.Join(keys, " "); got != "p/0=1 p/1=1 p/2=1 p/3=1 p/4=1" {
		t.Errorf("%s", got)
	}
}

// Goal: a version from a time that is not kept any more is not said to be absent.
func TestTimeThatIsNotKept(t *testing.T) {
	s := startNode(t, "a")
	first := put(t, s, "k", "0")
	for i := range 20 {
		put(t, s, "k", fmt.Sprint(i))
	}
	var p struct{ Detail string }
	if fetch(t, s, fmt.Sprint("/kv/k?at=", first.Timestamp-1), &p); !strings.Contains(p.Detail, "keeps no version") {
		t.Errorf("%q", p.Detail)
	}
}

// Goal: two nodes write the same key without knowing of each other; both say then what
// lost, to what, and by which rule, and keep what was lost.
func TestConflictIsExplained(t *testing.T) {
	a, b := meeting(t)
	conflicts := func(s *Server) (cs []struct {
		Key, Rule     string
		Winner, Loser revision
	}) {
		var got struct{ Conflicts json.RawMessage }
		fetch(t, s, "/conflicts?prefix=k", &got)
		if err := json.Unmarshal(got.Conflicts, &cs); err != nil {
			t.Fatal(err)
		}
		return cs
	}
	for i := 0; len(conflicts(a)) == 0 || len(conflicts(b)) == 0; i++ {
		if i == 200 {
			t.Fatal("200 pairs of writes at the same time, and no conflict on both nodes")
		}
		key := fmt.Sprint("k", i)
		done := make(chan struct{})
		go func() { defer close(done); put(t, a, key, `"from a"`) }()
		put(t, b, key, `"from b"`)
		<-done
		eventually(t, 20*time.Second, "equal roots", func() bool { return sameRoots(a, b) })
	}
	c := conflicts(a)[0]
	if c.Winner.Origin == c.Loser.Origin || c.Rule == "" {
		t.Errorf("%+v", c)
	}
	var got struct{ Candidates []revision }
	fetch(t, a, "/kv/"+c.Key+"?explain", &got)
	if len(got.Candidates) != 2 || got.Candidates[0].UUID != c.Winner.UUID || got.Candidates[1].Concurrent != "yes" ||
		got.Candidates[1].DecidedBy != c.Rule {
		t.Errorf("explained as %+v", got)
	}
	var lost struct{ Data string }
	if fetch(t, a, "/kv/"+c.Key+"?rev="+c.Loser.UUID, &lost); lost.Data != "from "+c.Loser.Origin {
		t.Errorf("the loser of %s is %q", c.Loser.Origin, lost.Data)
	}
}
