package httpapi

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

// Goal: the answers to administrators, to the byte, and what was asked of the
// node for each.
func TestOperatorShapes(t *testing.T) {
	peers := `[{"id":"b","replica":"0b"},{"id":"c","replica":"0c"}]`
	diff := `{"peer":"b","replica":"0b","count":2,"more":true,"differences":[` +
		`{"hash":"0000000000000abc","here":true,"there":false,"key":"k\""},` +
		`{"hash":"8000000000000000","here":false,"there":true}]}`
	left := `{"drained":true,"acknowledged_by":[{"id":"b","replica":"0b"}]}`
	status := `{"node_id":"a","replica":"0a","mode":"normal","root":"` + strings.Repeat("0", 64) +
		`","keys":7,"as_of":8,"durability":"async","unsynced_dots":2,"durable_seq":3,"converged":true,"peers":[{"id":"b\"","replica":"0b",` +
		`"address":"[::1]:8081","state":"alive","connected":true,"missing_dots":1,"lacking_dots":2,` +
		`"bytes":3,"oldest_ms":4,"equal_root":true,"last_digest":5,"last_scrub":6},` +
		`{"id":"","replica":"","address":"","state":"","connected":false,"missing_dots":0,` +
		`"lacking_dots":0,"bytes":0,"oldest_ms":0,"equal_root":false,"last_digest":0,"last_scrub":0}],` +
		`"collection":{"tombstones":7,"expiring":8,"blocked_by":[{"id":"","replica":"0c"}],` +
		`"blocked_since_ms":9,"pins":1},"copy":{"phase":"rest","reconcile":true}}`
	for _, c := range []struct {
		method, target, body string
		status               int
		answer, call         string
	}{
		{"GET", "/sync/status", "", 200, status, "status"},
		{"POST", "/sync/now", "", 202, `{"peers":` + peers + `}`, "now "},
		{"POST", "/sync/now?peer=b%20c", "", 202, `{"peers":` + peers + `}`, "now b c"},
		{"GET", "/sync/diff?peer=b", "", 200, diff, "diff b false"},
		{"GET", "/sync/diff?peer=b&keys", "", 200, diff, "diff b true"},
		{"POST", "/members/leave", "", 200, left, "leave false false"},
		{"POST", "/members/leave?drain=all&force=true", "", 200, left, "leave true true"},
		{"DELETE", "/members/b%2Bc+d", "", 204, "", "forget b+c+d false"},
		{"DELETE", "/members/b?force=true", "", 204, "", "forget b true"},
		{"PUT", "/admin/mode", `{"mode":"read-only"}`, 200, `{"mode":"read-only"}`, "mode true"},
		{"PUT", "/admin/mode", ` {"mode" : "normal"}`, 200, `{"mode":"normal"}`, "mode false"},
	} {
		r := newRig(t, nil)
		a := r.do(c.method, c.target, c.body)
		if a.status != c.status || a.body != c.answer || !slices.Equal(r.op.calls, []string{c.call}) {
			t.Errorf("%s %s: %s %q", c.method, c.target, a, r.op.calls)
		}
		if a.body != "" && !json.Valid([]byte(a.body)) {
			t.Errorf("%s %s: not JSON", c.method, c.target)
		}
	}
}

// Goal: what is refused without asking the node anything.
func TestOperatorRefusals(t *testing.T) {
	r := newRig(t, nil)
	for _, c := range []struct {
		method, target, body, slug, mentions string
	}{
		{"POST", "/sync/now?peers=b", "", slugInvalidParameter, "takes peer"},
		{"GET", "/sync/diff", "", slugInvalidParameter, "peer"},
		{"GET", "/sync/diff?peer=b&keys=yes", "", slugInvalidParameter, "keys"},
		{"POST", "/members/leave?drain=some", "", slugInvalidParameter, "all or one"},
		{"POST", "/members/leave?force=maybe", "", slugInvalidParameter, "force"},
		{"GET", "/members/leave", "", slugMethodNotAllowed, allowPost},
		{"DELETE", "/members/leave", "", slugMethodNotAllowed, allowPost},
		{"GET", "/members/b", "", slugMethodNotAllowed, allowDelete},
		{"DELETE", "/members/", "", slugMethodNotAllowed, allowRead},
		{"DELETE", "/members/b/c", "", slugNotFound, ""},
		{"DELETE", "/members/%zz", "", slugNotFound, ""},
		{"POST", "/admin/mode", "", slugMethodNotAllowed, allowPut},
		{"PUT", "/admin/mode", "", slugInvalidJSON, "read-only"},
		{"PUT", "/admin/mode", `{"mode":"leaving"}`, slugInvalidParameter, "read-only"},
		{"PUT", "/admin/mode", `{"mode":"normal","x":"y"}`, slugInvalidParameter, "nothing else"},
		{"PUT", "/admin/mode", `{"mode":1}`, slugInvalidJSON, ""},
		{"PUT", "/sync/status", "1", slugMethodNotAllowed, allowRead},
	} {
		a := r.do(c.method, c.target, c.body)
		if a.problem() != c.slug || !strings.Contains(a.body, c.mentions) {
			t.Errorf("%s %s %s: %s", c.method, c.target, c.body, a)
		}
	}
	if a := r.do("PUT", "/admin/mode", `{"mode":"normal"}`, "Content-Type: text/plain"); a.status != 415 {
		t.Errorf("text: %s", a)
	}
	if len(r.op.calls) > 0 {
		t.Errorf("the node was asked %q", r.op.calls)
	}
}

// Goal: a web page of another site cannot give orders to a node, however it words
// them; one that the node itself has served can, and so can any other client.
func TestOrdersOfOtherSites(t *testing.T) {
	for header, refused := range map[string]bool{
		"Origin: https://evil.example": true, "Origin: null": true, "Sec-Fetch-Site: cross-site": true,
		"Sec-Fetch-Site: same-site": true, "Origin: http://kvs": false, "Sec-Fetch-Site: same-origin": false,
		"Sec-Fetch-Site: none": false, "X-Nothing: x": false,
	} {
		for _, target := range []string{"/members/leave", "/sync/now"} {
			r := newRig(t, nil)
			a := r.do("POST", target, "", header)
			if (a.problem() == slugForbidden) != refused || (len(r.op.calls) == 0) != refused {
				t.Errorf("%s with %s: %s %q", target, header, a, r.op.calls)
			}
		}
	}
}

// Goal: every error of an operator has its status, and names who it is about.
func TestOperatorErrors(t *testing.T) {
	for _, c := range []struct {
		err      error
		status   int
		slug     string
		mentions string
	}{
		{ErrPeerUnknown, 404, slugPeerUnknown, `no member \"b\"`},
		{ErrSelf, 409, slugPeerSelf, `\"b\" is this node`},
		{&AmbiguousError{[]string{"0b", "1b"}}, 409, slugPeerAmbiguous, "0b, 1b"},
		{ErrWaitTimeout, 503, slugWaitTimeout, "retry_after_ms"},
		{ErrSyncing, 503, slugSyncing, "retry_after_ms"},
		{ErrLeaving, 503, slugLeaving, ""},
		{ErrOverloaded, 503, slugOverloaded, ""},
		{ErrClosed, 503, slugNotReady, ""},
		{errors.New("secret"), 500, slugInternal, ""},
	} {
		for _, call := range [][3]string{
			{"GET", "/sync/diff?peer=b"}, {"POST", "/sync/now?peer=b"}, {"DELETE", "/members/b"},
			{"POST", "/members/leave"}, {"PUT", "/admin/mode", `{"mode":"normal"}`},
		} {
			r := newRig(t, nil)
			r.op.fail = c.err
			a := r.send(call[0], call[1], call[2])
			if a.status != c.status || a.problem() != c.slug || strings.Contains(a.body, "secret") {
				t.Errorf("%v on %s: %s", c.err, call[1], a)
			}
			if strings.Contains(call[1], "b") && call[2] == "" && strings.HasSuffix(call[1], "b") &&
				!strings.Contains(a.body, c.mentions) {
				t.Errorf("%v on %s: %s does not mention %s", c.err, call[1], a, c.mentions)
			}
		}
	}
}

// Goal: a syncing node marks what it answers to reads, found or not, and says
// when to come back with a write.
func TestSyncingNode(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Cluster = fakeCluster{syncing: true} })
	r.store.records = []Record{{Key: "there", Timestamp: 1, Data: []byte("1")}}
	for _, target := range []string{"/kv/there", "/kv/absent", "/kv/_range"} {
		if a := r.do("GET", target, ""); a.header["Kvs-Mode"] != modeSyncing {
			t.Errorf("%s: %s %v", target, a, a.header)
		}
	}
	if a := r.do("GET", "/version", ""); a.header["Kvs-Mode"] != "" {
		t.Errorf("version: %v", a.header)
	}
	r.store.fail = ErrSyncing
	if a := r.do("PUT", "/kv/k", "1"); a.status != 503 || a.problem() != slugSyncing || a.header["Retry-After"] == "" {
		t.Errorf("write: %s %v", a, a.header)
	}
	if a := newRig(t, nil).do("GET", "/kv/absent", ""); a.header["Kvs-Mode"] != "" {
		t.Errorf("a normal node: %v", a.header)
	}
}

// Goal: a node that lacks older records refuses to say that there is none, on
// every call that would: with 503, a time to come back, and not one word of 404.
// A strict delete asks before it writes.
func TestPartialNode(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Cluster = fakeCluster{partial: true} })
	r.store.remote = &Record{Key: "old"}
	if a := r.do("DELETE", "/kv/old?strict", ""); a.status != 204 {
		t.Errorf("strict delete of an old key: %s", a)
	}
	if a := r.do("DELETE", "/kv/absent?strict", ""); a.status != 404 {
		t.Errorf("strict delete of no key: %s", a)
	}
	if a := r.do("GET", "/kv/absent", ""); a.status != 404 || a.header["Kvs-Mode"] != "" {
		t.Errorf("a miss that the source has answered: %s %v", a, a.header)
	}
	writes := len(r.store.writes)
	r.store.fail = ErrIncomplete
	for _, c := range [][2]string{
		{"GET", "/kv/k"}, {"HEAD", "/kv/k"}, {"GET", "/kv/_range"}, {"DELETE", "/kv/k?strict=true"},
	} {
		a := r.do(c[0], c[1], "")
		if a.status != 503 || a.header["Retry-After"] == "" || c[0] != "HEAD" && a.problem() != slugSyncing {
			t.Errorf("%s %s: %s %v", c[0], c[1], a, a.header)
		}
	}
	if len(r.store.writes) != writes {
		t.Error("a strict delete wrote although it could not tell")
	}
}
