package httpapi

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"kvs/internal/auth"
)

const (
	// quotaShards, quotaBuckets and quotaWays are the size of the table: 2^18
	// clients in 4 MiB. Both former are powers of two.
	quotaShards  = 64
	quotaBuckets = 512 // of a shard
	quotaWays    = 8   // of a bucket: two cache lines
)

// quotas counts the requests of clients with the generic cell rate algorithm
// (ITU-T I.371 annex A): one number for each client, the time at which its quota
// will be whole again. Every request moves that time on by one interval; a
// request that would move it further than the whole quota ahead is refused and
// moves nothing. There is no window whose edge could be used twice.
//
// The table has a fixed size. A client whose quota is whole needs no place in
// it, so places become free by themselves. Where a bucket is full of clients
// with debts, a newcomer takes the place of the one that owes least:
//
//  1. Forgetting is always in the favour of the one forgotten, so no crowd of
//     strangers can make the node refuse a good client.
//  2. To have its debt forgotten, a client must find as many others as a bucket
//     has ways that owe at least as much, in a bucket that nobody can aim at,
//     because the hash has a random seed. So many clients have that many quotas
//     anyway.
type quotas struct {
	interval int64 // Nanoseconds in which a quota grows by one request.
	whole    int64 // Nanoseconds in which it grows from nothing to all.
	limit    int64 // Requests of a whole quota.
	start    time.Time
	users    maphash.Seed
	nets     maphash.Seed
	shards   [quotaShards]quotaShard
}

type quotaShard struct {
	mu      sync.Mutex
	buckets [quotaBuckets][quotaWays]quotaSlot
	_       [64]byte // Apart from the next lock.
}

// quotaSlot is one client. It is free when full is not in the future.
type quotaSlot struct {
	client client
	full   int64 // When the quota is whole, in nanoseconds since start.
}

// client is the hash of who is counted: a user, or an address.
type client uint64

// quota is what a client has left.
type quota struct {
	refused   bool
	remaining int64         // Requests that would be served now.
	reset     time.Duration // Until the quota is whole.
	retry     time.Duration // Until one request would be served; 0 if now.
}

// newQuotas counts up to limit requests in a window, of which a client may use
// all at once.
func newQuotas(limit int, window time.Duration) *quotas {
	interval := max(int64(window)/int64(limit), 1)
	return &quotas{
		interval: interval, whole: interval * int64(limit), limit: int64(limit), start: time.Now(),
		users: maphash.MakeSeed(), nets: maphash.MakeSeed(),
	}
}

// user and address are who is counted. The two never meet: each has a seed of
// its own.
func (q *quotas) user(id auth.UserID) client { return client(maphash.String(q.users, string(id))) }

// address counts IPv6 by /64, which is what one site gets at least (RFC 6177).
func (q *quotas) address(a netip.Addr) client {
	b := a.As16()
	if a.Is6() {
		clear(b[8:])
	}
	return client(maphash.Bytes(q.nets, b[:]))
}

// now is the time as slots have it. It is never 0, which is a free slot's.
func (q *quotas) now() int64 { return int64(time.Since(q.start)) + 1 }

// take counts one request.
func (q *quotas) take(c client) quota {
	now := q.now()
	s, b := q.place(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	slot := find(b, c, now)
	next := max(slot.full, now) + q.interval
	if slot.client != c {
		next = now + q.interval
	}
	if next-now > q.whole {
		left := q.left(slot.full, now)
		left.refused = true
		return left
	}
	slot.client, slot.full = c, next
	return q.left(next, now)
}

// look counts nothing.
func (q *quotas) look(c client) quota {
	now := q.now()
	s, b := q.place(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot := find(b, c, now); slot.client == c {
		return q.left(slot.full, now)
	}
	return q.left(0, now)
}

// left is what a client has whose quota will be whole at a time.
func (q *quotas) left(full, now int64) quota {
	owed := max(full-now, 0)
	return quota{
		remaining: (q.whole - owed) / q.interval,
		reset:     time.Duration(owed),
		retry:     time.Duration(max(owed+q.interval-q.whole, 0)),
	}
}

// place is where a client is kept. Its own lock guards a shard.
func (q *quotas) place(c client) (*quotaShard, *[quotaWays]quotaSlot) {
	s := &q.shards[c%quotaShards]
	return s, &s.buckets[c/quotaShards%quotaBuckets]
}

// find returns the slot of a client, or the one that it may have: a free one, or
// that of the client that owes least.
func find(b *[quotaWays]quotaSlot, c client, now int64) *quotaSlot {
	least := &b[0]
	for i := range b {
		slot := &b[i]
		if slot.client == c && slot.full > now {
			return slot
		}
		if slot.full < least.full {
			least = slot
		}
	}
	return least
}
