package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

const visibleWithin = 2 * time.Second

// awkwardValues are texts that a store which parses and prints its values again
// would change.
func awkwardValues() []string {
	const bytesMax = 1 << 20
	mixed := strings.Repeat(`é<&>\u0000\\ `, (bytesMax-2)/len(`é<&>\u0000\\ `))
	mixed += strings.Repeat("x", bytesMax-2-len(mixed))
	return []string{
		`null`, `true`, `""`, `0.10e+01`, `123456789012345678901234567890`, `"\u003c<\/"`,
		" \t{ \"b\" : 1 ,\r\n \"a\":[ ] , \"b\":2 } \n", `{"data":1}`, `{"uuid":"x","data":{"ttl":1}}`,
		`"` + strings.Repeat("x", bytesMax-2) + `"`,
		`"` + mixed + `"`,
	}
}

// TestValuesArriveByteForByte puts values up to the limit of 1 MiB on one node
// and reads them, unchanged, from another.
func TestValuesArriveByteForByte(t *testing.T) {
	nodes := startCluster(t, 2)
	for i, value := range awkwardValues() {
		key := fmt.Sprintf("value/%d", i)
		nodes[i%2].put(key, value)
		eventually(t, visibleWithin, fmt.Sprintf("value %d of %d bytes is on both nodes", i, len(value)),
			func() bool { return nodes[0].shows(key, value) && nodes[1].shows(key, value) })
		checkSplice(t, nodes[(i+1)%2], key, value)
	}
	largest := `"` + strings.Repeat("x", 1<<20-2) + `"`
	nodes[0].put(strings.Repeat("k", 1024), largest)
	awaitEqual(t, nodes, visibleWithin)
}

// checkSplice looks for the value, unchanged, in the documented answer.
func checkSplice(t *testing.T, n *node, key, value string) {
	t.Helper()
	a, err := request(http.MethodGet, n.url("/kv/"+key), nil)
	if err != nil || !bytes.Contains(a.body, []byte(`,"data":`+value+`}`)) {
		t.Errorf("GET %s: %s (%v): the value is not in it as it was put", key, a, err)
	}
}

// TestKeysOfAllSpellingsAreOne puts keys in one spelling on one node and reads
// them in another spelling from the other.
func TestKeysOfAllSpellingsAreOne(t *testing.T) {
	nodes := startCluster(t, 2)
	spellings := []struct{ put, get, key string }{
		{"home/room/closet/socks", "/home/room/closet/socks", "home/room/closet/socks"},
		{"K%C3%BCche/%E6%B8%A9%E5%BA%A6", "K%c3%bcche/%e6%b8%a9%e5%ba%a6", "Küche/温度"},
		{"a%20b/c%2Bd", "%61%20b/c+d", "a b/c+d"},
		{"100%25/%3F%23%26", "100%25/%3f%23&", "100%/?#&"},
		{"x/_under", "x/%5Funder", "x/_under"},
		{"%F0%9F%A7%A6", "%f0%9f%a7%a6", "🧦"},
		{"e%CC%81", "e%cc%81", "e\u0301"}, // decomposed: not the same key as é
		{"%C3%A9", "%c3%a9", "\u00e9"},
		{"...", "%2e..", "..."},
		{strings.Repeat("k", 1024), strings.Repeat("%6B", 1024), strings.Repeat("k", 1024)},
	}
	for i, s := range spellings {
		a, err := request(http.MethodPut, nodes[0].url("/kv/"+s.put), fmt.Append(nil, i))
		if err != nil || a.status != http.StatusCreated {
			t.Fatalf("PUT %s: %s (%v)", s.put, a, err)
		}
	}
	_, data := awaitEqual(t, nodes, visibleWithin)
	for i, s := range spellings {
		if got := string(data[s.key].Data); got != fmt.Sprint(i) {
			t.Errorf("%q lists as %q, want %d", s.key, got, i)
		}
		a, err := request(http.MethodGet, nodes[1].url("/kv/"+s.get+"?raw=true"), nil)
		if err != nil || string(a.body) != fmt.Sprint(i) {
			t.Errorf("GET %s: %s (%v), want %d", s.get, a, err, i)
		}
	}
	if len(data) != len(spellings) {
		t.Errorf("%d keys, want %d", len(data), len(spellings))
	}
}

// TestReadOnlyNodeReplicates refuses clients' writes on a node with read_only,
// and sees that it takes part otherwise.
func TestReadOnlyNodeReplicates(t *testing.T) {
	writer := start(t, "writer")
	reader := start(t, "reader", seeds(writer), "read_only: true")
	nodes := []*node{writer, reader}
	awaitFormed(t, nodes)
	writer.put("a", "1")
	eventually(t, visibleWithin, "the reader has it", func() bool { return reader.shows("a", "1") })
	for _, method := range []string{http.MethodPut, http.MethodDelete} {
		var body []byte
		if method == http.MethodPut {
			body = []byte("2")
		}
		a, err := request(method, reader.url("/kv/a"), body)
		reader.must(err)
		if p := a.problem(t); a.status != http.StatusForbidden || p.Code != "read-only" ||
			p.ConfigKey != "read_only" {
			t.Errorf("%s on the reader: %s", method, a)
		}
	}
	if mode := reader.health().Mode; mode != "read-only" {
		t.Errorf("mode is %q", mode)
	}
	writer.del("a")
	eventually(t, visibleWithin, "the reader lost it", func() bool { return reader.lacks("a") })
	awaitEqual(t, nodes, visibleWithin)
}
