package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
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
