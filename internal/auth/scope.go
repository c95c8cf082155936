package auth

import (
	"encoding/json"
	"strings"
)

// Scope is what a token may be used for at most, whatever its user may do. The
// zero value allows nothing.
type Scope uint8

// The scopes of a token.
const (
	ScopeRead  Scope = 1 << iota // Reading.
	ScopeWrite                   // Creating, writing and deleting; not reading.
	ScopeAdmin                   // Everything, past every ACL.
)

// scopeNames is in the order of the bits.
func scopeNames() [3]string { return [3]string{"read", "write", "admin"} }

// ParseScope reads a list of names. None may be there twice, and one must.
func ParseScope(names []string) (Scope, error) {
	var s Scope
	for _, name := range names {
		bit := Scope(0)
		for i, known := range scopeNames() {
			if name == known {
				bit = 1 << i
			}
		}
		if bit == 0 || s&bit != 0 {
			return 0, badScopes()
		}
		s |= bit
	}
	if s == 0 {
		return 0, badScopes()
	}
	return s, nil
}

func badScopes() error {
	return badField("scopes", `must be a list of "read", "write" or "admin", each at most once`)
}

// Names lists the scope's names, in a fixed order.
func (s Scope) Names() []string {
	out := []string{}
	for i, name := range scopeNames() {
		if s&(1<<i) != 0 {
			out = append(out, name)
		}
	}
	return out
}

// String is the names with commas.
func (s Scope) String() string { return strings.Join(s.Names(), ",") }

// MarshalJSON is the list of names.
func (s Scope) MarshalJSON() ([]byte, error) { return json.Marshal(s.Names()) }

// UnmarshalJSON reads what ParseScope accepts.
func (s *Scope) UnmarshalJSON(raw []byte) error {
	var names []string
	if err := json.Unmarshal(raw, &names); err != nil {
		return badScopes()
	}
	parsed, err := ParseScope(names)
	*s = parsed
	return err
}

// allows says whether the scope covers an operation.
func (s Scope) allows(op Op) bool {
	if s&ScopeAdmin != 0 {
		return true
	}
	if op == OpRead {
		return s&ScopeRead != 0
	}
	return s&ScopeWrite != 0
}
