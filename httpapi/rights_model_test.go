package httpapi

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"kvs/internal/auth"
)

// rule is what was set at a path, in the model: twelve letters or dashes.
type rule struct{ owner, group, bits string }

// person is a caller in the model.
type person struct {
	user, group   string
	scope, prefix string // scope holds r, w and a
}

// rightsModel states the rules about rights once more, in words of its own: strings
// and loops over all there is.
type rightsModel struct {
	values map[string]string
	rules  map[string]rule // "/" is the root's
}

var people = map[string]person{
	"admin":  {string(auth.AdminUser), "", "a", ""},
	"reads":  {string(alice), "", "r", ""},
	"writes": {string(alice), "", "w", ""},
	"alice":  {string(alice), string(family), "rw", ""},
	"bob":    {string(bob), string(family), "rw", ""},
	"carol":  {"00000000-0000-4000-8000-00000000000c", "", "rw", ""},
	"narrow": {string(alice), "", "rw", "a"},
}

func (m *rightsModel) root() rule {
	if r, ok := m.rules["/"]; ok {
		return r
	}
	return rule{bits: "cdwrc---c---"}
}

// at is the rule that holds at a path: the longest that was set at it or above.
func (m *rightsModel) at(path string) rule {
	best, length := m.root(), -1
	for where, r := range m.rules { // order cannot matter: the longest is one
		if where != "/" && strings.HasPrefix(path+"/", where+"/") && len(where) > length {
			best, length = r, len(where)
		}
	}
	return best
}

func (m *rightsModel) above(key string) rule {
	i := strings.LastIndex(key, "/")
	if i < 0 {
		return m.root()
	}
	return m.at(key[:i])
}

// has says whether a rule gives a person a letter.
func (p person) has(letter string, r rule) bool {
	part := r.bits[8:]
	if p.user == r.owner {
		part = r.bits[:4]
	} else if r.group != "" && p.group == r.group {
		part = r.bits[4:8]
	}
	return strings.Contains(part, letter)
}

// may judges one of the letters c, d, w, r, or o for setting rights.
func (m *rightsModel) may(p person, letter, key string) bool {
	if strings.Contains(p.scope, "a") {
		return true
	}
	needs := "w"
	if letter == "r" {
		needs = "r"
	}
	if !strings.Contains(p.scope, needs) || p.prefix != "" && !strings.HasPrefix(key+"/", p.prefix+"/") {
		return false
	}
	own, set := m.rules[key]
	switch letter {
	case "c":
		return p.has("c", m.above(key))
	case "d":
		return p.has("d", m.above(key)) || set && own.owner == p.user && strings.Contains(own.bits[:4], "d")
	case "o":
		return m.at(key).owner == p.user
	}
	return p.has(letter, m.at(key))
}

// put is a PUT that the model carries out; it returns the status.
func (m *rightsModel) put(p person, key, value string) int {
	_, exists := m.values[key]
	_, own := m.rules[key]
	letter := "c"
	if exists || own {
		letter = "w"
	}
	if !m.may(p, letter, key) {
		return 403
	}
	if letter == "c" && !strings.Contains(p.scope, "a") {
		for below := range m.values {
			if strings.HasPrefix(below, key+"/") && m.at(below).owner != p.user {
				return 403
			}
		}
	}
	plain := strings.Contains(p.scope, "a") && !own && m.at(key) == m.root()
	if given := (rule{p.user, m.above(key).group, "cdwrc-wr----"}); !exists && !own && !plain {
		m.rules[key] = given
	}
	m.values[key] = value
	if exists {
		return 200
	}
	return 201
}

func (m *rightsModel) hasBelow(key string) bool {
	for below := range m.values {
		if strings.HasPrefix(below, key+"/") {
			return true
		}
	}
	return false
}

// respell writes a key in one of the many ways that mean it.
func respell(rng *rand.Rand, key string) string {
	var b strings.Builder
	if rng.IntN(8) == 0 {
		b.WriteByte('/') // one in front is ignored
	}
	for _, c := range []byte(key) {
		switch {
		case c == '/' || rng.IntN(4) > 0:
			b.WriteByte(c)
		case rng.IntN(2) == 0:
			fmt.Fprintf(&b, "%%%02x", c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// misspell makes of a key what is none.
func misspell(rng *rand.Rand, key string) string {
	return [...]string{key + "/", "a//" + key, "./" + key, key + "/..", "a%2F" + key, "_" + key, "%5f" + key,
		key + "%00", key + "%ff", key + "%2"}[rng.IntN(10)]
}

// Goal: what the API lets happen is what the model does, whoever asks, however the key
// is spelled: no operation succeeds that the model denies, nothing is shown that may not
// be read, and nothing refused has an effect. Method: random operations by seven callers
// on a few keys, several of them above others; after each that was refused, and now and
// then, all values and rights are compared.
func TestS10RightsAgreeWithAModel(t *testing.T) {
	count := 100_000
	if testing.Short() {
		count = 20_000
	}
	rng := rand.New(rand.NewPCG(4, 2))
	guard, store := newFakeGuard(), &fakeStore{}
	handler := New(Options{Store: store, Cluster: fakeCluster{}, Operator: &fakeOperator{}, Guard: guard}).Handler()
	m := &rightsModel{map[string]string{}, map[string]rule{}}
	keys := []string{"a", "a/b", "a/b/c", "a/x", "ab", "z", "z/y"}
	names := []string{"admin", "reads", "writes", "alice", "bob", "carol", "narrow"}
	denied := 0
	for i := range count {
		name, key := names[rng.IntN(len(names))], keys[rng.IntN(len(keys))]
		p := people[name]
		method, target, body, want := "GET", "/kv/"+respell(rng, key), "", 404
		wantBody := ""
		switch op := rng.IntN(12); {
		case op < 3:
			if value, ok := m.values[key]; ok && m.may(p, "r", key) {
				want, wantBody = 200, `"data":`+value+`}`
			}
		case op < 6:
			method, body = "PUT", fmt.Sprint(i)
			want = m.put(p, key, body)
		case op < 8:
			method, want = "DELETE", 403
			if m.may(p, "d", key) {
				want = 204
				if _, existed := m.values[key]; existed && !m.hasBelow(key) {
					delete(m.rules, key)
				}
				delete(m.values, key)
			}
		case op < 10:
			method, body, want = m.setRights(rng, p, key)
			target = "/acl/" + respell(rng, key)
		case op == 10:
			target, want, wantBody = "/kv/_range", 200, m.listing(p)
		default:
			method, target, want = [...]string{"GET", "PUT", "DELETE"}[rng.IntN(3)], "/kv/"+misspell(rng, key), 400
		}
		ctx := &fasthttp.RequestCtx{}
		ctx.Request.Header.SetMethod(method)
		ctx.Request.Header.SetRequestURI(target)
		ctx.Request.Header.Set("Authorization", "Bearer "+name)
		if body != "" {
			ctx.Request.SetBodyString(body)
		}
		handler(ctx)
		got, text := ctx.Response.StatusCode(), string(ctx.Response.Body())
		if got != want || !strings.HasSuffix(text, wantBody) {
			t.Fatalf("operation %d, %s %s %s as %s: %d %s, want %d ...%s\nvalues %v\nrules %v", i, method, target,
				body, name, got, text, want, wantBody, m.values, m.rules)
		}
		if want >= 400 {
			denied++
		}
		if want >= 400 || i%64 == 0 {
			m.compare(t, store, guard)
		}
	}
	if denied < count/10 || denied > count*9/10 {
		t.Errorf("%d of %d were denied: the model says little", denied, count)
	}
}

// setRights draws rights for a key, and says what becomes of that.
func (m *rightsModel) setRights(rng *rand.Rand, p person, key string) (method, body string, status int) {
	r := rule{bits: auth.Mode(rng.IntN(1 << 12)).String()}
	r.bits = strings.ReplaceAll(r.bits, ",", "")
	r.owner = [...]string{"", string(alice), string(bob), m.at(key).owner, p.user}[rng.IntN(5)]
	r.group = [...]string{"", string(family)}[rng.IntN(2)]
	body = fmt.Sprintf(`{"owner":%q,"group":%q,"mode":%q}`, r.owner, r.group, r.bits)
	admin := strings.Contains(p.scope, "a")
	if !admin && !(m.may(p, "o", key) && r.owner == m.at(key).owner) {
		return "PUT", body, 403
	}
	m.rules[key] = r
	return "PUT", body, 204
}

// listing is the end of the answer to a range.
func (m *rightsModel) listing(p person) string {
	var visible []string
	for key := range m.values { // sorted below
		if m.may(p, "r", key) {
			visible = append(visible, key)
		}
	}
	slices.Sort(visible)
	if len(visible) == 0 {
		return `{"items":[]}`
	}
	return `"data":` + m.values[visible[len(visible)-1]] + `}]}`
}

// compare checks that store and rights are what the model has.
func (m *rightsModel) compare(t *testing.T, store *fakeStore, guard *fakeGuard) {
	t.Helper()
	if len(store.records) != len(m.values) || len(guard.rights) != len(m.rules) {
		t.Fatalf("%d values and %d rights, the model has %v and %v", len(store.records), len(guard.rights),
			m.values, m.rules)
	}
	for _, r := range store.records {
		if m.values[r.Key] != string(r.Data) {
			t.Fatalf("%s is %s, in the model %s", r.Key, r.Data, m.values[r.Key])
		}
	}
	for path, acl := range guard.rights {
		text, _ := json.Marshal(acl)
		r := m.rules[path]
		bits := strings.ReplaceAll(acl.Mode.String(), ",", "")
		if r.owner != string(acl.Owner) || r.group != string(acl.Group) || r.bits != bits {
			t.Fatalf("the rights of %s are %s, in the model %v", path, text, r)
		}
	}
}
