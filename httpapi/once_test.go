package httpapi

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// Goal: a change that has a name is made once, however often it arrives: every repetition
// has the first answer, to the byte.
func TestIdempotencyKey(t *testing.T) {
	r := newRig(t, nil)
	for i, c := range []struct{ method, target, body, header string }{
		{"PUT", "/kv/a", "1", "If-None-Match: *"}, {"PATCH", "/kv/a", `{"n":1}`, "X: y"},
		{"PUT", "/kv/a", "{", "X: y"}, {"PUT", "/kv/a", "2", "If-None-Match: *"},
		{"POST", "/kv/_batch", `[{"op":"put","key":"b","data":1,"if_none_match":"*"}]`, "Content-Type: application/json"},
		{"DELETE", "/kv/a?strict", "", "X: y"}, {"DELETE", "/kv/?recurse", "", "KVS-Confirm: /"},
	} {
		name := fmt.Sprintf("Idempotency-Key: k%d", i)
		first := r.do(c.method, c.target, c.body, name, c.header)
		writes := len(r.store.writes)
		again := r.do(c.method, c.target, c.body, name, c.header)
		for _, a := range []answer{first, again} {
			delete(a.header, "Date")
			delete(a.header, headerRequestID)
		}
		if marked := again.header["Kvs-Replayed"] == "true"; marked != (first.status < 400) {
			t.Errorf("%s %s is not marked: %v", c.method, c.target, again.header)
		}
		delete(again.header, "Kvs-Replayed")
		body, _, _ := strings.Cut(first.body, `,"request_id"`)
		repeated, _, _ := strings.Cut(again.body, `,"request_id"`)
		first.header["Content-Length"], again.header["Content-Length"] = "", ""
		if first.status != again.status || body != repeated || fmt.Sprint(first.header) != fmt.Sprint(again.header) {
			t.Errorf("%s %s: first %s %v\nthen %s %v", c.method, c.target, first, first.header, again, again.header)
		}
		if len(r.store.writes) != writes {
			t.Errorf("%s %s was carried out twice", c.method, c.target)
		}
		if a := r.do("PUT", "/kv/other", "9", name); a.problem() != slugOnceReused || a.status != 422 {
			t.Errorf("another request by the name of %s %s: %s", c.method, c.target, a)
		}
	}
	for _, h := range []string{"Idempotency-Key: " + strings.Repeat("x", onceKeyBytesMax+1), "Idempotency-Key: "} {
		if a := r.do("PUT", "/kv/a", "1", h); a.problem() != slugBadRequest {
			t.Errorf("%.30s: %s", h, a)
		}
	}
	// What decides nothing is not remembered.
	r.store.fail = ErrOverloaded
	if a := r.do("PUT", "/kv/z", "1", "Idempotency-Key: z"); a.status != 503 {
		t.Fatal(a)
	}
	r.store.fail = nil
	if a := r.do("PUT", "/kv/z", "1", "Idempotency-Key: z"); a.status != 201 {
		t.Errorf("after an overload: %s", a)
	}
}

// Goal: while a change is under way its repetition does not make it too, and does not
// wait; after a panic it can be made.
func TestIdempotencyKeyUnderWay(t *testing.T) {
	r := newRig(t, nil)
	entered, leave := make(chan struct{}), make(chan struct{})
	r.store.onWrite = func(Write) { close(entered); <-leave }
	done := make(chan answer)
	go func() { done <- r.do("PUT", "/kv/a", "1", "Idempotency-Key: k") }()
	<-entered
	if a := r.do("PUT", "/kv/a", "1", "Idempotency-Key: k"); a.problem() != slugOnceRunning || a.header["Retry-After"] == "" {
		t.Errorf("the same under way: %s", a)
	}
	if a := r.do("PUT", "/kv/b", "1", "Idempotency-Key: k"); a.problem() != slugOnceReused {
		t.Errorf("another under way: %s", a)
	}
	close(leave)
	first := <-done
	if a := r.do("PUT", "/kv/a", "1", "Idempotency-Key: k"); a.status != 201 || a.body != first.body {
		t.Errorf("afterwards: %s, want %s", a, first)
	}
	r.store.onWrite = func(Write) { panic("a bug") }
	if a := r.do("PUT", "/kv/p", "1", "Idempotency-Key: p"); a.status != 500 {
		t.Errorf("a panic: %s", a)
	}
	r.store.onWrite = nil
	if a := r.do("PUT", "/kv/p", "1", "Idempotency-Key: p"); a.status != 201 {
		t.Errorf("after a panic: %s", a)
	}
}

// Goal: names belong to their callers; the owner of a key that it has deleted gets the
// answer again though the rights went with the key, and nobody else does.
func TestIdempotencyKeyRights(t *testing.T) {
	g := newFakeGuard()
	r := newRig(t, func(o *Options) { o.Guard = g })
	const aliceToken, bobToken = "Authorization: Bearer alice", "Authorization: Bearer bob"
	r.do("PUT", "/kv/a", "1", aliceToken)
	root, _ := g.Lookup("/")
	root.Mode = 0 // nobody may delete what has no rights of its own
	if err := g.SetACL("/", root); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if a := r.do("DELETE", "/kv/a", "", aliceToken, "Idempotency-Key: k"); a.status != 204 {
			t.Errorf("alice: %s", a)
		}
	}
	if a := r.do("DELETE", "/kv/a", "", bobToken, "Idempotency-Key: k"); a.status != 403 {
		t.Errorf("bob: %s", a)
	}
	if a := r.do("DELETE", "/kv/a", "", aliceToken, "Idempotency-Key: k2"); a.status != 403 {
		t.Errorf("alice, another time: %s", a)
	}
}

// Goal: what is remembered has bounds in number, bytes and time; the oldest goes first.
func TestAnswersAreForgotten(t *testing.T) {
	var a answers
	now := time.Now()
	put := func(i int, size int, at time.Time) attempt {
		tr := attempt{id: hashOf(fmt.Append(nil, i)), request: hashOf([]byte("r"))}
		if again, p := a.begin(tr); again != nil || p != nil {
			t.Fatal(i, again, p)
		}
		a.end(tr, &given{attempt: tr, at: at, body: make([]byte, size)})
		return tr
	}
	old := put(-1, 1, now.Add(-onceKept))
	if a.find(old) != nil {
		t.Error("an old answer is found")
	}
	first := put(0, 1, now)
	for i := 1; i < onceAnswersMax; i++ {
		put(i, 1, now)
	}
	if a.find(first) == nil {
		t.Error("an answer is forgotten before its time")
	}
	put(onceAnswersMax, 1, now)
	if a.find(first) != nil || len(a.kept) != onceAnswersMax || len(a.order) != onceAnswersMax || len(a.running) != 0 {
		t.Errorf("%d answers are kept, %d run", len(a.kept), len(a.running))
	}
	last := put(-2, onceBytesMax-600, now)
	if a.find(last) == nil || a.bytes > onceBytesMax || len(a.kept) > 2 {
		t.Errorf("%d bytes in %d answers", a.bytes, len(a.kept))
	}
}
