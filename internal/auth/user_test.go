package auth

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Goal: the seed's examples, byte for byte where they fix bytes.
func TestShapesOfTheSeed(t *testing.T) {
	r, err := ParseUserRequest([]byte(`{"nickname":"john"}`))
	if err != nil {
		t.Fatal(err)
	}
	u := r.User(testStart())
	if err := u.check(); err != nil || u.Nickname != "john" {
		t.Errorf("%+v, %v", u, err)
	}
	if got := toJSON(UserResponse{testUser}); got != `{"uuid":"`+string(testUser)+`"}` {
		t.Error(got)
	}
	ticket, err := ParseTokenRequest([]byte(`{"user_uuid":"`+string(testUser)+
		`", "scopes":["read","write"]}`), 24*time.Hour, testTTLMax)
	want := Ticket{testUser, ScopeRead | ScopeWrite, "", 24 * time.Hour}
	if err != nil || ticket != want {
		t.Errorf("%+v, %v", ticket, err)
	}
	if got := toJSON(TokenResponse{"eyJ", 1672617600000}); got !=
		`{"token":"eyJ","expires_at":1672617600000}` {
		t.Error(got)
	}
}

// Goal: every mistake is refused, and the answer names the field.
func TestRequestsThatAreRefused(t *testing.T) {
	id := string(testUser)
	token := func(raw []byte) error {
		_, err := ParseTokenRequest(raw, 24*time.Hour, testTTLMax)
		return err
	}
	user := func(raw []byte) error { _, err := ParseUserRequest(raw); return err }
	group := func(raw []byte) error { _, err := ParseGroupRequest(raw); return err }
	for _, c := range []struct {
		parse     func([]byte) error
		raw, want string
	}{
		{user, ``, "not a JSON object"},
		{user, `null`, "not a JSON object"},
		{user, `[]`, "not a JSON object"},
		{user, `{"nickname":"a"}{}`, "not a JSON object"},
		{user, `{}`, "nickname must be"},
		{user, `{"nickname":null}`, "nickname must be"},
		{user, `{"nickname":1}`, "nickname cannot be a JSON number"},
		{user, `{"nickname":""}`, "nickname must be"},
		{user, `{"nickname":" a"}`, "nickname must be"},
		{user, `{"nickname":"a\u202eb"}`, "nickname must be"},
		{user, `{"nickname":"a\u0000"}`, "nickname must be"},
		{user, `{"nickname":"` + strings.Repeat("a", 65) + `"}`, "nickname must be"},
		{user, `{"nickname":"a","nickname":"b"}`, `"nickname" appears twice`},
		{user, `{"nickname":"a","Nickname":"b"}`, `"Nickname" is no field here: known are nickname, email`},
		{user, `{"nickname":"a","admin":true}`, `"admin" is no field`},
		{user, `{"nickname":"a","email":"b"}`, "email must be"},
		{user, `{"nickname":"a","email":"b@c@d"}`, "email must be"},
		{user, `{"nickname":"a","email":"b c@d"}`, "email must be"},
		{user, `{"nickname":"` + strings.Repeat(" ", 70000) + `"}`, "longer than"},
		{token, `{"scopes":["read"]}`, "user_uuid must be"},
		{token, `{"user_uuid":"user-abc123","scopes":["read"]}`, "user_uuid must be"},
		{token, `{"user_uuid":"` + string(AdminUser) + `","scopes":["admin"]}`, "user_uuid must be a user's"},
		{token, `{"user_uuid":"` + id + `"}`, "scopes must be"},
		{token, `{"user_uuid":"` + id + `","scopes":[]}`, "scopes must be"},
		{token, `{"user_uuid":"` + id + `","scopes":null}`, "scopes must be"},
		{token, `{"user_uuid":"` + id + `","scopes":"read"}`, "scopes must be"},
		{token, `{"user_uuid":"` + id + `","scopes":["root"]}`, "scopes must be"},
		{token, `{"user_uuid":"` + id + `","scopes":["read"],"ttl":"1d"}`, "ttl must be"},
		{token, `{"user_uuid":"` + id + `","scopes":["read"],"ttl":"0"}`, "ttl must be"},
		{token, `{"user_uuid":"` + id + `","scopes":["read"],"ttl":"-1h"}`, "ttl must be"},
		{token, `{"user_uuid":"` + id + `","scopes":["read"],"ttl":"721h"}`, "at most token_max_ttl, 720h"},
		{token, `{"user_uuid":"` + id + `","scopes":["read"],"path_prefix":"/"}`, "path_prefix must be"},
		{token, `{"user_uuid":"` + id + `","scopes":["read"],"path_prefix":"/a"}`, "path_prefix must be"},
		{token, `{"user_uuid":"` + id + `","scopes":["read"],"path_prefix":"_x"}`, "path_prefix must be"},
		{token, `{"user_uuid":"` + id + `","scopes":["admin"],"path_prefix":"a"}`, "path_prefix cannot"},
		{group, `{"members":[]}`, "name must be"},
		{group, `{"name":"g","members":["john"]}`, "members must be"},
		{group, `{"name":"g","members":["` + id + `","` + id + `"]}`, "twice"},
	} {
		err := c.parse([]byte(c.raw))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: %v, want %q", c.raw, err, c.want)
		}
	}
	if ticket, err := ParseTokenRequest([]byte(`{"user_uuid":"`+id+
		`","scopes":["read"],"ttl":"90m","path_prefix":"a/b/"}`), 0, testTTLMax); err != nil ||
		ticket.PathPrefix != "a/b" || ticket.TTL != 90*time.Minute {
		t.Errorf("%+v, %v", ticket, err)
	}
}

// Goal: records survive their encoding.
func TestRecordsOfUsersAndGroups(t *testing.T) {
	u := User{testUser, "jöhn", "john@example.com", 1, true}
	if got, err := ParseUser([]byte(toJSON(u))); err != nil || got != u {
		t.Errorf("%+v, %v", got, err)
	}
	g := Group{NewGroupID(), "staff", 1, []UserID{testUser, NewUserID()}}
	slices.Sort(g.Members)
	backwards := g
	backwards.Members = []UserID{g.Members[1], g.Members[0]}
	got, err := ParseGroup([]byte(toJSON(backwards)))
	if diff := cmp.Diff(g, got); err != nil || diff != "" {
		t.Errorf("%v, %s", err, diff)
	}
	for range MembersPerGroupMax {
		g.Members = append(g.Members, NewUserID())
	}
	if _, err := ParseGroup([]byte(toJSON(g))); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("too many members: %v", err)
	}
	u.ID = AdminUser
	if _, err := ParseUser([]byte(toJSON(u))); err == nil {
		t.Error("a user with the nil UUID")
	}
}

// Goal: a principal is the user's groups, bounded; a disabled user is nobody.
func TestPrincipal(t *testing.T) {
	u := User{ID: testUser}
	var groups []Group
	for i := range 100 {
		id := GroupID(fmt.Sprintf("00000000-0000-4000-8000-%012d", 99-i))
		groups = append(groups, Group{ID: id, Members: []UserID{testUser}},
			Group{ID: NewGroupID()})
	}
	p := PrincipalOf(u, groups)
	if p.User != testUser || len(p.Groups) != GroupsPerUserMax || !slices.IsSorted(p.Groups) ||
		!strings.HasSuffix(string(p.Groups[63]), "63") {
		t.Errorf("%v", p)
	}
	if p = PrincipalOf(User{ID: testUser, Disabled: true}, groups); p.User != "" || p.Groups != nil {
		t.Errorf("disabled: %v", p)
	}
}
