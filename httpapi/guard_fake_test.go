package httpapi

import (
	"maps"
	"slices"
	"sync"
	"time"

	"kvs/internal/auth"
)

const (
	alice  = auth.UserID("00000000-0000-4000-8000-00000000000a")
	bob    = auth.UserID("00000000-0000-4000-8000-00000000000b")
	family = auth.GroupID("00000000-0000-4000-8000-00000000000f")
)

// fakeGuard knows its callers by name: a token is the name and no more.
type fakeGuard struct {
	mu      sync.Mutex
	callers map[string]Caller
	known   map[string]bool // those that were admitted
	rights  map[string]auth.ACL
	users   map[auth.UserID]auth.User
	groups  map[auth.GroupID]auth.Group
	revoked []string
	rotated int
	*auth.Sealer
}

func newFakeGuard() *fakeGuard {
	g := &fakeGuard{
		callers: map[string]Caller{}, known: map[string]bool{}, rights: map[string]auth.ACL{},
		users: map[auth.UserID]auth.User{}, groups: map[auth.GroupID]auth.Group{},
		Sealer: auth.NewSealer(auth.NewSealingKey(time.Now())),
	}
	g.add("admin", auth.AdminUser, auth.ScopeAdmin, "")
	g.add("reads", alice, auth.ScopeRead, "", family)
	g.add("writes", alice, auth.ScopeWrite, "", family)
	g.add("alice", alice, auth.ScopeRead|auth.ScopeWrite, "", family)
	g.add("bob", bob, auth.ScopeRead|auth.ScopeWrite, "", family)
	g.add("carol", "00000000-0000-4000-8000-00000000000c", auth.ScopeRead|auth.ScopeWrite, "")
	g.add("narrow", alice, auth.ScopeRead|auth.ScopeWrite, "a", family)
	return g
}

func (g *fakeGuard) add(token string, user auth.UserID, scope auth.Scope, prefix string, groups ...auth.GroupID) {
	g.callers[token] = Caller{
		Principal: auth.Principal{User: user, Groups: groups},
		Grant:     auth.Grant{Scope: scope, PathPrefix: prefix},
		Token:     auth.Claims{ID: token},
	}
}

func (g *fakeGuard) Admit(token []byte) (Caller, error) {
	if string(token) == "gone" {
		return Caller{}, ErrUserGone
	}
	c, ok := g.callers[string(token)]
	if !ok {
		return c, auth.ErrSignature
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.known[string(token)] = true
	return c, nil
}

func (g *fakeGuard) Recall(token []byte) (Caller, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.callers[string(token)], g.known[string(token)]
}

func (g *fakeGuard) Lookup(path string) (auth.ACL, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	acl, ok := g.rights[path]
	return acl, ok
}

func (g *fakeGuard) SetACL(path string, acl auth.ACL) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rights[path] = acl
	return nil
}

func (g *fakeGuard) ClaimACL(path string, acl auth.ACL, _ string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.rights[path]; ok {
		return ErrPrecondition
	}
	g.rights[path] = acl
	return nil
}

func (g *fakeGuard) DropACL(path, _ string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.rights, path)
	return nil
}

func (g *fakeGuard) Users() []auth.User { return slices.Collect(maps.Values(g.users)) }

func (g *fakeGuard) PutUser(u auth.User) error {
	g.users[u.ID] = u
	return nil
}

func (g *fakeGuard) DropUser(id auth.UserID) error {
	delete(g.users, id)
	return nil
}

func (g *fakeGuard) Groups() []auth.Group { return slices.Collect(maps.Values(g.groups)) }

func (g *fakeGuard) PutGroup(r auth.Group) error {
	g.groups[r.ID] = r
	return nil
}

func (g *fakeGuard) DropGroup(id auth.GroupID) error {
	delete(g.groups, id)
	return nil
}

func (g *fakeGuard) Ticket(body []byte) (auth.Ticket, error) {
	return auth.ParseTokenRequest(body, time.Hour, 24*time.Hour)
}

func (g *fakeGuard) Mint(t auth.Ticket) (string, auth.Claims, error) {
	if _, ok := g.users[t.User]; !ok {
		return "", auth.Claims{}, ErrUserGone
	}
	return "a-token", auth.Claims{User: t.User, Scope: t.Scope, PathPrefix: t.PathPrefix, Expires: 5}, nil
}

func (g *fakeGuard) Revoke(jti string) error {
	g.revoked = append(g.revoked, jti)
	return nil
}

func (g *fakeGuard) Revoked(most int) (list []auth.Revocation, more bool) {
	for _, jti := range g.revoked {
		list = append(list, auth.Revocation{ID: jti, Expires: 5})
	}
	return list[:min(most, len(list))], len(list) > most
}

func (g *fakeGuard) JWKS() ([]byte, error) { return []byte(`{"keys":[]}`), nil }

func (g *fakeGuard) RotateKey() error {
	g.rotated++
	return nil
}
