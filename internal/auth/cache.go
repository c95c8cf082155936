package auth

import (
	"hash/maphash"
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
	hash   uint64
	token  string // 4 KiB at most, some 400 bytes as a rule; never printed.
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
//
// The hash only says where to look, for a tenth of the price of SHA-256; what
// counts are all bytes of a token. They are compared where the 64 bits of a
// hash with a secret seed agree already, which no guess of a token makes
// likely: how long that takes tells nobody a part of one.
type cache struct {
	seed    maphash.Seed
	buckets [cacheBuckets][cacheWays]atomic.Pointer[entry]
}

func (c *cache) hash(token []byte) uint64 { return maphash.Bytes(c.seed, token) }

func (c *cache) bucket(hash uint64) *[cacheWays]atomic.Pointer[entry] {
	return &c.buckets[hash%cacheBuckets]
}

// get finds a token with its hash that is acceptable now.
func (c *cache) get(hash uint64, token []byte, current stamp, now Millis) (Claims, bool) {
	bucket := c.bucket(hash)
	for i := range bucket {
		e := bucket[i].Load()
		if e == nil || e.hash != hash || e.token != string(token) || !e.holds(current, now) {
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
	bucket := c.bucket(e.hash)
	for i := range bucket {
		old := bucket[i].Load()
		if old == nil || old.hash == e.hash && old.token == e.token || !old.holds(e.stamp, now) {
			bucket[i].CompareAndSwap(old, e)
			return
		}
	}
	// A hash is random: where the search begins needs no memory of its own.
	start := int(e.hash >> 56)
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
