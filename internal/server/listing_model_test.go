package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"kvs/httpapi"
	"kvs/internal/auth"
)

// listingModel is a store that lists its keys in plain words: a map, sorted each time.
type listingModel struct {
	t      *testing.T
	server *Server
	rnd    *rand.Rand
	values map[string]string
	stamps map[string]int64
	closed map[string]bool // paths with rights of their own, and whether others see nothing there
	tokens [2]string       // of an administrator and of a user
	ops    int
}

func (m *listingModel) segment() string {
	return [...]string{"a", "b", "A", "a!", "a0", "z~", "é", "-"}[m.rnd.IntN(8)]
}

func (m *listingModel) key() string {
	key := m.segment()
	for range m.rnd.IntN(4) {
		key += "/" + m.segment()
	}
	return key
}

// change writes a group of keys, some of them to delete them.
func (m *listingModel) change() {
	var ws []httpapi.Write
	for range 1 + m.rnd.IntN(20) {
		w := httpapi.Write{Key: m.key(), Delete: m.rnd.IntN(3) == 0}
		if !w.Delete {
			w.Value = fmt.Appendf(nil, `{"n": %d}`, m.ops)
		}
		if m.ops++; w.Delete {
			delete(m.values, w.Key)
		} else {
			m.values[w.Key] = string(w.Value)
		}
		ws = append(ws, w)
	}
	for i, fate := range m.server.api().WriteAll(ws) {
		if fate.Err != nil {
			m.t.Fatalf("write %q: %v", ws[i].Key, fate.Err)
		}
		m.stamps[ws[i].Key] = fate.Timestamp
	}
}

// chmod opens or closes a path to others.
func (m *listingModel) chmod() {
	path, closed := m.key(), m.rnd.IntN(2) == 0
	mode := auth.Mode(0xf01) // others read
	if closed {
		mode = 0xf00
	}
	if err := m.server.guard.SetACL(path, auth.ACL{Mode: mode}); err != nil {
		m.t.Fatal(err)
	}
	m.closed[path] = closed
	m.ops++
}

// sees says whether the user may read a key: the nearest path with rights decides.
func (m *listingModel) sees(key string) bool {
	for path := key; path != ""; {
		if closed, ok := m.closed[path]; ok {
			return !closed
		}
		path = path[:max(strings.LastIndexByte(path, '/'), 0)]
	}
	return true
}

// question is one listing.
type question struct {
	target     string
	start, end string
	prefix     string
	depth      int
	recent     bool
	since      int64
	back, all  bool
}

func (m *listingModel) ask() (q question) {
	q.all = m.rnd.IntN(3) == 0
	query := url.Values{}
	switch m.rnd.IntN(5) {
	case 0:
		q.target, q.recent = "/kv/_recent", true
		if q.since = m.stamps[m.key()]; q.since > 0 {
			query.Set("since", fmt.Sprint(q.since))
		}
	case 1, 2:
		for range m.rnd.IntN(3) {
			q.prefix += m.segment() + "/"
		}
		query.Set("list", "true")
		switch q.depth = m.rnd.IntN(4); {
		case q.depth == 1 && m.rnd.IntN(2) == 0:
			query.Set("delimiter", "/")
		case q.depth > 0:
			query.Set("depth", fmt.Sprint(q.depth))
		}
		q.start = q.prefix
		q.target = "/kv/" + (&url.URL{Path: q.prefix}).EscapedPath()
		if q.prefix != "" {
			q.end = q.prefix[:len(q.prefix)-1] + "0"
		}
	default:
		q.target = "/kv/_range"
		if m.rnd.IntN(2) == 0 {
			q.start = m.key()
			query.Set("start_key", q.start)
		}
		if m.rnd.IntN(2) == 0 {
			q.end = m.key()
			query.Set("end_key", q.end)
		}
	}
	if q.back = m.rnd.IntN(2) == 0; q.back {
		query.Set("reverse", "true")
	}
	q.target += "?" + query.Encode()
	return q
}

// want is what the answer must list, each item as "key value", a directory as its path.
func (m *listingModel) want(q question) (items []string) {
	var keys []string
	for key := range m.values {
		if key >= q.start && (q.end == "" || key < q.end) && (q.all || m.sees(key)) && m.stamps[key] >= q.since {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		if q.recent && m.stamps[a] != m.stamps[b] {
			return cmp.Compare(m.stamps[a], m.stamps[b])
		}
		return cmp.Compare(a, b)
	})
	for _, key := range keys {
		item := key + " " + m.values[key]
		if parts := strings.Split(key[len(q.prefix)*min(q.depth, 1):], "/"); q.depth > 0 && len(parts) > q.depth {
			item = q.prefix + strings.Join(parts[:q.depth], "/") + "/ "
		}
		if len(items) == 0 || items[len(items)-1] != item {
			items = append(items, item)
		}
	}
	if q.back {
		slices.Reverse(items)
	}
	return items
}

// item is one item of an answer.
type item struct {
	Key  string
	Data json.RawMessage
}

// got pages through an answer: by the cursors of bodies, by Link, or as lines.
func (m *listingModel) got(q question) (items []string) {
	how := m.rnd.IntN(3)
	target := q.target
	if how < 2 {
		target += fmt.Sprint("&limit=", 1+m.rnd.IntN(30))
	}
	page := target
	for {
		m.ops++
		body, link := m.get(page, q.all, how == 2)
		var answer struct {
			Items []item
			Next  string
		}
		if how == 2 {
			for line := range strings.Lines(body) {
				var it item
				if err := json.Unmarshal([]byte(line), &it); err != nil {
					m.t.Fatalf("%s: %q: %v", page, line, err)
				}
				answer.Items = append(answer.Items, it)
			}
		} else if err := json.Unmarshal([]byte(body), &answer); err != nil {
			m.t.Fatalf("%s: %s: %v", page, body, err)
		}
		for _, it := range answer.Items {
			items = append(items, it.Key+" "+string(it.Data))
		}
		switch {
		case (answer.Next == "") != (link == ""):
			m.t.Fatalf("%s: next %q, link %q", page, answer.Next, link)
		case answer.Next == "":
			return items
		case how == 0:
			page = target + "&cursor=" + answer.Next
		default:
			page = link
		}
	}
}

// get is one request.
func (m *listingModel) get(target string, all, lines bool) (body, link string) {
	req, err := http.NewRequestWithContext(m.t.Context(), http.MethodGet, "http://"+m.server.Address()+target, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+m.tokens[1])
	if all {
		req.Header.Set("Authorization", "Bearer "+m.tokens[0])
	}
	if lines {
		req.Header.Set("Accept", "application/x-ndjson")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		m.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		m.t.Fatalf("%s: %d %s %v", target, resp.StatusCode, text, err)
	}
	link, _, _ = strings.Cut(strings.TrimPrefix(resp.Header.Get("Link"), "<"), ">")
	return string(text), link
}

// Goal: after any history of writes, deletes and changes of rights, every listing, in
// pages or as lines, forwards or backwards, at any depth, shows a user exactly what a
// sorted map shows: no key more, none less, none twice. Method: 100,000 operations on
// a node with Badger below, 4,000 in short runs, each listing beside the map.
func TestListingsAgainstSortedMap(t *testing.T) {
	s := startGuarded(t, "a")
	_, user := userToken(t, s)
	m := &listingModel{
		t: t, server: s, rnd: rand.New(rand.NewPCG(5, 6)),
		values: map[string]string{}, stamps: map[string]int64{}, closed: map[string]bool{}, tokens: [2]string{adminToken(t, s), user},
	}
	if err := s.guard.SetACL(auth.RootPath, auth.ACL{Mode: 0xf01}); err != nil {
		t.Fatal(err)
	}
	operations := 100_000
	if testing.Short() {
		operations = 4_000
	}
	listings := 0
	for m.ops < operations {
		switch n := m.rnd.IntN(20); {
		case n < 6:
			m.change()
		case n < 7:
			m.chmod()
		default:
			q := m.ask()
			if got, want := m.got(q), m.want(q); !slices.Equal(got, want) {
				t.Fatalf("after %d operations %s, all %v:\n got %q\nwant %q", m.ops, q.target, q.all, got, want)
			}
			listings++
		}
	}
	t.Logf("%d operations, %d listings, %d keys, %d paths with rights: no difference",
		m.ops, listings, len(m.values), len(m.closed))
}
