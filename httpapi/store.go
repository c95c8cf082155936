package httpapi

import (
	"encoding/binary"
	"errors"
	"time"
)

// What a Store reports. Anything else it returns is an internal error.
var (
	// ErrNotFound says that a key is absent, deleted or expired.
	ErrNotFound = errors.New("httpapi: key not found")
	// ErrIncomplete says that it cannot be told whether a key exists: older records
	// are still on their way to this node, and where they come from does not answer.
	ErrIncomplete = errors.New("httpapi: node has not got all records yet")
	// ErrReadOnly says that the node refuses client writes by configuration.
	ErrReadOnly = errors.New("httpapi: node is read-only")
	// ErrOverloaded says that a bounded queue is full; nothing was written.
	ErrOverloaded = errors.New("httpapi: node is overloaded")
	// ErrDiskFull says that the node's disk has no room for a value; nothing was written.
	ErrDiskFull = errors.New("httpapi: node's disk is full")
	// ErrNotReady says that the node cannot serve this yet.
	ErrNotReady = errors.New("httpapi: node is not ready")
	// ErrPrecondition says that a condition of a write does not hold.
	ErrPrecondition = errors.New("httpapi: precondition failed")
	// ErrClockConflict says that no valid stamp exists for a write.
	ErrClockConflict = errors.New("httpapi: no timestamp left after the stored version")
	// ErrDamaged says that the stored record fails its checksum.
	ErrDamaged = errors.New("httpapi: stored record is damaged")
	// ErrUnknown says that the node stopped before it knew whether a write
	// became durable: it may be found after a restart, or not.
	ErrUnknown = errors.New("httpapi: the fate of the write is unknown")
	// ErrClosed says that the node is stopping.
	ErrClosed = errors.New("httpapi: node is stopping")
)

// AbsentError is an ErrNotFound of which the store still knows more: until a delete or
// an expired record is forgotten everywhere. One of the two times is set, in Unix
// milliseconds.
type AbsentError struct{ DeletedAt, ExpiredAt int64 }

// Error says which.
func (e *AbsentError) Error() string {
	if e.DeletedAt != 0 {
		return "httpapi: key was deleted"
	}
	return "httpapi: key has expired"
}

// Is says that it is an ErrNotFound.
func (e *AbsentError) Is(target error) bool { return target == ErrNotFound }

// Store is the local replica as the API sees it. Its methods are called from
// many goroutines at once and must not retain their arguments after they
// return: keys aside, they alias the buffers of a request.
type Store interface {
	// View calls visit once with the live record of key, or returns
	// ErrNotFound, or ErrIncomplete. Record.Data is only valid during visit.
	View(key string, visit func(Record)) error

	// Walk visits live records in the order of w until visit says that it wants no
	// more. A leap that is not empty spares it what lies between, and goes on with
	// the first key from leap on or, backwards, with the last one before it. Walk may
	// stop early when it has looked at enough: then next is where to go on, as the
	// new Start of w or, backwards, as its new End; otherwise it is "". It returns
	// ErrIncomplete before the first visit.
	Walk(w Walk, visit func(Record) (leap string, more bool)) (next string, err error)

	// Recent is Walk in the order of timestamps. The bounds of w and next are places
	// as PlaceOf makes them, and nothing leaps.
	Recent(w Walk, visit func(Record) bool) (next string, err error)

	// Write makes one write durable in the local replica before it returns.
	// After an error nothing of the write is visible, ErrUnknown aside. With
	// ErrPrecondition the answer says what is there instead, if anything (Existed).
	Write(Write) (Written, error)

	// WriteAll is several writes at once, in their order, and what became of each. It
	// is no transaction, but they share one as far as they fit.
	WriteAll([]Write) []Fate

	// Digest is the root of the digest tree.
	Digest() (Digest, error)
}

// Cluster is the membership as the API sees it.
type Cluster interface {
	// Members lists the cluster's members, this node included.
	Members() []Member
	// Health describes this node. It is cheap: every balancer polls it.
	Health() Health
	// Syncing says that the node takes over the data of its cluster: what a read
	// does not find may be on its way. Every read asks.
	Syncing() bool
	// Partial says that the older part of that data is still on its way, and that
	// the node serves clients meanwhile: View asks for it, writes do not.
	Partial() bool
}

// Walk is one pass over the records with Start <= key < End in bytewise order. An empty
// End is no bound.
type Walk struct {
	Start, End string
	Back       bool // from the last record to the first
}

// PlaceOf is where a version of a key stands in the order of timestamps: places compare
// bytewise.
func PlaceOf(timestamp int64, key string) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(timestamp))) + key
}

// ParsePlace is the inverse of PlaceOf; what is none is read as far as it is one.
func ParsePlace(place string) (timestamp int64, key string) {
	var b [8]byte
	n := copy(b[:], place)
	return int64(binary.BigEndian.Uint64(b[:])), place[n:]
}

// from is where a walk goes on that is to begin with a key or place.
func (w Walk) from(key string) string {
	if w.Back {
		return key + "\x00"
	}
	return key
}

// Record is one live version of a key.
type Record struct {
	Key       string
	UUID      [16]byte
	Timestamp int64    // Unix milliseconds.
	ExpiresAt int64    // Unix milliseconds; 0 is never.
	Data      []byte   // The value's JSON text, byte for byte as it was stored.
	Mark      Mark     // Names the write, for sessions.
	Origin    [16]byte // The replica that took the write.
}

// TTL is how long a value lives, in milliseconds.
type TTL int64

const (
	// TTLDefault asks for the configured default_ttl.
	TTLDefault TTL = 0
	// TTLNever asks for a value that never expires, whatever default_ttl says.
	TTLNever TTL = -1
)

// Write is one client write of one key.
type Write struct {
	Key    string
	Value  []byte // Valid JSON. Invariant: nil if Delete.
	Delete bool
	TTL    TTL // Invariant: TTLDefault if Delete.
	// If must all hold in the moment of the write, on this node; ErrPrecondition
	// says that one did not.
	If []Match
	// Seen is the greatest timestamp that the writer has seen: the write's is greater.
	Seen int64
	// Acks is on how many replicas the write has to be before Write returns, this one
	// included, or AcksAll, but not after Wait; 0 is this one alone.
	Acks int
	Wait time.Duration
	// Actor is who writes, for the audit log; empty for the node's own records,
	// which have no entry there.
	Actor string
}

// Match is a condition on the live version of a key (RFC 9110 section 13.1): that it
// is one of Versions, or with Any that there is one, or with Not the opposite.
type Match struct {
	Any      bool
	Versions [][16]byte
	Not      bool
}

// Written is what a write became.
type Written struct {
	UUID      [16]byte
	Timestamp int64 // Unix milliseconds.
	// Existed says that the write replaced a live record: a PUT answers 200
	// instead of 201, a strict DELETE 204 instead of 404.
	Existed bool
	Mark    Mark // Names the write, for sessions.
	// Copies is how many replicas are known to have the write, if Acks asked for that, and
	// Short that they are less than it wanted.
	Copies int
	Short  bool
}

// Fate is what became of one of several writes, as Write says it.
type Fate struct {
	Written
	Err error
}

// Digest is the root of the digest tree over the visible data.
type Digest struct {
	Root      [32]byte
	Keys      int64
	AsOf      int64 // Unix milliseconds.
	Algorithm string
}

// Member is one line of the members view.
type Member struct {
	ID              string
	Address         string // host:port, IPv6 in brackets.
	LastSeen        int64  // Unix milliseconds, by this node's clock.
	JoinedTimestamp int64  // Unix milliseconds.
	State           string
	Incarnation     uint64
	Version         string // Empty while unknown.
	Replica         string // 32 hexadecimal digits.
	Reach           string // "reachable", "suspect" or "unreachable": whether it answers now.
	RTT             *int64 // Milliseconds to its last answer to a probe; nil if there was none.
	Skew            *int64 // Milliseconds that its clock is ahead of this node's; nil while unknown.
}

// Health is this node's own view of itself.
type Health struct {
	Status      string // "ok" or "degraded".
	Mode        string // "normal", "read-only", "syncing" or "leaving".
	MemberCount int    // Invariant: the length of Members, itself included.
	NodeID      string
	Joined      bool
	ClusterID   string // Empty while the node has none.
	Durability  string // "always" or "async": when writes are synced.
	Ready       bool   // Whether /readyz says 200.
	Reasons     []string
}
