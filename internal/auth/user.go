package auth

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// User is the record of a user. The nickname is a label: two users can have
// the same one, and no decision depends on it.
type User struct {
	ID       UserID `json:"uuid"`
	Nickname string `json:"nickname"`
	Email    string `json:"email,omitempty"`
	Created  Millis `json:"created"`
	Disabled bool   `json:"disabled"`
}

// Group is the record of a group of users.
//
// Invariant: Members is sorted, without repetition.
type Group struct {
	ID      GroupID  `json:"uuid"`
	Name    string   `json:"name"`
	Created Millis   `json:"created"`
	Members []UserID `json:"members"`
}

// ParseUser reads a record strictly.
func ParseUser(raw []byte) (User, error) {
	u, err := decode[User](raw)
	if err != nil {
		return User{}, err
	}
	if err := u.check(); err != nil {
		return User{}, err
	}
	return u, nil
}

func (u User) check() error {
	switch {
	case !isUUID(string(u.ID)) || u.ID == AdminUser:
		return badField("uuid", "must be a UUID in lower case, not the nil one")
	case u.Created <= 0 || u.Created > timeSecondsMax*1000:
		return badField("created", "must be a time in milliseconds")
	}
	return checkPerson(u.Nickname, u.Email)
}

// checkPerson holds what records and requests have in common.
func checkPerson(nickname, email string) error {
	if err := checkName("nickname", nickname); err != nil {
		return err
	}
	local, domain, found := strings.Cut(email, "@")
	bad := !found || local == "" || domain == "" || strings.Contains(domain, "@") ||
		len(email) > EmailBytesMax || strings.ContainsFunc(email, isHidden) ||
		strings.ContainsFunc(email, unicode.IsSpace)
	if email != "" && bad {
		return badField("email", `must be an address such as "john@example.com", at most `+
			strconv.Itoa(EmailBytesMax)+" bytes")
	}
	return nil
}

func checkName(field, name string) error {
	if name == "" || len(name) > NameBytesMax || !utf8.ValidString(name) ||
		strings.ContainsFunc(name, isHidden) || strings.TrimSpace(name) != name {
		return badField(field, "must be 1 to "+strconv.Itoa(NameBytesMax)+
			" bytes, without invisible characters or outer spaces")
	}
	return nil
}

// isHidden finds characters that make two names look alike or that garble a
// terminal: controls, format characters and line separators.
func isHidden(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError
}

// ParseGroup reads a record strictly. Its members come back in order.
func ParseGroup(raw []byte) (Group, error) {
	g, err := decode[Group](raw)
	if err != nil {
		return Group{}, err
	}
	slices.Sort(g.Members)
	if err := g.check(); err != nil {
		return Group{}, err
	}
	return g, nil
}

func (g Group) check() error {
	switch {
	case !isUUID(string(g.ID)):
		return badField("uuid", "must be a UUID in lower case")
	case g.Created <= 0 || g.Created > timeSecondsMax*1000:
		return badField("created", "must be a time in milliseconds")
	}
	if err := checkName("name", g.Name); err != nil {
		return err
	}
	return checkMembership(g.Members)
}

// checkMembership wants the ids sorted.
func checkMembership(members []UserID) error {
	if len(members) > MembersPerGroupMax {
		return badField("members", "has more than "+strconv.Itoa(MembersPerGroupMax)+" users")
	}
	for i, id := range members {
		if !isUUID(string(id)) || id == AdminUser {
			return badField("members", "must be UUIDs of users in lower case")
		}
		if i > 0 && id <= members[i-1] {
			return badField("members", "names a user twice")
		}
	}
	return nil
}

// Principal is who asks, as a decision sees it. The zero value may do nothing.
type Principal struct {
	User   UserID
	Groups []GroupID // At most GroupsPerUserMax.
}

// PrincipalOf is a user with those of the groups that the user is a member of.
// A disabled user is the zero value. Two nodes can each have put the user in
// its last permitted group: what is above the bound, by id, does not count.
func PrincipalOf(u User, groups []Group) Principal {
	if u.Disabled {
		return Principal{}
	}
	p := Principal{User: u.ID}
	for _, g := range groups {
		if slices.Contains(g.Members, u.ID) {
			p.Groups = append(p.Groups, g.ID)
		}
	}
	slices.Sort(p.Groups)
	p.Groups = slices.Compact(p.Groups)
	p.Groups = p.Groups[:min(len(p.Groups), GroupsPerUserMax)]
	return p
}
