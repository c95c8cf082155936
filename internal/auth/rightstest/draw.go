package rightstest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// Op is a request, and what the model answers.
type Op struct {
	Who, Method, Target, Body string

	Status int
	Ends   string // how the answer ends

	effect func() // nil if it changes nothing
}

// Changes says that the operation has an effect.
func (o Op) Changes() bool { return o.effect != nil }

// Apply gives the model the effect of an operation.
func (o Op) Apply() {
	if o.effect != nil {
		o.effect()
	}
}

// Keys are those that operations are about, several of them above others.
func Keys() []string { return []string{"a", "a/b", "a/b/c", "a/x", "ab", "z", "z/y"} }

// Draw makes an operation. Values that it writes hold number, so that each is another.
func (m *Model) Draw(rng *rand.Rand, number int) (o Op) {
	callers, keys := Callers(), Keys()
	names := slices.Sorted(maps.Keys(callers))
	o.Who = names[rng.IntN(len(names))]
	c, key := callers[o.Who], keys[rng.IntN(len(keys))]
	o.Method, o.Target = "GET", "/kv/"+respell(rng, key)
	switch op := rng.IntN(12); {
	case op < 3:
		o.Status, o.Ends = m.read(c, key)
	case op < 6:
		o.Method, o.Body = "PUT", fmt.Sprint(number)
		o.Status, o.effect = m.put(c, key, o.Body)
	case op < 8:
		o.Method = "DELETE"
		o.Status, o.effect = m.remove(c, key)
	case op < 10:
		o.Method, o.Target = "PUT", "/acl/"+respell(rng, key)
		r := m.drawRule(rng, c, key)
		o.Body = fmt.Sprintf(`{"owner":%q,"group":%q,"mode":%q}`, r.Owner, r.Group, r.Bits)
		o.Status, o.effect = m.set(c, key, r)
	case op == 10:
		o.Target, o.Status, o.Ends = "/kv/_range", 200, m.listing(c)
	default:
		o.Method = [...]string{"GET", "PUT", "DELETE"}[rng.IntN(3)]
		o.Target, o.Status = "/kv/"+misspell(rng, key), 400
	}
	return o
}

// drawRule makes a rule of any bits; every second is of an owner that may be set.
func (m *Model) drawRule(rng *rand.Rand, c Caller, key string) Rule {
	bits := []byte("cdwrcdwrcdwr")
	for i := range bits {
		if rng.IntN(2) == 0 {
			bits[i] = '-'
		}
	}
	return Rule{
		[...]string{"", Alice, Bob, m.at(key).Owner, c.User}[rng.IntN(5)],
		[...]string{"", Family}[rng.IntN(2)], string(bits),
	}
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
