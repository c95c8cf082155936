package sim

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"kvs/internal/auth"
	"kvs/statemachine/keyspace"
)

// Where the records of users, groups and rights lie, as the server has them.
const (
	usersAt  = "_auth/users/"
	groupsAt = "_auth/groups/"
	rightsAt = "_acl/"
	rootAt   = "_acl"
)

// The people of a world, and the places that they have rights to. The user at the
// end is in no record, and must never be let in.
var (
	people = []auth.UserID{
		"00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002",
		"00000000-0000-4000-8000-000000000003", "00000000-0000-4000-8000-000000000009",
	}
	teams  = []auth.GroupID{"00000000-0000-4000-8000-0000000000a1", "00000000-0000-4000-8000-0000000000a2"}
	places = []string{"k0", "k1", "k0/a", "k0/a/b", "k1/a"}
	grants = []auth.Grant{
		{Scope: auth.ScopeRead | auth.ScopeWrite}, {Scope: auth.ScopeRead},
		{Scope: auth.ScopeRead | auth.ScopeWrite, PathPrefix: "k0/a"},
	}
)

// rights are clients that change users, groups and rights, which are records like
// any others, and the oracle of what follows from them: every host decides what the
// newest records that it claims say, so that in the end all decide alike.
type rights struct {
	w       *World
	rng     *rand.Rand
	keys    []string // of all such records
	allowed int      // decisions that were compared
	denied  int
}

func newRights(w *World, rng *rand.Rand) *rights {
	r := &rights{w: w, rng: rng, keys: []string{rootAt}}
	for _, u := range people[:len(people)-1] {
		r.keys = append(r.keys, usersAt+string(u))
	}
	for _, g := range teams {
		r.keys = append(r.keys, groupsAt+string(g))
	}
	for _, p := range places {
		r.keys = append(r.keys, rightsAt+p)
	}
	return r
}

// begin changes records until the end of the fault phase.
func (r *rights) begin() {
	every := r.w.opt.RightsEvery
	if every == 0 || r.w.now >= r.w.opt.Duration {
		return
	}
	if h := r.w.clients.up(r.rng); h != nil {
		r.drawWrite(h)
	}
	r.w.queue.plan(r.w.now+1+exponential(r.rng, every), r.begin)
}

// drawWrite lets a client write one of the records, or delete it.
func (r *rights) drawWrite(h *host) {
	i := r.rng.IntN(len(r.keys))
	if r.rng.IntN(5) == 0 {
		r.w.act(ActRights, of(h), int64(i), 1)
		return
	}
	text, err := json.Marshal(r.draw(r.keys[i]))
	if err != nil {
		panic(fmt.Sprintf("sim: a record of rights: %v", err)) // a bug of draw
	}
	r.w.actText(string(text), ActRights, of(h), int64(i), 0)
}

// perform writes a record, or deletes it.
func (r *rights) perform(h *host, i int, deletes bool, text string) {
	w := keyspace.Write{Key: r.keys[i%len(r.keys)], Delete: deletes}
	if !deletes {
		w.Value = []byte(text)
	}
	r.w.clients.send(h, w)
}

// draw makes a record for a key.
func (r *rights) draw(key string) any {
	if id, ok := strings.CutPrefix(key, usersAt); ok {
		return auth.User{ID: auth.UserID(id), Nickname: "n", Created: 1, Disabled: r.rng.IntN(4) == 0}
	}
	if id, ok := strings.CutPrefix(key, groupsAt); ok {
		g := auth.Group{ID: auth.GroupID(id), Name: "n", Created: 1, Members: []auth.UserID{}}
		for _, u := range people {
			if r.rng.IntN(2) == 0 {
				g.Members = append(g.Members, u)
			}
		}
		return g
	}
	acl := auth.ACL{Mode: auth.Mode(r.rng.IntN(1 << 12))}
	if i := r.rng.IntN(len(people) + 1); i < len(people) {
		acl.Owner = people[i]
	}
	if i := r.rng.IntN(len(teams) + 1); i < len(teams) {
		acl.Group = teams[i]
	}
	return acl
}

// inspect holds what a host decides, by its records and the production code,
// against what the model's writes say, by the words of law.
func (r *rights) inspect(h *host) {
	if r.w.opt.RightsEvery == 0 || r.w.opt.FalseClaims {
		return
	}
	records := h.records()
	is, ought := decider(records), law{}
	newest := r.newest(h, records)
	for _, key := range r.keys {
		if value, ok := newest[key]; ok {
			ought.take(key, value)
		}
	}
	for _, user := range people {
		for _, grant := range grants {
			for op := auth.OpRead; op <= auth.OpSetACL; op++ {
				for _, place := range places {
					r.compare(h, is(user, grant, op, place), ought.allows(user, grant, op, place),
						fmt.Sprintf("%v of %s by user %s, grant %v", op, place, user[len(user)-1:], grant))
				}
			}
		}
	}
}

func (r *rights) compare(h *host, is, ought bool, what string) {
	if is != ought {
		r.w.fail("rights", "host %d decides %v on %s; by the writes that it claims it is %v", h.index, is, what, ought)
	}
	if is {
		r.allowed++
	} else {
		r.denied++
		r.w.mark(MarkRightsDenied)
	}
}

// newest is the value that each live record has by the model: the greatest of the
// version that the host holds and of those that it claims.
func (r *rights) newest(h *host, records map[string]record) map[string]string {
	best := map[string]issued{}
	for _, key := range r.keys {
		if rec, ok := records[key]; ok {
			best[key] = r.w.model.writes[r.w.model.byVersion[rec.hdr.Ver]]
		}
	}
	vv := h.node.Status().VV
	for i := range r.w.model.writes {
		wr := &r.w.model.writes[i]
		if wr.key[0] != '_' || wr.void || !vv.Contains(wr.dot) || r.w.model.forgotten(wr.key, wr.ver) {
			continue
		}
		if b, ok := best[wr.key]; !ok || beats(wr.ver, b.ver) {
			best[wr.key] = *wr
		}
	}
	values := map[string]string{}
	for _, key := range r.keys {
		if b, ok := best[key]; ok && !b.deleted {
			values[key] = b.value
		}
	}
	return values
}

// decision says whether a user with a grant may do something somewhere.
type decision func(auth.UserID, auth.Grant, auth.Op, string) bool

// decider reads records as a node does when it starts, and decides as it does.
func decider(records map[string]record) decision {
	acls, users := map[string]auth.ACL{}, map[auth.UserID]auth.User{}
	var groups []auth.Group
	for _, key := range sortedKeys(records) {
		rec := records[key]
		if rec.hdr.Tombstone() {
			continue
		}
		if u, err := auth.ParseUser([]byte(rec.value)); err == nil && strings.HasPrefix(key, usersAt) {
			users[u.ID] = u
		}
		if g, err := auth.ParseGroup([]byte(rec.value)); err == nil && strings.HasPrefix(key, groupsAt) {
			groups = append(groups, g)
		}
		if a, err := auth.ParseACL([]byte(rec.value)); err == nil {
			if path, ok := strings.CutPrefix(key, rightsAt); ok {
				acls[path] = a
			} else if key == rootAt {
				acls[auth.RootPath] = a
			}
		}
	}
	lookup := func(path string) (auth.ACL, bool) { a, ok := acls[path]; return a, ok }
	return func(user auth.UserID, grant auth.Grant, op auth.Op, key string) bool {
		var who auth.Principal
		if u, ok := users[user]; ok {
			who = auth.PrincipalOf(u, groups)
		}
		return auth.Decide(who, grant, op, key, lookup)
	}
}

// law is the rule of rights once more, in other words than package auth's.
type law struct {
	active map[string]bool     // users who are not disabled
	in     map[string][]string // group to members
	acl    map[string]lawACL   // by path; that of the root is ""
}

// lawACL is a record of rights as it is written down.
type lawACL struct{ Owner, Group, Mode string }

func (l *law) take(key, value string) {
	var rec struct {
		lawACL
		Disabled bool
		Members  []string
	}
	if err := json.Unmarshal([]byte(value), &rec); err != nil {
		panic(fmt.Sprintf("sim: a record of rights: %v", err)) // a bug of draw
	}
	if l.acl == nil {
		l.active, l.in, l.acl = map[string]bool{}, map[string][]string{}, map[string]lawACL{}
	}
	switch {
	case strings.HasPrefix(key, usersAt):
		l.active[key[len(usersAt):]] = !rec.Disabled
	case strings.HasPrefix(key, groupsAt):
		l.in[key[len(groupsAt):]] = rec.Members
	default:
		l.acl[strings.TrimPrefix(strings.TrimPrefix(key, rootAt), "/")] = rec.lawACL
	}
}

// allows looks at the letters of the modes, and at what lies on the way up.
func (l *law) allows(user auth.UserID, grant auth.Grant, op auth.Op, key string) bool {
	reads := op == auth.OpRead
	below := grant.PathPrefix == "" || (key + "/")[:min(len(key)+1, len(grant.PathPrefix)+1)] == grant.PathPrefix+"/"
	if !l.active[string(user)] || !below || reads && grant.Scope&auth.ScopeRead == 0 ||
		!reads && grant.Scope&auth.ScopeWrite == 0 {
		return false
	}
	own, above := l.nearest(key), l.nearest(key[:max(0, strings.LastIndexByte(key, '/'))])
	switch op {
	case auth.OpRead:
		return l.letter(user, own, 'r')
	case auth.OpWrite:
		return l.letter(user, own, 'w')
	case auth.OpCreate:
		return l.letter(user, above, 'c')
	case auth.OpDelete:
		mine, set := l.acl[key]
		return l.letter(user, above, 'd') || set && mine.Owner == string(user) && mine.Mode[1] == 'd'
	default:
		return own.Owner == string(user)
	}
}

// nearest is the record of a path or of the first above it that has one.
func (l *law) nearest(path string) lawACL {
	for ; path != ""; path = path[:max(0, strings.LastIndexByte(path, '/'))] {
		if a, ok := l.acl[path]; ok {
			return a
		}
	}
	if a, ok := l.acl[""]; ok {
		return a
	}
	return lawACL{Mode: "cdwr,c---,c---"}
}

// letter says whether the first part of a mode that is about the user has it.
func (l *law) letter(user auth.UserID, a lawACL, want byte) bool {
	part := strings.Split(a.Mode, ",")
	which := 2
	if a.Group != "" && slices.Contains(l.in[a.Group], string(user)) {
		which = 1
	}
	if a.Owner == string(user) {
		which = 0
	}
	return strings.IndexByte(part[which], want) >= 0
}
