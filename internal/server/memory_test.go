package server

import (
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"kvs/httpapi"
	"kvs/internal/auth"
)

// Goal: nothing that a node remembers of a token, of a user or of rights outlives their
// end. Method: a user in a group reads a key through the whole API until everything is
// remembered; then one thing ends, and the very next answer is another.
func TestS5NothingRememberedOutlivesItsEnd(t *testing.T) {
	s := startGuarded(t, "a")
	for name, c := range map[string]struct {
		end    func(m *member) error
		status int
	}{
		"nothing":         {func(*member) error { return nil }, 200},
		"token revoked":   {func(m *member) error { return s.guard.Revoke(m.claims.ID) }, 401},
		"another revoked": {func(m *member) error { return s.guard.Revoke("AAAAAAAAAAAAAAAAAAAAAA") }, 200},
		"user disabled": {func(m *member) error {
			m.user.Disabled = true
			return s.guard.PutUser(m.user)
		}, 401},
		"user deleted":  {func(m *member) error { return s.guard.DropUser(m.user.ID) }, 401},
		"group deleted": {func(m *member) error { return s.guard.DropGroup(m.group.ID) }, 404},
		"left the group": {func(m *member) error {
			m.group.Members = nil
			return s.guard.PutGroup(m.group)
		}, 404},
		"other rights":      {func(m *member) error { return s.guard.SetACL(m.dir, auth.ACL{Group: m.group.ID}) }, 404},
		"no rights":         {func(m *member) error { return s.guard.DropACL(m.dir, "") }, 404},
		"rights of its own": {func(m *member) error { return s.guard.SetACL(m.dir+"/k", auth.ACL{}) }, 404},
		"key rotated":       {func(*member) error { return s.guard.RotateKey() }, 200},
	} {
		m := newMember(t, s, "dir of "+name)
		for range 3 {
			if got := m.reads(); got != 200 {
				t.Fatalf("%s: %d before", name, got)
			}
		}
		if err := c.end(m); err != nil {
			t.Fatal(err)
		}
		if got := m.reads(); got != c.status {
			t.Errorf("%s: %d, want %d", name, got, c.status)
		}
	}
}

// member is a user of a group, with a directory that the group may read.
type member struct {
	s      *Server
	dir    string
	user   auth.User
	group  auth.Group
	token  string
	claims auth.Claims
}

func newMember(t *testing.T, s *Server, dir string) *member {
	t.Helper()
	m := &member{s: s, dir: dir, user: auth.UserRequest{Nickname: "somebody"}.User(time.Now())}
	m.group = auth.GroupRequest{Name: "some", Members: []auth.UserID{m.user.ID}}.Group(time.Now())
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	do(s.guard.PutUser(m.user))
	do(s.guard.PutGroup(m.group))
	do(s.guard.SetACL(dir, auth.ACL{Group: m.group.ID, Mode: 0x010}))
	_, err := s.api().Write(httpapi.Write{Key: dir + "/k", Value: []byte("1")})
	do(err)
	m.token, m.claims, err = s.guard.Mint(auth.Ticket{User: m.user.ID, Scope: auth.ScopeRead, TTL: time.Hour})
	do(err)
	return m
}

// reads is the status of a GET of the member's key.
func (m *member) reads() int {
	ctx := &fasthttp.RequestCtx{}
	ctx.Request.Header.SetRequestURI("/kv/" + strings.ReplaceAll(m.dir, " ", "%20") + "/k")
	ctx.Request.Header.Set("Authorization", "Bearer "+m.token)
	m.s.http.Handler()(ctx)
	return ctx.Response.StatusCode()
}
