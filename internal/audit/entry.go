package audit

import (
	"encoding/hex"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrEntry says that an entry cannot be logged as it is. The log is as before.
var ErrEntry = errors.New("not a valid audit entry")

// Millis is a time in milliseconds since 1970.
type Millis int64

// ReplicaID is the id of the node whose log it is.
type ReplicaID [16]byte

// String is the id in hexadecimal.
func (r ReplicaID) String() string { return hex.EncodeToString(r[:]) }

// Hash is a SHA-256. The zero Hash stands for none.
type Hash [32]byte

// String is the hash in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Entry is one thing that somebody did, or tried to do.
type Entry struct {
	// Number counts the entries of a log: 1, 2, 3, never used again.
	Number uint64

	// Time is when it happened, by the clock of the node.
	Time Millis

	// Actor is the id of a user, "anonymous", or "node". Never empty.
	Actor string

	// Action says what was done, such as "kv.put" or "auth.token.create". Never
	// empty.
	Action string

	// Key is the key or the object that it was done to; empty if there is none.
	Key string

	// Version is the UUID of the version that it made; empty if it made none.
	Version string

	// Value is the hash of the value, which itself is never logged; zero if
	// there was none. The hash of a short value can be guessed, so no token and
	// no password is hashed here.
	Value Hash

	// Set is the JSON text of what was set, such as rights or the scope of a token;
	// empty for writes of keys, of which no log has the values. No secret is in it.
	Set string

	// Result is "ok", or the slug of the problem that was answered. Never empty.
	Result string

	// Request is the id of the request; empty if there was none.
	Request string
}

// Check says what is wrong with an entry. Whoever queues entries checks them
// before: one that is refused later on stands in the way of all behind it.
func (e *Entry) Check() error {
	switch {
	case e.Number == 0 || e.Number > numberMax:
		return fmt.Errorf("%w: number %d is not between 1 and %d", ErrEntry, e.Number, uint64(numberMax))
	case e.Time < 0:
		return fmt.Errorf("%w: entry %d: time %d is before 1970", ErrEntry, e.Number, e.Time)
	case e.Actor == "" || e.Action == "" || e.Result == "":
		return fmt.Errorf("%w: entry %d: actor %q, action %q and result %q must not be empty",
			ErrEntry, e.Number, e.Actor, e.Action, e.Result)
	}
	for _, text := range [...]struct {
		name, text string
		bytesMax   int
	}{
		{"actor", e.Actor, ActorBytesMax},
		{"action", e.Action, ActionBytesMax},
		{"key", e.Key, KeyBytesMax},
		{"version", e.Version, VersionBytesMax},
		{"set", e.Set, SetBytesMax},
		{"result", e.Result, ResultBytesMax},
		{"request", e.Request, RequestBytesMax},
	} {
		if len(text.text) > text.bytesMax {
			return fmt.Errorf("%w: entry %d: %s has %d bytes, at most %d", ErrEntry, e.Number,
				text.name, len(text.text), text.bytesMax)
		}
		if !utf8.ValidString(text.text) {
			return fmt.Errorf("%w: entry %d: %s is not UTF-8", ErrEntry, e.Number, text.name)
		}
	}
	return nil
}
