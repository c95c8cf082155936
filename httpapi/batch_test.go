package httpapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// batchAnswer is the body of a batch's answer.
type batchAnswer struct {
	Results []struct {
		Status  int
		UUID    string
		Data    json.RawMessage
		Problem struct{ Code, Detail string }
	}
}

func (r *rig) batch(body string, headers ...string) (out batchAnswer) {
	r.t.Helper()
	a := r.do("POST", "/kv/_batch", body, append(headers, "Content-Type: application/json")...)
	if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.status != 200 {
		r.t.Fatalf("%s: %s", body, a)
	}
	return out
}

// String shows the statuses, and the codes of problems.
func (b batchAnswer) String() string {
	var parts []string
	for _, r := range b.Results {
		parts = append(parts, strings.TrimSpace(fmt.Sprint(r.Status, " ", r.Problem.Code)))
	}
	return strings.Join(parts, ", ")
}

// Goal: each op of a batch gets the answer that it would get alone, whatever becomes of
// the others; values are stored to the byte, reads come after the writes.
func TestBatchOps(t *testing.T) {
	r := newRig(t, nil)
	r.do("PUT", "/kv/old", "1")
	b := r.batch(`[
		{"op":"put","key":"a/b","data":{"n": 1.50,"s":"\u00e9"},"ttl":"1h"},
		{"op":"put","key":"/old","data":null,"if_match":"*"},
		{"op":"put","key":"new","data":1,"if_match":"00000000-0000-0000-0000-000000000009"},
		{"op":"put","key":"only","data":1,"if_none_match":"*"},
		{"op":"get","key":"a/b"}, {"op":"get","key":"none"}, {"op":"delete","key":"gone"},
		{"op":"put","key":"_x","data":1}, {"op":"put","key":"c","data":1,"ttl":"soon"}, {"op":"move","key":"d"},
		{"op":"put","key":"e"}, {"op":"get","key":"e","data":1}, {"op":"get","key":"f","if_match":"*"},
		{"op":"put","key":"g","data":1,"if_match":"any"}, {"op":"put","key":"a//b","data":1}
	]`)
	want := "201, 200, 412 precondition-failed, 201, 200, 404 key-not-found, 204, " +
		"400 reserved-key, 400 invalid-ttl, 400 bad-request, 400 invalid-json, 400 bad-request, 400 bad-request, " +
		"400 bad-request, 400 invalid-key"
	if b.String() != want {
		t.Fatalf("got  %s\nwant %s", b, want)
	}
	if got := string(b.Results[4].Data); got != `{"n": 1.50,"s":"\u00e9"}` || b.Results[4].UUID != b.Results[0].UUID {
		t.Errorf("read %s %s", got, b.Results[4].UUID)
	}
	if a := r.do("GET", "/kv/a/b", ""); !strings.Contains(a.body, `"data":{"n": 1.50,"s":"\u00e9"},"expires_at":`) {
		t.Errorf("stored %s", a)
	}
	if a := r.do("GET", "/kv/old?raw", ""); a.body != "null" {
		t.Errorf("stored %s", a)
	}
}

// Goal: what makes a whole batch be refused, and that then nothing of it is stored.
func TestBatchRefusals(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MaxJSONSize = 1000 })
	many := strings.Repeat(`{"op":"get","key":"a"},`, batchOpsMax)
	put := `{"op":"put","key":"a","data":1}`
	big := `"` + strings.Repeat("x", 1001) + `"`
	for _, c := range []struct {
		method, target, body string
		problem              string
	}{
		{"POST", "/kv/_batch", "", slugInvalidJSON}, {"POST", "/kv/_batch", "null", slugInvalidJSON},
		{"POST", "/kv/_batch", put, slugInvalidJSON}, {"POST", "/kv/_batch", "[" + put + "] []", slugInvalidJSON},
		{"POST", "/kv/_batch", "[" + put + `,{"op":"put","kee":"b","data":1}]`, slugInvalidJSON},
		{"POST", "/kv/_batch", "[" + put + ",{\"op\":\"put\",\"key\":\"\xff\",\"data\":1}]", slugInvalidJSON},
		{"POST", "/kv/_batch", "[" + put + `,{"op":"delete","key":"/a"}]`, slugBadRequest},
		{"POST", "/kv/_batch", "[" + many + put + "]", slugBodyTooLarge},
		{"POST", "/kv/_batch", "[" + put + "]" + strings.Repeat(" ", batchBytesMax), slugBodyTooLarge},
		{"POST", "/kv/_batch", "[" + put + "]" + strings.Repeat(" ", batchBytesMax+bodySlackBytes), slugBodyTooLarge},
		{"POST", "/kv/_batch?raw", "[" + put + "]", slugInvalidParameter},
		{"PUT", "/kv/_batch", "[" + put + "]", slugReservedKey}, {"GET", "/kv/_batch", "", slugMethodNotAllowed},
		{"POST", "/kv/a", put, slugMethodNotAllowed},
	} {
		if a := r.do(c.method, c.target, c.body, "Content-Type: application/json"); a.problem() != c.problem {
			t.Errorf("%s %s %.60s: %s, want %s", c.method, c.target, c.body, a, c.problem)
		}
	}
	if a := r.do("POST", "/kv/_batch", "["+put+"]", "Content-Type: text/plain"); a.problem() != slugUnsupportedMedia {
		t.Errorf("text/plain: %s", a)
	}
	if len(r.store.writes) != 0 {
		t.Errorf("stored %v", r.store.writes)
	}
	if b := r.batch("[" + put + `,{"op":"put","key":"b","data":` + big + "}]"); b.String() != "201, 413 body-too-large" {
		t.Errorf("a large value: %s", b)
	}
	// More bytes than a PUT may have, and fewer than a batch may.
	if b := r.batch("[" + put + "]" + strings.Repeat(" ", 200_000)); b.String() != "200" {
		t.Errorf("a large batch: %s", b)
	}
}

// Goal: an answer to reads has a bound.
func TestBatchAnswerBytes(t *testing.T) {
	r := newRig(t, nil)
	r.do("PUT", "/kv/a", `"`+strings.Repeat("x", 900<<10)+`"`)
	b := r.batch("[" + strings.TrimSuffix(strings.Repeat(`{"op":"get","key":"a"},`, 6), ",") + "]")
	if b.String() != "200, 200, 200, 200, 413 body-too-large, 413 body-too-large" {
		t.Errorf("%s", b)
	}
}

// Goal: in a batch the rights of each key count, as they do alone: who creates a key owns
// it, who may not read learns nothing, and a key that was deleted leaves no rights.
func TestBatchRights(t *testing.T) {
	g := newFakeGuard()
	r := newRig(t, func(o *Options) { o.Guard = g })
	const aliceToken, bobToken = "Authorization: Bearer alice", "Authorization: Bearer bob"
	if b := r.batch(`[{"op":"put","key":"a","data":1},{"op":"put","key":"p","data":2}]`, aliceToken); b.String() != "201, 201" {
		t.Fatal(b)
	}
	if acl, ok := g.Lookup("a"); !ok || acl.Owner != alice {
		t.Errorf("rights of a: %+v", acl)
	}
	acl, _ := g.Lookup("p")
	acl.Mode &^= 0x0ff // nobody but the owner
	if err := g.SetACL("p", acl); err != nil {
		t.Fatal(err)
	}
	ops := `[{"op":"get","key":"p"},{"op":"get","key":"none"},{"op":"put","key":"p","data":3},` +
		`{"op":"put","key":"bobs","data":1}]`
	b := r.batch(ops, bobToken)
	if b.String() != "404 key-not-found, 404 key-not-found, 403 forbidden, 201" {
		t.Errorf("bob: %s", b)
	}
	if strings.Replace(b.Results[0].Problem.Detail, `"p"`, `"none"`, 1) != b.Results[1].Problem.Detail {
		t.Errorf("what may not be read differs from what is not there: %+v", b.Results[:2])
	}
	if b := r.batch(`[{"op":"delete","key":"p"}]`, bobToken); b.String() != "403 forbidden" {
		t.Errorf("bob deletes: %s", b)
	}
	if b := r.batch(ops, "Authorization: Bearer reads"); !strings.HasPrefix(b.String(), "200, 404 key-not-found, 403") {
		t.Errorf("alice with a token to read: %s", b)
	}
	if b := r.batch(`[{"op":"delete","key":"p"},{"op":"put","key":"q","data":1,"if_match":"*"}]`, aliceToken); b.String() !=
		"204, 412 precondition-failed" {
		t.Errorf("alice: %s", b)
	}
	for _, key := range []string{"p", "q"} {
		if _, ok := g.Lookup(key); ok {
			t.Errorf("%s is gone, its rights are not", key)
		}
	}
	if a := r.do("POST", "/kv/_batch", "[]"); a.status != 401 {
		t.Errorf("without a token: %s", a)
	}
}
