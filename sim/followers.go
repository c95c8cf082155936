package sim

import (
	"math/rand/v2"

	"kvs/statemachine/keyspace"
)

// followersCount is how many followers of changes a world has.
const followersCount = 2

// followers read the feed of changes a few at a time, each time from another host,
// whatever state that is in, and fold it into a map. In the end it is the map that
// the hosts show.
type followers struct {
	w      *World
	rng    *rand.Rand
	each   [followersCount]follower
	events int
	resets int
	judged int // comparisons at the end
}

type follower struct {
	cursor keyspace.Cursor
	seen   map[string]keyspace.Entry // what stands, deletions too; never ranged over but to compare
	blind  bool                      // it was told that a record cannot be read, and to look elsewhere
}

// begin reads again and again until the end of the fault phase.
func (f *followers) begin() {
	if f.w.now >= f.w.opt.Duration {
		return
	}
	for i := range f.each {
		if h := f.w.clients.up(f.rng); h != nil {
			f.w.act(ActFollow, of(h), int64(i), int64(1+f.rng.IntN(3)))
		}
	}
	f.w.queue.plan(f.w.now+1+exponential(f.rng, 300), f.begin)
}

// read lets a follower read a few changes from a host, from what is durable there,
// with its cursor as it travels.
func (f *followers) read(o *follower, h *host, limit int) keyspace.Progress {
	if h.disk.Unsynced() > 0 {
		return keyspace.ChangesMore
	}
	r, cluster := h.disk.Reader(), h.cluster()
	carried, retired := o.cursor.Append(nil, cluster), keyspace.LoadVV(r).Retired()
	keyspace.ParseCursor(f.w.garbled(carried), cluster, retired) // whatever comes of it
	cursor, known, ok := keyspace.ParseCursor(carried, cluster, retired)
	if !ok {
		f.w.fail("changes", "a cursor cannot be read again: %+v", o.cursor)
		return keyspace.ChangesMore
	}
	p := keyspace.ChangesReset
	if known {
		how := &keyspace.Follow{Me: h.id, Now: h.now().Wall}
		p = keyspace.Changes(r, &cursor, how, func(c keyspace.Change) bool {
			f.events++
			o.take(c)
			limit--
			return limit > 0
		})
	}
	if p == keyspace.ChangesReset {
		f.resets++
		*o = follower{}
		return p
	}
	o.cursor = cursor
	return p
}

// take folds one change.
func (o *follower) take(c keyspace.Change) {
	if c.Op == keyspace.OpDamaged {
		o.blind = true
		return
	}
	if o.seen == nil {
		o.seen = make(map[string]keyspace.Entry)
	}
	old, had := o.seen[c.Key]
	if had && keyspace.Less(c.Ver, old.Ver) {
		return
	}
	e := c.Entry
	if e.Value = nil; c.Op != keyspace.OpPut {
		e.Flags |= keyspace.Tombstone
	}
	o.seen[c.Key] = e
}

// judge lets the followers read to the end, and compares. It is called when all
// hosts are equal. Where replicas were lost, or began another life, a follower may
// have seen what nobody has any more.
func (f *followers) judge() {
	w := f.w
	if w.count.disasters > 0 || w.count.taken > 0 || w.count.rejoined > 0 || w.alone || w.opt.WildEvery > 0 || w.opt.FalseClaims {
		return
	}
	for i := range f.each {
		h := w.clients.upFrom(int(w.fated(FateJudge, w.hosts[0], Millis(f.rng.IntN(len(w.hosts))), 0)))
		if h == nil || h.copying() || h.disk.Unsynced() > 0 {
			return
		}
		for n := 0; f.read(&f.each[i], h, f.page()) != keyspace.ChangesAll; n++ {
			if n > 100_000 {
				w.fail("changes", "a follower of host %d never has all: %+v", h.index, f.each[i].cursor)
				return
			}
		}
		if f.each[i].blind {
			continue
		}
		f.compare(&f.each[i], h)
		f.judged++
	}
}

// page draws how many changes a follower reads at a time at the end.
func (f *followers) page() int {
	return int(f.w.fated(FateJudge, f.w.hosts[0], Millis(1+f.rng.IntN(20)), 20))
}

// compare checks a follower's map against what a host shows. Clocks are not quite
// alike, so what expires just now may be there or not.
func (f *followers) compare(o *follower, h *host) {
	now, slack := h.now().Wall, 2*f.w.opt.SkewMax+f.w.opt.ClockGrain
	for _, o := range f.w.hosts {
		slack = max(slack, 2*o.off())
	}
	about := func(e *keyspace.Header) bool {
		return e.Expires != 0 && e.Expires >= now-slack && e.Expires <= now+slack
	}
	there := make(map[string]bool)
	for k, b := range h.disk.Reader().Ascend(keyspace.DataKey(""), keyspace.DataEnd()) {
		rec, ok := keyspace.DecodeRecord(b)
		if !ok || !rec.Live(now) || about(&rec.Header) {
			continue
		}
		key := keyspace.UserKey(k)
		there[key] = true
		if e, had := o.seen[key]; !had || e.Ver != rec.Ver || e.Tombstone() {
			f.w.fail("changes", "host %d shows %s of %v, a follower has %v, deleted %t", h.index, rec.Ver, key,
				e.Ver, e.Tombstone())
		}
	}
	for key, e := range o.seen { // order cannot matter: all that fails is a failure
		if !e.Tombstone() && !there[key] && !about(&e.Header) {
			f.w.fail("changes", "a follower has %v of %s, which host %d does not show", e.Ver, key, h.index)
		}
	}
}
