package sim

import (
	"encoding/binary"
	"math/rand/v2"
	"strconv"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// clients write to random hosts, to few keys, so that writes collide.
type clients struct {
	w    *World
	rng  *rand.Rand
	next statemachine.RequestID
	open map[statemachine.RequestID]request // never ranged over
	// waiting lists open requests in the order of their making.
	waiting    []statemachine.RequestID
	acked      int
	deletes    int    // of these
	surgeUntil Millis // of a time of ten times the load
	refused    int    // by hosts that take no writes
}

type request struct {
	host  *host
	at    Millis
	write keyspace.Write
	ended func(statemachine.WriteResult) // hears how it ended; may be nil
}

func newClients(w *World, rng *rand.Rand) *clients {
	return &clients{w: w, rng: rng, open: map[statemachine.RequestID]request{}}
}

// begin makes requests until the end of the fault phase.
func (c *clients) begin() {
	if c.w.now >= c.w.opt.Duration {
		return
	}
	c.request()
	every := c.w.opt.WriteEvery
	if c.w.now < c.surgeUntil {
		every = max(1, every/10)
	}
	c.w.queue.plan(c.w.now+1+exponential(c.rng, every), c.begin)
}

func (c *clients) request() {
	h := c.up(c.rng)
	if h == nil {
		return
	}
	size := 1
	if c.rng.IntN(1000) < c.w.opt.BurstPermille {
		size = 1 + c.rng.IntN(64)
	}
	args := make([]int64, 0, 4*size)
	for range size {
		args = c.drawWrite(args)
	}
	c.w.act(ActWrite, of(h), args...)
}

// perform makes one request of the writes that an act says, four figures each.
func (c *clients) perform(h *host, args []int64) {
	var in statemachine.ClientWrites
	for ; len(args) > 0; args = args[4:] {
		in.Writes = append(in.Writes, c.opened(h, func() keyspace.Write { return c.write(args) }))
	}
	h.step(in)
}

// send makes a request of one write.
func (c *clients) send(h *host, w keyspace.Write) {
	one := c.opened(h, func() keyspace.Write { return w })
	h.step(statemachine.ClientWrites{Writes: []statemachine.ClientWrite{one}})
}

// swap writes to a key only if it has there what a client has seen; or, if it has seen
// nothing of it, by a version that there never was, which must fail.
func (c *clients) swap(h *host, key string, seen bool) {
	rec, had := keyspace.DecodeRecord(h.disk.Reader().Get(keyspace.DataKey(key)))
	had = had && rec.Live(h.now().Wall)
	match := keyspace.Match{Versions: []keyspace.UUID{rec.Ver.UUID}}
	switch {
	case !seen:
		match.Versions = []keyspace.UUID{{}}
	case !had:
		match = keyspace.Match{Any: true, Not: true}
	}
	one := c.opened(h, func() keyspace.Write {
		w := c.write([]int64{0, 0, 10, 0})
		w.Key, w.If = key, []keyspace.Match{match}
		return w
	})
	r := c.open[one.Request]
	r.ended = func(e statemachine.WriteResult) {
		unmet := e.Refused == statemachine.RefusedCondition
		if e.Refused == statemachine.RefusedNot && !seen || unmet && seen && had && e.Existed && e.Version == rec.Ver {
			c.w.fail("condition", "host %d, write to %s by %v: %v, %v", h.index, key, match, e.Refused, e.Version)
		}
	}
	c.open[one.Request] = r
	h.step(statemachine.ClientWrites{Writes: []statemachine.ClientWrite{one}})
}

// opened numbers a write whose answer is waited for.
func (c *clients) opened(h *host, write func() keyspace.Write) statemachine.ClientWrite {
	c.next++
	w := write() // its value begins with the number
	c.open[c.next] = request{host: h, at: c.w.now, write: w}
	c.waiting = append(c.waiting, c.next)
	return statemachine.ClientWrite{Request: c.next, Write: w}
}

// up draws one of the hosts that are up and about, nil if there is none.
func (c *clients) up(rng *rand.Rand) *host {
	return c.upFrom(rng.IntN(len(c.w.hosts)))
}

// upFrom is the first host that is up and about, from one on.
func (c *clients) upFrom(from int) *host {
	for i := range c.w.hosts {
		if h := c.w.hosts[(from+i)%len(c.w.hosts)]; h.up && !h.still {
			return h
		}
	}
	return nil
}

// drawWrite draws a write: its key, whether it deletes, how long its value is beyond
// its number, and its TTL.
func (c *clients) drawWrite(args []int64) []int64 {
	args = append(args, int64(c.rng.IntN(c.w.opt.Keys)), 0, 0, 0)
	w := args[len(args)-4:]
	if c.rng.IntN(1000) < c.w.opt.DeletePermille {
		w[1] = 1
		return args
	}
	w[2] = int64(c.rng.IntN(c.w.opt.ValueMax))
	if c.rng.IntN(1000) < c.w.opt.TTLPermille {
		w[3] = 1 + int64(c.rng.IntN(60_000))
	}
	return args
}

// write is what was drawn; its value begins with its number.
func (c *clients) write(args []int64) keyspace.Write {
	w := keyspace.Write{Key: key(args[0])}
	if args[1] != 0 {
		w.Delete = true
		return w
	}
	w.Value = make([]byte, 8+args[2])
	binary.BigEndian.PutUint64(w.Value, uint64(c.next))
	w.TTL = Millis(args[3])
	return w
}

// key is the name of the n-th key.
func key(n int64) string { return "k" + strconv.FormatInt(n, 10) }

// answered checks that an answer is due, and remembers what was promised.
func (c *clients) answered(h *host, e statemachine.Respond) {
	r, ok := c.open[e.Request]
	if !ok || r.host != h {
		c.w.fail("responses", "request %d answered twice or by another host", e.Request)
		return
	}
	delete(c.open, e.Request)
	if r.ended != nil {
		r.ended(e.Result)
	}
	if e.Result.Refused != statemachine.RefusedNot {
		c.refused++
		return
	}
	c.acked++
	if r.write.Delete {
		c.deletes++
	}
	c.w.model.acked(h, r.write, e.Result.Version)
}

// crashed forgets requests that nobody will answer any more.
func (c *clients) crashed(h *host) {
	for _, id := range c.waiting {
		if c.open[id].host == h {
			delete(c.open, id)
		}
	}
}

// overdue checks that every host that is up answers, whatever the network does.
func (c *clients) overdue() {
	kept := c.waiting[:0]
	for _, id := range c.waiting {
		r, ok := c.open[id]
		if !ok {
			continue
		}
		kept = append(kept, id)
		if limit := 5_000 + 100*c.w.opt.SyncMean; !r.host.still && c.w.now-max(r.at, r.host.lively) > limit {
			c.w.fail("availability", "request %d waits for host %d since %d", id, r.host.index, r.at)
		}
	}
	c.waiting = kept
}
