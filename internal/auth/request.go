package auth

import (
	"slices"
	"strings"
	"time"
)

// UserRequest is the body of POST /auth/users.
type UserRequest struct {
	Nickname string `json:"nickname"`
	Email    string `json:"email"`
}

// UserResponse is the answer to POST /auth/users.
type UserResponse struct {
	ID UserID `json:"uuid"`
}

// GroupRequest is the body of POST /auth/groups.
type GroupRequest struct {
	Name    string   `json:"name"`
	Members []UserID `json:"members"`
}

// GroupResponse is the answer to POST /auth/groups.
type GroupResponse struct {
	ID GroupID `json:"uuid"`
}

// TokenRequest is the body of POST /auth/tokens.
type TokenRequest struct {
	User       UserID `json:"user_uuid"`
	Scopes     Scope  `json:"scopes"`
	TTL        string `json:"ttl"`         // A Go duration such as "1h"; "" for the default.
	PathPrefix string `json:"path_prefix"` // "" for the whole store.
}

// TokenResponse is the answer to POST /auth/tokens.
type TokenResponse struct {
	Token   string `json:"token"`
	Expires Millis `json:"expires_at"`
}

// ParseUserRequest reads a body strictly.
func ParseUserRequest(raw []byte) (UserRequest, error) {
	r, err := decode[UserRequest](raw)
	if err != nil {
		return UserRequest{}, err
	}
	if err := checkPerson(r.Nickname, r.Email); err != nil {
		return UserRequest{}, err
	}
	return r, nil
}

// User is the new user that the request asks for.
func (r UserRequest) User(now time.Time) User {
	return User{NewUserID(), r.Nickname, r.Email, Millis(now.UnixMilli()), false}
}

// ParseGroupRequest reads a body strictly. The members come back in order.
func ParseGroupRequest(raw []byte) (GroupRequest, error) {
	r, err := decode[GroupRequest](raw)
	if err != nil {
		return GroupRequest{}, err
	}
	if err := checkName("name", r.Name); err != nil {
		return GroupRequest{}, err
	}
	slices.Sort(r.Members)
	if err := checkMembership(r.Members); err != nil {
		return GroupRequest{}, err
	}
	return r, nil
}

// Group is the new group that the request asks for.
func (r GroupRequest) Group(now time.Time) Group {
	return Group{NewGroupID(), r.Name, Millis(now.UnixMilli()), append([]UserID{}, r.Members...)}
}

// ParseTokenRequest reads a body strictly, into the ticket that it asks for.
// ttlDefault holds where the body names none, and none may pass ttlMax.
func ParseTokenRequest(raw []byte, ttlDefault, ttlMax time.Duration) (Ticket, error) {
	r, err := decode[TokenRequest](raw)
	if err != nil {
		return Ticket{}, err
	}
	t := Ticket{
		User:  r.User,
		Scope: r.Scopes,
		// A subtree is often written like a directory.
		PathPrefix: strings.TrimSuffix(r.PathPrefix, "/"),
		TTL:        min(ttlDefault, ttlMax),
	}
	if r.TTL != "" {
		if t.TTL, err = time.ParseDuration(r.TTL); err != nil {
			return Ticket{}, badField("ttl", `must be a duration such as "24h"`)
		}
	}
	if t.TTL > ttlMax {
		return Ticket{}, badField("ttl", "must be at most token_max_ttl, "+ttlMax.String())
	}
	if r.PathPrefix == "/" {
		return Ticket{}, badPrefix()
	}
	if t.User == AdminUser {
		return Ticket{}, badField("user_uuid", "must be a user's; the node's own is in admin.token")
	}
	if err := t.check(); err != nil {
		return Ticket{}, err
	}
	return t, nil
}
