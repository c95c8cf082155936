package httpapi

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

const uuid1 = "00000000-0000-0000-0000-000000000001"

// Goal: the seed's data operations, to the byte.
func TestPutGetDelete(t *testing.T) {
	r := newRig(t, nil)
	put := r.do("PUT", "/kv/users/john/profile", `{"name": "John <b>"}`, "Content-Type: application/json")
	if put.status != 201 || put.body != `{"uuid":"`+uuid1+`","timestamp":1672531200001}` {
		t.Fatalf("put: %s", put)
	}
	if put.header["ETag"]+put.header["Etag"] != `"`+uuid1+`"` ||
		put.header["Location"] != "/kv/users/john/profile" ||
		put.header["X-Content-Type-Options"] != "nosniff" {
		t.Errorf("put headers: %v", put.header)
	}
	get := r.do("GET", "/kv/users/john/profile", "")
	want := `{"uuid":"` + uuid1 + `","timestamp":1672531200001,"data":{"name": "John <b>"}}`
	if get.status != 200 || get.body != want || get.header["Content-Type"] != typeJSON {
		t.Errorf("get: %s %v", get, get.header)
	}
	head := r.do("HEAD", "/kv/users/john/profile", "")
	if head.status != 200 || head.body != "" || head.header["Content-Length"] != fmt.Sprint(len(want)) {
		t.Errorf("head: %s %v", head, head.header)
	}
	if again := r.do("PUT", "/kv/users/john/profile", "2"); again.status != 200 {
		t.Errorf("replace: %s", again)
	}
	for i, want := range []int{204, 204} {
		if a := r.do("DELETE", "/kv/users/john/profile", ""); a.status != want || a.body != "" {
			t.Errorf("delete %d: %s", i, a)
		}
	}
	if a := r.do("GET", "/kv/users/john/profile", ""); a.status != 404 || a.problem() != slugKeyNotFound {
		t.Errorf("get after delete: %s", a)
	}
	writes := len(r.store.writes)
	if a := r.do("DELETE", "/kv/users/john/profile?strict=true", ""); a.problem() != slugKeyNotFound {
		t.Errorf("strict delete: %s", a)
	}
	if last := r.store.writes[len(r.store.writes)-1]; len(r.store.writes) != writes+1 || !last.Delete {
		t.Errorf("strict delete of an absent key left no tombstone")
	}
	r.do("PUT", "/kv/a", "1")
	if a := r.do("DELETE", "/kv/a?strict", ""); a.status != 204 {
		t.Errorf("strict delete of a present key: %s", a)
	}
}

// Goal: what is stored, for every kind of body, byte for byte.
func TestPutStores(t *testing.T) {
	for _, c := range []struct {
		query, body, value string
		ttl                TTL
	}{
		{"", "null", "null", TTLDefault},
		{"", " [1, 2]\n", " [1, 2]\n", TTLDefault},
		{"", `{"data":{"user_id":"john"}, "ttl":"1h"}`, `{"user_id":"john"}`, 3_600_000},
		{"", `{"ttl":"0","data": 1 }`, `1`, TTLNever},
		{"", `{"data":1}`, `{"data":1}`, TTLDefault},
		{"", `{"data":1,"ttl":"x","z":0}`, `{"data":1,"ttl":"x","z":0}`, TTLDefault},
		{"?raw=true", `{"data":1,"ttl":"x"}`, `{"data":1,"ttl":"x"}`, TTLDefault},
		{"?raw=true&ttl=1s", `{"data":1,"ttl":"x"}`, `{"data":1,"ttl":"x"}`, 1000},
		{"?raw=false", `{"data":1,"ttl":"1s"}`, `1`, 1000},
		{"?ttl=90s", `"x"`, `"x"`, 90_000},
		{"?ttl=0", `"x"`, `"x"`, TTLNever},
	} {
		r := newRig(t, nil)
		if a := r.do("PUT", "/kv/k"+c.query, c.body); a.status != 201 {
			t.Errorf("%s %s: %s", c.query, c.body, a)
			continue
		}
		if w := r.store.writes[0]; string(w.Value) != c.value || w.TTL != c.ttl || w.Key != "k" {
			t.Errorf("%s %s: stored %q with ttl %d", c.query, c.body, w.Value, w.TTL)
		}
		if a := r.do("GET", "/kv/k?raw", ""); a.body != c.value {
			t.Errorf("%s %s: got back %q", c.query, c.body, a.body)
		}
	}
}

// Goal: the forms of a GET.
func TestGetForms(t *testing.T) {
	r := newRig(t, nil)
	r.do("PUT", "/kv/k?ttl=1s", `{"b":1.0,"a":"<"}`)
	head := `{"uuid":"` + uuid1 + `","timestamp":1672531200001,"data":{"b":1.0,"a":"<"},"expires_at":1672531201001}`
	for target, want := range map[string]string{
		"/kv/k":                        head,
		"/kv/%6B":                      head,
		"/kv//k":                       head,
		"http://kvs/kv/k":              head,
		"/kv/k?raw=true":               `{"b":1.0,"a":"<"}`,
		"/kv/k?raw=true&pretty":        "{\n  \"b\": 1.0,\n  \"a\": \"<\"\n}\n",
		"/kv/k?pretty=false&raw=false": head,
	} {
		if a := r.do("GET", target, ""); a.status != 200 || a.body != want {
			t.Errorf("%s: %s", target, a)
		}
	}
	if a := r.do("GET", "/kv/k?pretty", ""); !strings.HasPrefix(a.body, "{\n  \"uuid\": ") {
		t.Errorf("pretty: %s", a)
	}
	if a := r.do("GET", "/kv/k", "a body that means nothing"); a.body != head {
		t.Errorf("GET with a body: %s", a)
	}
	big := `"` + strings.Repeat("x", 2*bodyKeepBytesMax) + `"`
	r.do("PUT", "/kv/big", big)
	if a := r.do("GET", "/kv/big", ""); !strings.Contains(a.body, `"data":`+big+"}") {
		t.Errorf("a big value came back with %d bytes", len(a.body))
	}
	if a := r.do("PUT", "/kv/caf%C3%A9/a%20b%3f", "1"); a.header["Location"] != "/kv/caf%C3%A9/a%20b%3F" {
		t.Errorf("location: %v", a.header)
	}
}

// Goal: every bad write is refused with the right problem and stores nothing.
func TestRefusedWritesStoreNothing(t *testing.T) {
	const limit = 100
	r := newRig(t, func(o *Options) { o.MaxJSONSize = limit })
	over := `"` + strings.Repeat("x", limit-1) + `"`
	huge := `"` + strings.Repeat("x", limit+bodySlackBytes) + `"`
	for _, c := range []struct {
		method, target, body, header string
		status                       int
		slug, mentions               string
	}{
		{"PUT", "/kv/k", over, "", 413, slugBodyTooLarge, `"config_key":"max_json_size","limit":100,"actual":101`},
		{"PUT", "/kv/k", huge, "", 413, slugBodyTooLarge, `"config_key":"max_json_size","limit":100,"actual":65638`},
		{"PUT", "/kv/k", "", "", 400, slugInvalidJSON, "empty"},
		{"PUT", "/kv/k", "  \n", "", 400, slugInvalidJSON, "empty"},
		{"PUT", "/kv/k", "{", "", 400, slugInvalidJSON, "unexpected end at line 1, byte 2"},
		{"PUT", "/kv/k", "\"\xff\"", "", 400, slugInvalidJSON, "UTF-8"},
		{"PUT", "/kv/k", strings.Repeat("[", 65) + strings.Repeat("]", 20), "", 400, slugInvalidJSON, "deeper than 64"},
		{"PUT", "/kv/k", `{"data":1,"ttl":"soon"}`, "", 400, slugInvalidTTL, "soon"},
		{"PUT", "/kv/k", `{"data":1,"ttl":3600}`, "", 400, slugInvalidTTL, "not a string"},
		{"PUT", "/kv/k", `{"data":1,"ttl":"-1h"}`, "", 400, slugInvalidTTL, "negative"},
		{"PUT", "/kv/k?ttl=1x", "1", "", 400, slugInvalidTTL, "1x"},
		{"PUT", "/kv/k?ttl=1h", `{"data":1,"ttl":"1h"}`, "", 400, slugInvalidTTL, "both"},
		{"PUT", "/kv/k?tll=1h", "1", "", 400, slugInvalidParameter, "endpoint takes ttl, raw"},
		{"PUT", "/kv/k?ttl=1h&ttl=2h", "1", "", 400, slugInvalidParameter, "twice"},
		{"PUT", "/kv/k?raw=yes", "1", "", 400, slugInvalidParameter, "true or false"},
		{"PUT", "/kv/k?ttl=%", "1", "", 400, slugInvalidParameter, "escape"},
		{"PUT", "/kv/k", "1", "Content-Type: application/x-www-form-urlencoded", 415, slugUnsupportedMedia, "curl -d"},
		{"PUT", "/kv/k", "1", "Content-Type: text/plain", 415, slugUnsupportedMedia, "application/json"},
		{"PUT", "/kv/k", "1", "Content-Type: multipart/form-data; boundary=x", 415, slugUnsupportedMedia, ""},
		{"PUT", "/kv/k", "1", "Content-Type: x+json", 415, slugUnsupportedMedia, ""},
		{"PUT", "/kv/k", "1", "Content-Encoding: gzip", 415, slugUnsupportedMedia, "gzip"},
		{"PUT", "/kv/k", "1", `If-Match: x`, 400, slugBadRequest, "If-Match"},
		{"DELETE", "/kv/k", "", `If-None-Match: "a" "b"`, 400, slugBadRequest, "If-None-Match"},
		{"PUT", "/kv/k", "1", "If-Unmodified-Since: Wed, 21 Oct 2015 07:28:00 GMT", 400, slugBadRequest, "If-Match with the ETag"},
		{"DELETE", "/kv/k?strict=maybe", "", "", 400, slugInvalidParameter, "strict"},
		{"DELETE", "/kv/_x", "", "", 400, slugReservedKey, ""},
		{"PUT", "/kv/_ts:1:x", "1", "", 400, slugReservedKey, "_ts:1:x"},
		{"PUT", "/kv/%5Fts:1:x", "1", "", 400, slugReservedKey, ""},
		{"PUT", "/kv/a//b", "1", "", 400, slugInvalidKey, "segment 2"},
		{"PUT", "/kv/a/../b", "1", "", 400, slugInvalidKey, ""},
		{"PUT", "/kv/a%2fb", "1", "", 400, slugInvalidKey, "%2F"},
		{"PUT", "/kv/a/", "1", "", 400, slugInvalidKey, "ends with"},
		{"PUT", "/kv/", "1", "", 400, slugInvalidKey, "empty"},
		{"PUT", "/kv", "1", "", 400, slugInvalidKey, "empty"},
		{"PUT", "/kv/a#b", "1", "", 400, slugBadRequest, "fragment"},
		{"PUT", "/kv/" + strings.Repeat("k", 1025), "1", "", 400, slugInvalidKey, `"limit":1024,"actual":1025`},
		{"POST", "/kv/k", "1", "", 405, slugMethodNotAllowed, "GET, HEAD, PUT, PATCH, DELETE"},
		{"POST", "/kv/k", "1", "X-HTTP-Method-Override: PUT", 405, slugMethodNotAllowed, ""},
		{"PUT", "/health", "1", "", 405, slugMethodNotAllowed, ""},
		{"PUT", "/kvx/k", "1", "", 404, slugNotFound, ""},
		{"PUT", "//kv/k", "1", "", 404, slugNotFound, ""},
		{"PUT", "/../kv/k", "1", "", 404, slugNotFound, ""},
	} {
		var headers []string
		if c.header != "" {
			headers = append(headers, c.header)
		}
		a := r.do(c.method, c.target, c.body, headers...)
		if a.status != c.status || a.problem() != c.slug || !strings.Contains(a.body, c.mentions) {
			t.Errorf("%s %.60s %.30q %s: %s", c.method, c.target, c.body, c.header, a)
		}
		if len(r.store.writes) != 0 {
			t.Fatalf("%s %.60s %.30q stored %+v", c.method, c.target, c.body, r.store.writes)
		}
	}
}

// Goal: the border cases that are fine.
func TestAcceptedBodies(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxJSONSize = 100 })
	fits := `"` + strings.Repeat("x", 98) + `"`
	if a := r.do("PUT", "/kv/k", fits); a.status != 201 {
		t.Errorf("a body of exactly the limit: %s", a)
	}
	for _, kind := range []string{"application/json", "APPLICATION/JSON; charset=utf-8", "application/vnd.x+json"} {
		if a := r.do("PUT", "/kv/k", "1", "Content-Type: "+kind); a.status != 200 {
			t.Errorf("%s: %s", kind, a)
		}
	}
}

// Goal: the limit holds for chunked bodies too, exact and inclusive.
func TestChunkedBodies(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxJSONSize = 100 })
	for _, c := range []struct{ size, status int }{{100, 201}, {101, 413}, {100 + bodySlackBytes + 1, 413}} {
		body := `"` + strings.Repeat("x", c.size-2) + `"`
		a := r.raw("PUT", fmt.Sprintf("PUT /kv/k HTTP/1.1\r\nHost: kvs\r\nTransfer-Encoding: chunked\r\n\r\n"+
			"%x\r\n%s\r\n0\r\n\r\n", len(body), body))
		if a.status != c.status {
			t.Errorf("%d bytes: %s", c.size, a)
		}
	}
	if len(r.store.writes) != 1 {
		t.Errorf("%d writes", len(r.store.writes))
	}
}

// Goal: each error of the store is its own problem; an unknown one tells the
// client nothing.
func TestStoreErrors(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		slug   string
	}{
		{ErrReadOnly, 403, slugReadOnly},
		{fmt.Errorf("wrapped: %w", ErrOverloaded), 503, slugOverloaded},
		{ErrNotReady, 503, slugNotReady},
		{ErrClosed, 503, slugNotReady},
		{ErrUnknown, 503, slugUnknownOutcome},
		{ErrClockConflict, 409, slugConflictClock},
		{ErrDamaged, 500, slugRecordDamaged},
		{errors.New("secret path /var/x"), 500, slugInternal},
	} {
		r := newRig(t, nil)
		r.store.fail = c.err
		for _, request := range []string{"PUT /kv/k", "DELETE /kv/k", "GET /kv/k", "GET /kv/_range", "GET /sync/merkle/root"} {
			method, target, _ := strings.Cut(request, " ")
			a := r.send(method, target, "1")
			if a.status != c.status || a.problem() != c.slug || strings.Contains(a.body, "secret") {
				t.Errorf("%s with %v: %s", request, c.err, a)
			}
			if c.status == 503 && a.header["Retry-After"] != "1" {
				t.Errorf("%s with %v: headers %v", request, c.err, a.header)
			}
		}
	}
	r := newRig(t, nil)
	r.store.fail = ErrReadOnly
	if a := r.do("PUT", "/kv/k", "1"); !strings.Contains(a.body, `"config_key":"read_only"`) {
		t.Errorf("read-only names no setting: %s", a)
	}
}
