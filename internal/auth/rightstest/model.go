package rightstest

import (
	"maps"
	"slices"
	"strings"
)

// The users that callers are, and the one group that there is.
const (
	Admin  = "00000000-0000-0000-0000-000000000000"
	Alice  = "00000000-0000-4000-8000-00000000000a"
	Bob    = "00000000-0000-4000-8000-00000000000b"
	Carol  = "00000000-0000-4000-8000-00000000000c"
	Family = "00000000-0000-4000-8000-00000000000f"
)

// Caller is who asks, with one token of a user.
type Caller struct {
	User   string
	Group  string // Family, or empty.
	Scope  string // r for read, w for write, a for admin.
	Prefix string // what the token is good for; empty for everything
}

// Callers are those of all operations, by name.
func Callers() map[string]Caller {
	return map[string]Caller{
		"admin":  {Admin, "", "a", ""},
		"reads":  {Alice, Family, "r", ""},
		"writes": {Alice, Family, "w", ""},
		"alice":  {Alice, Family, "rw", ""},
		"bob":    {Bob, Family, "rw", ""},
		"carol":  {Carol, "", "rw", ""},
		"narrow": {Alice, Family, "rw", "a"},
	}
}

// Rule is what was set at a path: twelve letters of cdwrcdwrcdwr or dashes.
type Rule struct{ Owner, Group, Bits string }

// Model is all values and all rules that there are.
type Model struct {
	Values map[string]string
	Rules  map[string]Rule // "/" is the root's
}

// New is a model of nothing.
func New() *Model { return &Model{map[string]string{}, map[string]Rule{}} }

func (c Caller) admin() bool { return strings.Contains(c.Scope, "a") }

func (m *Model) root() Rule {
	if r, ok := m.Rules["/"]; ok {
		return r
	}
	return Rule{Bits: "cdwrc---c---"}
}

// at is the rule that holds at a path: the longest that was set at it or above.
func (m *Model) at(path string) Rule {
	best, length := m.root(), -1
	for where, r := range m.Rules { // order cannot matter: the longest is one
		if where != "/" && strings.HasPrefix(path+"/", where+"/") && len(where) > length {
			best, length = r, len(where)
		}
	}
	return best
}

func (m *Model) above(key string) Rule {
	i := strings.LastIndex(key, "/")
	if i < 0 {
		return m.root()
	}
	return m.at(key[:i])
}

// has says whether a rule gives a caller a letter.
func (c Caller) has(letter string, r Rule) bool {
	part := r.Bits[8:]
	if c.User == r.Owner {
		part = r.Bits[:4]
	} else if r.Group != "" && c.Group == r.Group {
		part = r.Bits[4:8]
	}
	return strings.Contains(part, letter)
}

// may judges one of the letters c, d, w, r, or o for setting rights.
func (m *Model) may(c Caller, letter, key string) bool {
	if c.admin() {
		return true
	}
	needs := "w"
	if letter == "r" {
		needs = "r"
	}
	if !strings.Contains(c.Scope, needs) || c.Prefix != "" && !strings.HasPrefix(key+"/", c.Prefix+"/") {
		return false
	}
	own, set := m.Rules[key]
	switch letter {
	case "c":
		return c.has("c", m.above(key))
	case "d":
		return c.has("d", m.above(key)) || set && own.Owner == c.User && strings.Contains(own.Bits[:4], "d")
	case "o":
		return m.at(key).Owner == c.User
	}
	return c.has(letter, m.at(key))
}

// put is the status of a PUT, and what it does where that is below 300.
func (m *Model) put(c Caller, key, value string) (status int, effect func()) {
	_, exists := m.Values[key]
	_, own := m.Rules[key]
	letter := "c"
	if exists || own {
		letter = "w"
	}
	if !m.may(c, letter, key) || letter == "c" && !c.admin() && m.othersBelow(c, key) {
		return 403, nil
	}
	plain := c.admin() && !own && m.at(key) == m.root()
	given := Rule{c.User, m.above(key).Group, "cdwrc-wr----"}
	status = 201
	if exists {
		status = 200
	}
	return status, func() {
		if !exists && !own && !plain {
			m.Rules[key] = given
		}
		m.Values[key] = value
	}
}

func (m *Model) othersBelow(c Caller, key string) bool {
	for below := range m.Values { // one is enough
		if strings.HasPrefix(below, key+"/") && m.at(below).Owner != c.User {
			return true
		}
	}
	return false
}

// remove is DELETE.
func (m *Model) remove(c Caller, key string) (status int, effect func()) {
	if !m.may(c, "d", key) {
		return 403, nil
	}
	return 204, func() {
		if _, existed := m.Values[key]; existed && !m.hasBelow(key) {
			delete(m.Rules, key)
		}
		delete(m.Values, key)
	}
}

func (m *Model) hasBelow(key string) bool {
	for below := range m.Values { // one is enough
		if strings.HasPrefix(below, key+"/") {
			return true
		}
	}
	return false
}

// set is PUT of rights.
func (m *Model) set(c Caller, key string, r Rule) (status int, effect func()) {
	if !c.admin() && !(m.may(c, "o", key) && r.Owner == m.at(key).Owner) {
		return 403, nil
	}
	return 204, func() { m.Rules[key] = r }
}

// read is GET: the status and how the answer ends.
func (m *Model) read(c Caller, key string) (status int, ends string) {
	if value, ok := m.Values[key]; ok && m.may(c, "r", key) {
		return 200, `"data":` + value + `}`
	}
	return 404, ""
}

// listing is how a listing of everything ends.
func (m *Model) listing(c Caller) string {
	keys := slices.Sorted(maps.Keys(m.Values))
	keys = slices.DeleteFunc(keys, func(key string) bool { return !m.may(c, "r", key) })
	if len(keys) == 0 {
		return `{"items":[]}`
	}
	return `"data":` + m.Values[keys[len(keys)-1]] + `}]}`
}
