package sim

import (
	"cmp"
	"slices"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
	"kvs/transport"
)

// Split is a partition that somebody plans: hosts of different groups do not reach
// each other from From until To. Who is in no group reaches all.
type Split struct {
	Groups   [][]int
	From, To Millis
}

// Measured is what a cluster came to that somebody asked about.
type Measured struct {
	Result  Result
	Film    *Film // if it was asked for
	Refused int   // writes
	// Second and All are how long after it was durable somewhere each write was on
	// a second host, and on all; sorted.
	Second, All []Millis
	Windows     []Window // by time
	// CaughtUp is, of each split, how long after it healed all had what was written
	// before; -1 not before the end.
	CaughtUp []Millis
	Busy     Traffic // while clients write, after the cluster has formed
	Idle     Traffic // afterwards
}

// Window is a time in which a host alone had writes that it had acknowledged: with
// its disk they would have been lost.
type Window struct {
	Host     int
	From, To Millis
	Writes   int
}

// Traffic is what all hosts sent in some time. Bytes are of messages as they are
// encoded, before transport and its compression.
type Traffic struct {
	For             Millis
	Messages, Bytes int
}

const (
	// windowMin is the shortest time that counts as a window.
	windowMin Millis = 1_000
	// formedAfter is when a cluster has formed, mostly.
	formedAfter Millis = 10_000
	// idleAfter is when a cluster is at rest whose clients have gone.
	idleAfter Millis = 15_000
)

// Measure plays a world with planned partitions, and measures what its users would
// notice.
func Measure(opt Options, splits []Split, film bool) (m Measured) {
	w := newWorld(opt)
	if film {
		m.Film = newFilm(opt.Nodes)
		w.film = m.Film
	}
	e := &exposures{hosts: opt.Nodes}
	w.durable = e.durable
	for i := range splits {
		w.split(&splits[i])
		m.CaughtUp = append(m.CaughtUp, -1)
		w.queue.push(splits[i].To, func() { w.catchUp(&m.CaughtUp[i]) })
	}
	w.measureTraffic(&m)
	m.Result = guard(opt, func() *World { return w })
	m.Refused = w.clients.refused
	slices.Sort(e.second)
	slices.Sort(e.all)
	m.Second, m.All, m.Windows = e.second, e.all, e.windows(w.now)
	if film {
		m.Film.end(w, m.Result)
	}
	return m
}

// split cuts the links between groups, and mends them.
func (w *World) split(s *Split) {
	w.queue.plan(s.From, func() {
		for i, group := range s.Groups {
			for _, other := range s.Groups[i+1:] {
				for _, a := range group {
					for _, b := range other {
						w.act(ActCut, []int{a, b}, 0, int64(s.To-s.From))
					}
				}
			}
		}
	})
}

// catchUp waits until all hosts have what any has now.
func (w *World) catchUp(took *Millis) {
	var had keyspace.VV
	for _, h := range w.hosts {
		had.Union(h.claimed())
	}
	from := w.now
	var look func()
	look = func() {
		for _, h := range w.hosts {
			if !h.claimed().Covers(had) {
				w.queue.push(w.now+100, look)
				return
			}
		}
		*took = w.now - from
	}
	w.queue.push(w.now, look) // the cuts end in this very millisecond
}

// measureTraffic counts what is sent while clients write, and for a while at the end.
func (w *World) measureTraffic(m *Measured) {
	w.net.overhear = func(msg statemachine.Message) {
		t := &m.Busy
		switch {
		case w.now < formedAfter:
			return
		case w.now > w.opt.Duration+idleAfter:
			t = &m.Idle
		case w.now > w.opt.Duration:
			return
		}
		frame, err := transport.Encode(msg)
		if err != nil {
			w.fail("wire", "cannot be sent: %v", err)
		}
		t.Messages++
		t.Bytes += len(frame)
	}
	m.Busy.For = w.opt.Duration - formedAfter
	w.ended = func() { m.Idle.For = max(0, w.now-w.opt.Duration-idleAfter) }
}

// exposures follows writes from the host that made them to all others.
type exposures struct {
	hosts       int
	open        []exposed // writes that some host does not have
	second, all []Millis
	alone       []exposed // writes that had no second host for long
}

type exposed struct {
	dot    keyspace.Dot
	host   int
	at, to Millis // when it was durable, and when a second host had it
	has    []bool // by host
	count  int    // of these
}

// durable takes note of what a host has now.
func (e *exposures) durable(h *host, b *keyspace.Batch, a *keyspace.Applied) {
	for i := range b.Writes {
		if kind := a.Outcomes[i].Kind; kind == keyspace.Won || kind == keyspace.Lost {
			x := exposed{dot: a.Outcomes[i].Header.Dot, host: h.index, at: h.w.now, has: make([]bool, e.hosts), count: 1}
			x.has[h.index] = true
			e.open = append(e.open, x)
		}
	}
	kept := e.open[:0]
	for _, x := range e.open {
		if !x.has[h.index] && a.VV.Contains(x.dot) {
			x.has[h.index] = true
			x.count++
			if x.count == 2 {
				x.to = h.w.now
				e.seconded(x)
			}
			if x.count == e.hosts {
				e.all = append(e.all, h.w.now-x.at)
				continue
			}
		}
		kept = append(kept, x)
	}
	e.open = kept
}

func (e *exposures) seconded(x exposed) {
	e.second = append(e.second, x.to-x.at)
	if x.to-x.at > windowMin {
		e.alone = append(e.alone, x)
	}
}

// windows joins the times that overlap in which a host was alone with writes.
func (e *exposures) windows(now Millis) (ws []Window) {
	for _, x := range e.open {
		if x.count == 1 {
			x.to = now
			e.alone = append(e.alone, x)
		}
	}
	slices.SortStableFunc(e.alone, func(a, b exposed) int {
		return cmp.Or(cmp.Compare(a.host, b.host), cmp.Compare(a.at, b.at))
	})
	for _, x := range e.alone {
		if n := len(ws); n > 0 && ws[n-1].Host == x.host && x.at <= ws[n-1].To {
			ws[n-1].To = max(ws[n-1].To, x.to)
			ws[n-1].Writes++
			continue
		}
		ws = append(ws, Window{x.host, x.at, x.to, 1})
	}
	slices.SortStableFunc(ws, func(a, b Window) int { return cmp.Compare(a.From, b.From) })
	return ws
}
