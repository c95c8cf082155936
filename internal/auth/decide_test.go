package auth

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// Goal: both forms of a mode, every mode, and nothing else.
func TestMode(t *testing.T) {
	for m := range Mode(0x1000) {
		for _, text := range []string{m.String(), m.Hex(), strings.ReplaceAll(m.String(), ",", "")} {
			if got, err := ParseMode(text); err != nil || got != m {
				t.Fatalf("%q: %v, %v", text, got, err)
			}
		}
	}
	for text, want := range map[string]Mode{"cdwr,c-wr,----": DefaultMode, "cdwrc---c---": rootMode,
		"fb0": 0xfb0, "---r,----,----": 0x100, "----,----,---r": 1, "001": 1} {
		if got, err := ParseMode(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "fb", "fb00", "FB0", "0xfb0", "+fb", "cdwr", "rwdcrwdcrwdc",
		"CDWR,c-wr,----", "cdwr c-wr ----", "cdwr,c-wr,---", "cdwrc-wr-----", "cdwr,c-wr,----\n",
		"cdwr,c-wr----"} {
		if got, err := ParseMode(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

// Goal: the record of an ACL is strict, and a forgotten mode is a mistake.
func TestACLRecord(t *testing.T) {
	good := ACL{testUser, "", DefaultMode, "v1"}
	text := toJSON(good)
	if got, err := ParseACL([]byte(text)); err != nil || got != good ||
		!strings.Contains(text, `"mode":"cdwr,c-wr,----"`) {
		t.Errorf("%s: %+v, %v", text, got, err)
	}
	for _, bad := range []string{`{}`, `{"mode":null}`, `{"mode":4016}`, `{"mode":"777x"}`,
		`{"mode":"fb0","owner":"root"}`, `{"mode":"fb0","group":"x"}`, `{"mode":"fb0","x":1}`,
		`{"mode":"fb0","mode":"fff"}`, `{"mode":"fb0","MODE":"fff"}`} {
		if got, err := ParseACL([]byte(bad)); err == nil {
			t.Errorf("%s is %+v", bad, got)
		}
	}
}

// names of a small world, so that its inhabitants meet.
const (
	ann   = UserID("00000000-0000-4000-8000-00000000000a")
	bob   = UserID("00000000-0000-4000-8000-00000000000b")
	staff = GroupID("00000000-0000-4000-8000-0000000000aa")
	ops   = GroupID("00000000-0000-4000-8000-0000000000bb")
)

func mode(text string) Mode {
	m, err := ParseMode(text)
	if err != nil {
		panic(err)
	}
	return m
}

// Goal: the rules one by one, as sentences about a small tree.
func TestDecide(t *testing.T) {
	acls := map[string]ACL{
		"a":        {Owner: ann, Group: staff, Mode: mode("cdwr,c-wr,----")},
		"a/b":      {Owner: bob, Group: ops, Mode: mode("---r,-d--,cdwr")},
		"own":      {Owner: ann, Mode: mode("c-wr,----,----")},
		"noowner":  {Mode: mode("cdwr,cdwr,----")},
		"a/b/c/me": {Owner: ann, Mode: mode("----,----,----")},
	}
	lookup := func(path string) (ACL, bool) { acl, ok := acls[path]; return acl, ok }
	rw := Grant{Scope: ScopeRead | ScopeWrite}
	for _, c := range []struct {
		user   UserID
		groups []GroupID
		grant  Grant
		op     Op
		key    string
		want   bool
	}{
		{ann, nil, rw, OpRead, "a", true},
		{bob, nil, rw, OpRead, "a", false},
		{bob, []GroupID{staff}, rw, OpRead, "a", true},
		{bob, []GroupID{ops}, rw, OpRead, "a", false},
		{ann, nil, rw, OpWrite, "a/x/y", true},                      // The ancestor's ACL.
		{ann, nil, rw, OpRead, "ab", false},                         // Not below "a".
		{ann, nil, rw, OpRead, "zz", false},                         // The root's.
		{ann, nil, rw, OpCreate, "zz", true},                        // The root's.
		{ann, nil, rw, OpCreate, "zz/y/x", true},                    // The root's.
		{bob, nil, rw, OpCreate, "a/new", false},                    // a's.
		{bob, []GroupID{staff}, rw, OpCreate, "a/new", true},        // a's.
		{bob, []GroupID{staff}, rw, OpDelete, "a/x", false},         // a's: no d for the group.
		{ann, nil, rw, OpDelete, "a/b", true},                       // a's owner.
		{ann, nil, rw, OpDelete, "a", true},                         // Its owner.
		{bob, []GroupID{staff}, rw, OpDelete, "a", false},           // Neither.
		{ann, nil, rw, OpDelete, "own", false},                      // Its owner, without d.
		{bob, nil, rw, OpDelete, "a/b", false},                      // Its owner, without d.
		{bob, nil, rw, OpWrite, "a/b", false},                       // The owner's bits alone count.
		{bob, []GroupID{ops}, rw, OpDelete, "a/b/z", false},         // The same for the group.
		{ann, []GroupID{ops}, rw, OpDelete, "a/b/z", true},          // The group's.
		{ann, []GroupID{ops}, rw, OpRead, "a/b/z", false},           // The group's, not the others'.
		{ann, nil, rw, OpRead, "a/b/z", true},                       // The others'.
		{ann, nil, rw, OpRead, "a/b/c/me", false},                   // Its own ACL, of nobody.
		{ann, nil, rw, OpSetACL, "a/b/c/me", true},                  // Which she may change.
		{bob, nil, rw, OpSetACL, "a/b/c/me", false},                 //
		{bob, nil, rw, OpSetACL, "a/b/new", true},                   //
		{ann, nil, rw, OpSetACL, "zz", false},                       // The root is nobody's.
		{ann, []GroupID{""}, rw, OpRead, "noowner", false},          // "" is no group.
		{"", nil, rw, OpRead, "noowner", false},                     // "" is no user.
		{"", nil, Grant{Scope: ScopeAdmin}, OpRead, "a", false},     //
		{ann, nil, Grant{Scope: ScopeRead}, OpWrite, "a", false},    // Scope.
		{ann, nil, Grant{Scope: ScopeRead}, OpCreate, "zz", false},  //
		{ann, nil, Grant{Scope: ScopeRead}, OpDelete, "a/x", false}, //
		{ann, nil, Grant{Scope: ScopeRead}, OpSetACL, "a", false},   //
		{ann, nil, Grant{Scope: ScopeWrite}, OpRead, "a", false},    //
		{ann, nil, Grant{}, OpRead, "a", false},                     //
		{AdminUser, nil, Grant{Scope: ScopeAdmin}, OpDelete, "a/b", true},
		{AdminUser, nil, Grant{Scope: ScopeAdmin}, OpSetACL, "zz", true},
		{ann, nil, Grant{ScopeRead, "a"}, OpRead, "a", true},
		{ann, nil, Grant{ScopeRead, "a"}, OpRead, "a/x", true},
		{ann, nil, Grant{ScopeRead, "a/x"}, OpRead, "a", false},
		{ann, nil, Grant{ScopeRead, "own"}, OpRead, "a", false},
		{ann, nil, Grant{ScopeWrite, "z"}, OpCreate, "zz", false},
		{ann, nil, rw, 0, "a", false},
		{AdminUser, nil, Grant{Scope: ScopeAdmin}, 99, "a", false},
	} {
		got := Decide(Principal{c.user, c.groups}, c.grant, c.op, c.key, lookup)
		if got != c.want {
			t.Errorf("%s %v may %v %q with %v: %v", c.user, c.groups, c.op, c.key, c.grant, got)
		}
	}
}

// Goal: what is no canonical key is refused even to an admin, and the deepest
// key costs a bounded walk.
func TestDecideWantsCanonicalKeys(t *testing.T) {
	none := func(string) (ACL, bool) { return ACL{}, false }
	for _, key := range []string{"", "/", "/a", "a/", "a//b", ".", "a/../zz", "a/.", "_x", "a\x00",
		"a\xff", strings.Repeat("a/", 512) + "a"} {
		if Decide(Principal{User: AdminUser}, Grant{Scope: ScopeAdmin}, OpRead, key, none) {
			t.Errorf("%q is a key", key)
		}
	}
	lookups := 0
	deep := strings.Repeat("a/", 511) + "a"
	Decide(Principal{User: ann}, Grant{Scope: ScopeRead}, OpRead, deep, func(string) (ACL, bool) {
		lookups++
		return ACL{}, false
	})
	if lookups != 513 {
		t.Errorf("%d lookups", lookups)
	}
}

// Goal: a new key belongs to its creator and to its ancestor's group.
func TestInherit(t *testing.T) {
	parent := ACL{Owner: ann, Group: staff, Mode: mode("cdwr,----,----"), Version: "v1"}
	if got := Inherit(bob, parent, DefaultMode); got != (ACL{Owner: bob, Group: staff, Mode: DefaultMode}) {
		t.Errorf("%+v", got)
	}
}

// row is a permission of the model, in words: on path, one of the class may.
type row struct{ path, class, verb string }

// model keeps a table of rows and of facts, and searches it line by line.
type model struct {
	rows    []row
	owners  [][2]string // path, user
	groups  [][2]string // path, group
	members [][2]string // group, user
}

func drop[T any](list []T, gone func(T) bool) (out []T) {
	for _, x := range list {
		if !gone(x) {
			out = append(out, x)
		}
	}
	return out
}

func (m *model) clear(path string) {
	m.rows = drop(m.rows, func(r row) bool { return r.path == path })
	m.owners = drop(m.owners, func(f [2]string) bool { return f[0] == path })
	m.groups = drop(m.groups, func(f [2]string) bool { return f[0] == path })
}

// set reads the symbolic form for itself: "cdwr,c-wr,----".
func (m *model) set(path, owner, group, symbols string) {
	m.clear(path)
	m.owners = append(m.owners, [2]string{path, owner})
	m.groups = append(m.groups, [2]string{path, group})
	for i, part := range strings.Split(symbols, ",") {
		for _, letter := range strings.ReplaceAll(part, "-", "") {
			m.rows = append(m.rows, row{path, []string{"owner", "group", "others"}[i],
				map[rune]string{'c': "create", 'd': "delete", 'w': "write", 'r': "read"}[letter]})
		}
	}
}

// nearest is the longest path with an ACL that is a prefix of the segments.
func (m *model) nearest(segments []string) string {
	best, most := "/", 0
	for _, f := range m.owners {
		at := strings.Split(f[0], "/")
		if len(at) > most && len(at) <= len(segments) && slices.Equal(at, segments[:len(at)]) &&
			f[0] != "/" {
			best, most = f[0], len(at)
		}
	}
	return best
}

func (m *model) class(user, path string) string {
	for _, f := range m.owners {
		if f[0] == path && f[1] == user {
			return "owner"
		}
	}
	for _, f := range m.groups {
		for _, member := range m.members {
			if f[0] == path && f[1] == member[0] && member[1] == user {
				return "group"
			}
		}
	}
	return "others"
}

func (m *model) may(user string, scopes []string, prefix []string, verb, key string) bool {
	segments := strings.Split(key, "/")
	if len(prefix) > len(segments) || !slices.Equal(prefix, segments[:len(prefix)]) {
		return false
	}
	if slices.Contains(scopes, "admin") {
		return true
	}
	needed := "write"
	if verb == "read" {
		needed = "read"
	}
	if !slices.Contains(scopes, needed) {
		return false
	}
	judge := m.nearest(segments)
	if verb == "set-acl" {
		return m.class(user, judge) == "owner"
	}
	if verb == "delete" && judge == key && m.class(user, key) == "owner" &&
		slices.Contains(m.rows, row{key, "owner", "delete"}) {
		return true
	}
	if verb == "create" || verb == "delete" {
		judge = m.nearest(segments[:len(segments)-1])
	}
	return slices.Contains(m.rows, row{judge, m.class(user, judge), verb})
}

// Goal: no difference between Decide and the model in 100,000 operations
// (rapid's 100 runs of 1,000): ACLs set and dropped, members come and go, all
// users with all scopes try everything.
func TestDecideAgainstModel(t *testing.T) {
	count := 0
	allowed := 0
	rapid.Check(t, func(t *rapid.T) {
		users := []UserID{ann, bob, testUser}
		groups := []GroupID{staff, ops}
		keys := []string{"a", "b", "ab", "a/b", "a/b/c", "a/bc", "a/b/c/d", "b/a", "ü/a"}
		scopes := [][]string{{"read"}, {"write"}, {"read", "write"}, {"read", "write"}, {"admin"}}
		acls := map[string]ACL{}
		members := map[GroupID][]UserID{}
		lookup := func(path string) (ACL, bool) { acl, ok := acls[path]; return acl, ok }
		m := &model{}
		reset := func() { m.set("/", "nobody", "none", "cdwr,c---,c---") }
		reset()
		random := rapid.Uint64()
		for range 1000 {
			count++
			x := random.Draw(t, "x")
			pick := func(n int) int { r := int(x % uint64(n)); x /= uint64(n); return r }
			kind, key, user, group := pick(8), keys[pick(len(keys))], users[pick(3)], groups[pick(2)]
			switch kind {
			case 0, 1: // An ACL is set, perhaps the root's.
				if pick(16) == 0 {
					key = RootPath
				}
				acl := ACL{Owner: user, Group: group, Mode: Mode(random.Draw(t, "mode") & 0xfff)}
				acls[key] = acl
				m.set(key, string(user), string(group), acl.Mode.String())
			case 2: // An ACL goes.
				delete(acls, key)
				m.clear(key)
			case 3: // A member comes or goes.
				fact := [2]string{string(group), string(user)}
				if i := slices.Index(members[group], user); i >= 0 {
					members[group] = slices.Delete(members[group], i, i+1)
					m.members = drop(m.members, func(f [2]string) bool { return f == fact })
				} else {
					members[group] = append(members[group], user)
					m.members = append(m.members, fact)
				}
			default:
				names := scopes[pick(len(scopes))]
				scope, _ := ParseScope(names)
				prefix := ""
				var segments []string
				if pick(4) == 0 {
					prefix = keys[pick(len(keys))]
					segments = strings.Split(prefix, "/")
				}
				op := Op(1 + pick(5))
				p := PrincipalOf(User{ID: user}, []Group{{ID: staff, Members: members[staff]},
					{ID: ops, Members: members[ops]}})
				got := Decide(p, Grant{scope, prefix}, op, key, lookup)
				if want := m.may(string(user), names, segments, op.String(), key); got != want {
					t.Fatalf("%v may %v %q with %v below %q: %v, the model says %v\n%v\n%+v",
						user, op, key, names, prefix, got, want, acls, members)
				}
				if got {
					allowed++
				}
			}
		}
	})
	t.Logf("%d operations, %d allowed", count, allowed)
}

func BenchmarkDecide(b *testing.B) {
	acls := map[string]ACL{"a": {Owner: bob, Group: staff, Mode: DefaultMode}}
	lookup := func(path string) (ACL, bool) { acl, ok := acls[path]; return acl, ok }
	who := Principal{ann, []GroupID{ops, staff}}
	b.ReportAllocs()
	for b.Loop() {
		if !Decide(who, Grant{Scope: ScopeRead}, OpRead, "a/b/c/d", lookup) {
			b.Fatal("refused")
		}
	}
}
