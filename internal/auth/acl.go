package auth

import (
	"strings"
	"unicode/utf8"
)

// RootPath is the path of the ACL that holds where no other does. No key is
// spelled like it.
const RootPath = "/"

// ACL says who owns a path and what the three classes may do there.
type ACL struct {
	Owner UserID  `json:"owner"` // "" for nobody.
	Group GroupID `json:"group"` // "" for none.
	Mode  Mode    `json:"mode"`

	// Version names the state of the record. It is the store's: nothing here
	// depends on it.
	Version string `json:"version,omitempty"`
}

// ParseACL reads a record or the body of PUT /acl/{path} strictly. The mode
// must be there: a forgotten one would otherwise lock everybody out.
func ParseACL(raw []byte) (ACL, error) {
	type wire struct {
		Owner   UserID  `json:"owner"`
		Group   GroupID `json:"group"`
		Mode    *Mode   `json:"mode"`
		Version string  `json:"version"`
	}
	w, err := decode[wire](raw)
	if err != nil {
		return ACL{}, err
	}
	switch {
	case w.Mode == nil:
		return ACL{}, badMode()
	case w.Owner != "" && !isUUID(string(w.Owner)):
		return ACL{}, badField("owner", "must be a user's UUID in lower case, or empty")
	case w.Group != "" && !isUUID(string(w.Group)):
		return ACL{}, badField("group", "must be a group's UUID in lower case, or empty")
	case len(w.Version) > versionBytesMax:
		return ACL{}, badField("version", "is too long")
	}
	return ACL{w.Owner, w.Group, *w.Mode, w.Version}, nil
}

// RootACL is the root's where nobody has set one: every authenticated user may
// create, nobody may do anything else.
func RootACL() ACL { return ACL{Mode: rootMode} }

// Inherit is the ACL of a key that somebody creates below parent: the creator
// owns it, and the group stays.
func Inherit(creator UserID, parent ACL, mode Mode) ACL {
	return ACL{Owner: creator, Group: parent.Group, Mode: mode}
}

// Lookup finds the ACL that was set at a path: a canonical key, or RootPath. A
// key that does not exist any more has none.
type Lookup func(path string) (ACL, bool)

// Governing is the ACL that reads and writes of a key are judged on: its own,
// else its nearest ancestor's, else the root's.
func Governing(key string, lookup Lookup) ACL {
	for path, more := key, true; more; path, more = parentOf(path) {
		if acl, ok := lookup(path); ok {
			return acl
		}
	}
	return root(lookup)
}

// Shown is what somebody who asks for the rights of a key is shown: the nearest
// ACL, at the key or above, that lets them read. One that does not is passed over
// as if it were not set, so that a hidden key and an absent one look alike. own says
// that it is the key's. ok is false where nothing may be shown.
func Shown(who Principal, grant Grant, key string, lookup Lookup) (acl ACL, own, ok bool) {
	if grant.Scope&ScopeAdmin != 0 {
		_, own = lookup(key)
		return Governing(key, lookup), own, Decide(who, grant, OpRead, key, lookup)
	}
	if who.User == "" || !isKey(key) || !grant.Scope.allows(OpRead) || !within(grant.PathPrefix, key) {
		return ACL{}, false, false
	}
	for path, more := key, true; more; path, more = parentOf(path) {
		if acl, set := lookup(path); set && who.has(rightRead, acl) {
			return acl, path == key, true
		}
	}
	acl = root(lookup)
	return acl, false, who.has(rightRead, acl)
}

// Above is the ACL that creating and deleting a key is judged on: its nearest
// ancestor's, else the root's.
func Above(key string, lookup Lookup) ACL {
	if parent, ok := parentOf(key); ok {
		return Governing(parent, lookup)
	}
	return root(lookup)
}

func root(lookup Lookup) ACL {
	if acl, ok := lookup(RootPath); ok {
		return acl
	}
	return RootACL()
}

// parentOf cuts the last segment off a key.
func parentOf(key string) (string, bool) {
	i := strings.LastIndexByte(key, '/')
	if i < 0 {
		return "", false
	}
	return key[:i], true
}

// isKey says whether a string has the form of a canonical user key, as far as
// decisions depend on it. httpapi.CanonicalKey makes no other; this is for
// callers who forgot it. It bounds the walk to the root.
func isKey(key string) bool {
	if key == "" || len(key) > KeyBytesMax || key[0] == '_' {
		return false
	}
	begin := 0 // of the present segment
	for i := range len(key) + 1 {
		switch {
		case i == len(key) || key[i] == '/':
			if segment := key[begin:i]; segment == "" || segment == "." || segment == ".." {
				return false
			}
			begin = i + 1
		case key[i] < ' ' || key[i] == 0x7f:
			return false
		}
	}
	return utf8.ValidString(key)
}
