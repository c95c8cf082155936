package auth

import (
	"encoding/binary"
	"sync/atomic"
)

const (
	cacheBuckets = 2048 // A power of two.
	cacheWays    = 4
)

// stamp says which state of keys and revocations something was verified under.
type stamp struct{ keys, revocations uint64 }

// entry is a verified token. It never changes, except for used.
//
// Invariant: the token is acceptable in the half-open time from..until, as
// long as the stamp is the present one.
type entry struct {
	hash   [32]byte // SHA-256 of the token: the token itself is not kept.
	stamp  stamp
	claims Claims
	from   Millis // Kept as well, for a clock that is set back.
	until  Millis // The end of the token or of its key, whichever is first.
	used   atomic.Bool
}

// cache remembers verified tokens. It is a table of small buckets of atomic
// pointers: a hit takes no lock and allocates nothing, and what is lost in a
// race between two writers is verified again. Refused tokens are not kept, so
// nobody without a valid token can push out those of others.
type cache struct {
	buckets [cacheBuckets][cacheWays]atomic.Pointer[entry]
}

func (c *cache) bucket(hash *[32]byte) *[cacheWays]atomic.Pointer[entry] {
	return &c.buckets[binary.LittleEndian.Uint64(hash[:])%cacheBuckets]
}

// get finds a token that is acceptable now.
func (c *cache) get(hash *[32]byte, current stamp, now Millis) (Claims, bool) {
	bucket := c.bucket(hash)
	for i := range bucket {
		e := bucket[i].Load()
		if e == nil || e.hash != *hash || !e.holds(current, now) {
			continue
		}
		if !e.used.Load() { // Only then: a store takes the line from other cores.
			e.used.Store(true)
		}
		return e.claims, true
	}
	return Claims{}, false
}

func (e *entry) holds(current stamp, now Millis) bool {
	return e.stamp == current && e.from <= now && now < e.until
}

// put remembers a token in the place of one that is gone or was not used since
// the last search of its bucket (CLOCK).
func (c *cache) put(e *entry, now Millis) {
	bucket := c.bucket(&e.hash)
	for i := range bucket {
		old := bucket[i].Load()
		if old == nil || old.hash == e.hash || !old.holds(e.stamp, now) {
			bucket[i].CompareAndSwap(old, e)
			return
		}
	}
	// A hash is random: where the search begins needs no memory of its own.
	start := int(e.hash[8])
	for i := range cacheWays {
		slot := &bucket[(start+i)%cacheWays]
		if old := slot.Load(); old != nil && !old.used.Swap(false) {
			slot.CompareAndSwap(old, e)
			return
		}
	}
	slot := &bucket[start%cacheWays] // All were in use.
	slot.CompareAndSwap(slot.Load(), e)
}
