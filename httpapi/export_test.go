package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"
)

// Goal: lines are the items of the pages to the byte, all of them where no limit is
// given, in either direction; a page of lines says in Link where the next is, and
// following it shows everything. Method: both forms of one store side by side, whose
// walks stop early.
func TestLinesAreThePages(t *testing.T) {
	r := newRig(t, nil)
	r.store.budget = 7
	for i := range 40 {
		r.do("PUT", fmt.Sprintf("/kv/k/%02d/%d", i/3, i), fmt.Sprintf(`"%d\u000a"`, i))
	}
	for _, target := range []string{
		"/kv/_range?", "/kv/_range?reverse", "/kv/_range?prefix=k/1&keys_only", "/kv/k/?list&depth=1",
		"/kv/k/?list&depth=1&reverse=true", "/kv/_range?prefix=none",
	} {
		var want []string
		for next := target + "&limit=3"; next != ""; {
			a := r.do("GET", next, "")
			items := strings.TrimPrefix(between(a.body, `{"items":[`, `]`), "")
			for _, item := range strings.SplitAfter(items, "},") {
				if item != "" {
					want = append(want, strings.TrimSuffix(item, ","))
				}
			}
			next = linked(t, a)
		}
		whole := strings.Join(append(want, ""), "\n")
		a := r.do("GET", target, "", "Accept: text/plain, application/x-ndjson;q=0.9")
		if a.body != whole || a.header["Content-Type"] != typeLines || a.header["Link"] != "" {
			t.Errorf("%s: %s, want %s", target, a, whole)
		}
		paged := ""
		for next := target + "&limit=3"; next != ""; {
			a := r.do("GET", next, "", "Accept: Application/X-NDJSON")
			if strings.Count(a.body, "\n") > 3 {
				t.Errorf("%s: %s", next, a)
			}
			paged += a.body
			next = linked(t, a)
		}
		if paged != whole {
			t.Errorf("%s in pages: %s, want %s", target, paged, whole)
		}
	}
	if a := r.do("HEAD", "/kv/_range", "", "Accept: application/x-ndjson"); a.status != 200 || a.header["Link"] == "" {
		t.Errorf("HEAD: %v %v", a, a.header)
	}
	r.store.fail = ErrIncomplete
	if a := r.do("GET", "/kv/_range", "", "Accept: application/x-ndjson"); a.problem() != slugSyncing {
		t.Errorf("incomplete: %v", a)
	}
}

// linked is the target of a Link to the next page, "" without one.
func linked(t *testing.T, a answer) string {
	t.Helper()
	link := a.header["Link"]
	next, ok := strings.CutSuffix(link, `>; rel="next"`)
	if ok != (link != "") || a.status != 200 || !strings.Contains(a.body, `"next":"`) && ok && a.header["Content-Type"] == typeJSON {
		t.Fatalf("%s with Link %q", a, link)
	}
	return strings.TrimPrefix(next, "<")
}

// Goal: an export takes no more from the store than its client reads, and stops when
// the client is gone, or the node stops; then the body has no end, so that nobody takes
// it for the whole. Method: 400 records of 64 KiB over a pipe that holds nothing.
func TestExportFollowsItsClient(t *testing.T) {
	r := newRig(t, nil)
	value := []byte(`"` + strings.Repeat("x", 64<<10) + `"`)
	for i := range 400 {
		if _, err := r.store.Write(Write{Key: fmt.Sprintf("k%03d", i), Value: value}); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := r.ln.Dial()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /kv/_range HTTP/1.1\r\nHost: kvs\r\nAccept: application/x-ndjson\r\n\r\n")
	in := bufio.NewReader(conn)
	for range 12 { // the head, and the first lines
		if _, err := in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	r.store.mu.Lock()
	walks := r.store.walks
	r.store.fail = io.ErrUnexpectedEOF // whatever is asked for from here on
	r.store.mu.Unlock()
	if walks > 100 {
		t.Errorf("%d walks for 12 lines", walks)
	}
	rest, err := io.ReadAll(in)
	if strings.HasSuffix(string(rest), "0\r\n\r\n") || len(rest) > 8<<20 {
		t.Errorf("the body of %d bytes ends as if it were whole: %v", len(rest), err)
	}
}
