package sim

// link is one direction between two hosts: what is on its way there has to be
// held somewhere, and that place is bounded.
type link struct {
	held    int    // messages on their way
	clogged Millis // until when nothing gets through; what is sent waits
}

func (n *network) link(a, b *host) *link {
	p := pair{a.index, b.index}
	l := n.links[p]
	if l == nil {
		l = &link{}
		n.links[p] = l
	}
	return l
}

// enqueue says when a message that would arrive after a while does arrive: not
// before the link is free, nor before a slow reader has read what came first. A
// message that finds the queue full is dropped, as the transport does.
func (n *network) enqueue(from, to *host, after Millis) (at Millis, full bool) {
	w := n.w
	if w.calm || w.opt.QueueMax == 0 && w.opt.ClogEvery == 0 {
		return after, false
	}
	l := n.link(from, to)
	if w.opt.QueueMax > 0 && l.held >= w.opt.QueueMax {
		return 0, true
	}
	arrives := max(w.now+after, l.clogged)
	if to.slow > 0 {
		to.readAt = max(to.readAt, arrives) + to.slow
		arrives = to.readAt
	}
	l.held++
	w.queue.push(arrives, func() { l.held-- })
	return arrives - w.now, false
}

// clog holds back what is sent over a link, or over all links of a host, one
// after the other; they are let go one by one in another order, so that what
// was sent first may come last (FoundationDB's swizzle).
func (f *faults) clog() {
	n := len(f.w.hosts)
	if n < 2 {
		return
	}
	h := f.w.hosts[f.rng.IntN(n)]
	only := f.rng.IntN(2 * n) // half of the time one link, else all of the host's
	for i, o := range f.w.hosts {
		if o == h || only < n && only != i {
			continue
		}
		a, b := h, o
		if f.rng.IntN(2) == 0 {
			a, b = o, h
		}
		f.w.act(ActClog, of(a, b), int64(1+exponential(f.rng, f.w.opt.ClogFor)))
	}
}

// clog holds back what is sent over one direction of a link for a while.
func (n *network) clog(a, b *host, hold Millis) {
	l := n.link(a, b)
	l.clogged = max(l.clogged, n.w.now+hold)
	n.w.count.clogs++
}

// slowDown makes a host read one message at a time for a while.
func (f *faults) slowDown() {
	h := f.w.hosts[f.rng.IntN(len(f.w.hosts))]
	by := 1 + int64(f.rng.IntN(40))
	f.w.act(ActSlow, of(h), by, int64(1+exponential(f.rng, 5_000)))
}

// slowFor lets a host take so long to read each message, for a while.
func (f *faults) slowFor(h *host, by, slow Millis) {
	h.slow = by
	era := f.w.era
	f.w.queue.push(f.w.now+slow, func() {
		if f.w.era == era {
			h.slow = 0
		}
	})
}

// surge is ten times the load for two seconds.
func (f *faults) surge() { f.w.clients.surgeUntil = f.w.now + 2_000 }
