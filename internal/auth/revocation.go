package auth

import (
	"cmp"
	"encoding/base64"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Revocation is the record that ends a token before its time.
type Revocation struct {
	ID      string `json:"jti"`
	Expires Millis `json:"exp"` // The token's; if unknown, now + token_max_ttl.
}

// ParseRevocation reads a record strictly.
func ParseRevocation(raw []byte) (Revocation, error) {
	r, err := decode[Revocation](raw)
	if err != nil {
		return Revocation{}, err
	}
	if err := r.check(); err != nil {
		return Revocation{}, err
	}
	return r, nil
}

func (r Revocation) check() error {
	switch {
	case !isID(r.ID):
		return badField("jti", "must be the 22 characters of a token's jti")
	case r.Expires <= 0 || r.Expires > timeSecondsMax*1000:
		return badField("exp", "must be a time in milliseconds")
	}
	return nil
}

// Ended says when a record has no use any more: when even leeway cannot make
// its token acceptable.
func (r Revocation) Ended(now time.Time) bool {
	return Millis(now.UnixMilli()) >= r.Expires+Millis(Leeway.Milliseconds())
}

// Revocations is the set of revoked tokens. It only ever grows and forgets, so
// the order in which records arrive does not matter.
//
// At its bound it forgets the eighth that would expire first, and from then on
// takes every token that expires no later for revoked: too many tokens end
// early, and none is wrongly accepted.
type Revocations struct {
	mu    sync.RWMutex
	byID  map[[16]byte]Millis // The token's expiry.
	floor Millis              // Tokens that expire at or before it are refused.
	bound int

	// generation counts changes, after they took effect.
	generation atomic.Uint64
}

// NewRevocations is an empty set.
func NewRevocations() *Revocations {
	return &Revocations{byID: map[[16]byte]Millis{}, bound: RevocationsMax}
}

// Add revokes tokens. Of two records for one token the later expiry counts. If
// a record is unsound, the others are added all the same, and the error says
// what was wrong.
func (r *Revocations) Add(records ...Revocation) error {
	var firstErr error
	r.mu.Lock()
	for _, record := range records {
		if err := record.check(); err != nil {
			if firstErr == nil {
				firstErr = err
			}
			continue
		}
		id := idBytes(record.ID)
		r.byID[id] = max(r.byID[id], record.Expires)
		if len(r.byID) > r.bound {
			r.overflow()
		}
	}
	r.mu.Unlock()
	// After the change: whoever reads the new count sees the new set.
	r.generation.Add(1)
	return firstErr
}

// overflow raises the floor and drops what is below.
func (r *Revocations) overflow() {
	ends := make([]Millis, 0, len(r.byID))
	for _, end := range r.byID { // Sorted below.
		ends = append(ends, end)
	}
	slices.Sort(ends)
	r.floor = max(r.floor, ends[len(ends)/8])
	for id, end := range r.byID { // Each is judged alone.
		if end <= r.floor {
			delete(r.byID, id)
		}
	}
}

// Sweep drops the records of tokens that have ended, and says how many. Nothing
// that is accepted or refused depends on when it is called.
func (r *Revocations) Sweep(now time.Time) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := len(r.byID)
	for id, end := range r.byID { // Each is judged alone.
		if (Revocation{Expires: end}).Ended(now) {
			delete(r.byID, id)
		}
	}
	return before - len(r.byID)
}

// Len counts the records.
func (r *Revocations) Len() int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.byID)
}

// Newest lists the records that are kept longest, at most so many, and says whether there
// are more. Records are kept for one time after they are made, so these are the newest.
func (r *Revocations) Newest(most int) (out []Revocation, more bool) {
	r.mu.RLock()
	for id, end := range r.byID { // Sorted below.
		out = append(out, Revocation{base64.RawURLEncoding.EncodeToString(id[:]), end})
	}
	r.mu.RUnlock()
	slices.SortFunc(out, func(a, b Revocation) int {
		return cmp.Or(cmp.Compare(b.Expires, a.Expires), cmp.Compare(a.ID, b.ID))
	})
	return out[:min(most, len(out))], len(out) > most
}

// has says whether a token is revoked.
func (r *Revocations) has(id string, expires Millis) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	_, revoked := r.byID[idBytes(id)]
	return revoked || expires <= r.floor
}

// idBytes is the 128 bits of an id that isID accepted.
func idBytes(id string) (out [16]byte) {
	b, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || len(b) != len(out) {
		panic("auth: not an id of 128 bits, which isID must have refused")
	}
	return [16]byte(b)
}
