package httpapi

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/valyala/fasthttp"

	"kvs/internal/auth"
)

// spellAny writes a key as a target in some way that means the same.
func spellAny(r *rand.Rand, key string) string {
	var b strings.Builder
	if r.IntN(4) == 0 {
		b.WriteByte('/')
	}
	for i := range len(key) {
		c := key[i]
		switch {
		case c == '/':
			b.WriteByte(c)
		case !isPathByte(c) || r.IntN(3) == 0:
			fmt.Fprintf(&b, []string{"%%%02x", "%%%02X"}[r.IntN(2)], c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// hostile puts pieces together that decode, once or twice, to something else.
func hostile(r *rand.Rand) string {
	pieces := []string{
		"/", "//", ".", "..", "%2e", "%2E%2e", "%252e", "%2f", "%2F", "%252f", "%5c", "\\", "%00", "%ff", "%c0%af",
		"%5f", "%5F", "_", "%255f", "_ts:", "_range", "_auth", "_acl", "users", "users/", "secret", "open", ";", ";a=b",
		"%3f", "%23", "%20", "%0d%0a", "%", "%u005f", "_%61uth/", "ſ", "＿", "．", "%ef%bc%bf",
	}
	var b strings.Builder
	for range 1 + r.IntN(6) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

// TestS7SpellingsOfKeys: all spellings of a key give the same decision and the same record,
// and no spelling of anything reaches a record of the system, or one under another key's
// rights. Method: 10,000 random encodings, as two users with different rights.
func TestS7SpellingsOfKeys(t *testing.T) {
	store, guard := &fakeStore{}, newFakeGuard()
	secrets := map[string]bool{}
	keys := []string{"open/a", "open/b c", "secret/a", "secret/é/😀", "secret/..a", "x;y=z", "a+b", "100%", "secretive"}
	for _, key := range append([]string{"_ts:1:open/a", "_range", "_auth/keys/k", "_auth", "_acl", "_acl/secret"}, keys...) {
		value := fmt.Sprintf("%q", key)
		secrets[value] = key[0] == '_'
		if _, err := store.Write(Write{Key: key, Value: []byte(value)}); err != nil {
			t.Fatal(err)
		}
	}
	guard.rights["secret"] = auth.ACL{Owner: alice}
	guard.rights["secret/a"] = auth.ACL{Owner: alice, Mode: 0xf00}
	guard.rights["open"] = auth.ACL{Owner: bob, Mode: 0xfff}
	h := New(Options{Store: store, Cluster: fakeCluster{}, Operator: &fakeOperator{}, Guard: guard}).Handler()
	ask := func(method, target, token string) (int, string) {
		var ctx fasthttp.RequestCtx
		ctx.Request.Header.SetMethod(method)
		ctx.Request.Header.SetRequestURI("/kv/" + target)
		ctx.Request.Header.Set("Authorization", "Bearer "+token)
		h(&ctx)
		body := struct{ Data json.RawMessage }{}
		_ = json.Unmarshal(ctx.Response.Body(), &body) // a refusal has none
		return ctx.Response.StatusCode(), string(body.Data)
	}
	r := rand.New(rand.NewPCG(7, 7))
	seen := map[int]int{}
	for i := range 10_000 {
		key, token := keys[r.IntN(len(keys))], []string{"alice", "carol"}[r.IntN(2)]
		target := spellAny(r, key)
		wantStatus, want := ask("GET", string(appendPath(nil, key)), token)
		if status, data := ask("GET", target, token); status != wantStatus || data != want {
			t.Fatalf("%s as %s: %d %s, want %d %s", target, token, status, data, wantStatus, want)
		}
		seen[wantStatus]++
		target = hostile(r)
		method := []string{"GET", "HEAD"}[i%2]
		named, legal := meant(target)
		_, exists := store.find(named)
		status, data := ask(method, target, "admin")
		switch {
		case secrets[data]:
			t.Fatalf("%s shows %s", target, data)
		case named == "_range":
			// A page; what is in pages has tests of its own.
		case !legal && status != 400:
			t.Fatalf("%s %s: %d, but no key", method, target, status)
		case legal && (status == 200) != exists:
			t.Fatalf("%s %s: %d, but it means %s", method, target, status, named)
		case legal:
			again, _ := ask(method, string(appendPath(nil, named)), token)
			if status, _ := ask(method, target, token); status != again {
				t.Fatalf("%s %s: %d, but %d for %s", method, target, status, again, named)
			}
		}
		if legal {
			continue
		}
		for _, write := range []string{"PUT", "DELETE"} {
			if status, _ := ask(write, target, "admin"); status != 400 {
				t.Fatalf("%s %s: %d", write, target, status)
			}
		}
	}
	if seen[200] < 1000 || seen[404] < 1000 {
		t.Errorf("decisions: %v", seen)
	}
}

// meant is the rule about keys in the words of RFC 3986: segments between slashes, each
// decoded once. It returns the name also of those that are reserved.
func meant(target string) (key string, legal bool) {
	segments := strings.Split(strings.TrimPrefix(target, "/"), "/")
	for i, raw := range segments {
		segment, err := url.PathUnescape(raw)
		if err != nil || segment == "" || segment == "." || segment == ".." || !utf8.ValidString(segment) ||
			strings.Contains(segment, "/") || strings.ContainsFunc(segment, unicode.IsControl) {
			return "", false
		}
		segments[i] = segment
	}
	key = strings.Join(segments, "/")
	return key, !strings.HasPrefix(key, "_")
}
