package auth

import (
	"slices"
	"strings"
)

// Op is what somebody wants to do to a key.
type Op uint8

// The operations on a key. Zero is none of them and always refused.
const (
	OpRead   Op = 1 + iota // Read the value, its history or its ACL.
	OpWrite                // Replace the value of a key that exists.
	OpCreate               // Write a key that does not exist.
	OpDelete               // Delete a key.
	OpSetACL               // Change the mode or the group.
)

// String is the operation in a word.
func (o Op) String() string {
	names := [...]string{"none", "read", "write", "create", "delete", "set-acl"}
	if int(o) < len(names) {
		return names[o]
	}
	return "unknown"
}

// Grant is what a token allows at most.
type Grant struct {
	Scope      Scope
	PathPrefix string // "" for every key; else this key and all below it.
}

// Grant is what the token of these claims allows at most.
func (c Claims) Grant() Grant { return Grant{c.Scope, c.PathPrefix} }

// Decide says whether who may do op to key with a token of that grant. It is
// the token's scope and path, and then:
//
//   - read and write: the bits of the key's own ACL, else of its nearest
//     ancestor's, else of the root's;
//   - create and delete: the bits of the nearest ancestor's ACL, else of the
//     root's;
//   - delete also: the owner of the key itself whose own bits have delete. By
//     the root's default nobody could otherwise delete what they created there;
//   - set-acl: the owner in the ACL that reads are judged on.
//
// The scope admin is past every ACL. Of the three classes exactly one counts,
// the first that fits, as in POSIX: bits of others do not help an owner.
func Decide(who Principal, grant Grant, op Op, key string, lookup Lookup) bool {
	if who.User == "" || op < OpRead || op > OpSetACL || !isKey(key) {
		return false
	}
	if !grant.Scope.allows(op) || !within(grant.PathPrefix, key) {
		return false
	}
	if grant.Scope&ScopeAdmin != 0 {
		return true
	}
	switch op {
	case OpRead:
		return who.has(rightRead, Governing(key, lookup))
	case OpWrite:
		return who.has(rightWrite, Governing(key, lookup))
	case OpCreate:
		return who.has(rightCreate, Above(key, lookup))
	case OpDelete:
		return who.has(rightDelete, Above(key, lookup)) || who.mayDeleteOwn(key, lookup)
	default:
		return who.User == Governing(key, lookup).Owner
	}
}

func (p Principal) has(r right, acl ACL) bool { return acl.Mode.grants(p.classIn(acl), r) }

// classIn is the one class that counts. An owner or group of "" is nobody's.
func (p Principal) classIn(acl ACL) class {
	switch {
	case p.User == acl.Owner:
		return classOwner
	case acl.Group != "" && slices.Contains(p.Groups, acl.Group):
		return classGroup
	}
	return classOthers
}

// mayDeleteOwn is the rule of owners. An ancestor's ACL does not count here: it
// would give its owner what others created below.
func (p Principal) mayDeleteOwn(key string, lookup Lookup) bool {
	acl, ok := lookup(key)
	return ok && acl.Owner == p.User && acl.Mode.grants(classOwner, rightDelete)
}

// within says whether key is prefix or below it, segment by segment.
func within(prefix, key string) bool {
	rest, found := strings.CutPrefix(key, prefix)
	return found && (prefix == "" || rest == "" || rest[0] == '/')
}
