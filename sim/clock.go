package sim

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// year is how far ahead the worst clocks are.
const year Millis = 365 * 24 * 3_600_000

// setSkew sets how far a host's clock is ahead of the true time.
func (h *host) setSkew(d Millis) {
	h.skew = d
	h.ahead, h.behind = max(h.ahead, d), max(h.behind, -d)
}

// off is how far a host's clock ever was from the true time.
func (h *host) off() Millis { return max(h.ahead, h.behind) }

// derail sets the clock of one host, the same one in the whole run, to another
// hour, or a year ahead.
func (f *faults) derail() {
	h := f.w.hosts[int(f.w.opt.Seed)%len(f.w.hosts)]
	if f.rng.IntN(3) == 0 {
		f.w.act(ActSkew, of(h), int64(year))
		return
	}
	f.w.act(ActSkew, of(h), f.rng.Int64N(2*int64(f.w.opt.Wild)+1)-int64(f.w.opt.Wild))
}

// stamped checks that a host which knows enough of its peers' clocks does not
// stamp further ahead of them than it may. How far ahead a peer's clock was when
// it was read is not known here, only how far it ever was.
func (w *World) stamped(h *host, b *keyspace.Batch) {
	if h.skew <= w.opt.Core.MaxSkew || w.count.disasters > 0 {
		return // copied disks make two clocks of one identity
	}
	s := h.node.Status()
	var clocks []Millis
	for _, m := range s.Members {
		if m.Self || !m.Timed {
			continue
		}
		p := w.running(m.Replica)
		if p == nil {
			return // nobody is that replica any more: whose clock was it?
		}
		clocks = append(clocks, epoch+w.now+p.ahead)
	}
	if !s.Timed || len(clocks) < 2 {
		return
	}
	slices.Sort(clocks)
	limit := clocks[len(clocks)/2] + w.opt.Core.MaxSkew + w.opt.Core.Probe/2 + 20
	if b.Now > limit {
		w.fail("stamps", "host %d stamps with %d, %d ms beyond what its peers' clocks allow", h.index, b.Now,
			b.Now-limit)
	}
	w.count.checkedStamps++
}

// clocked checks after a batch, made at now, that no timestamp from far ahead has
// moved the host's clock floor.
func (t *witness) clocked(h *host, now Millis) {
	if seen, wall := h.state.Clock(); seen > max(t.seen, max(wall, now)+h.w.opt.Core.MaxSkew) {
		h.w.fail("clock", "host %d follows %d, its clock showed %d", h.index, seen, max(wall, now))
	}
	t.forward(h)
}

// forward checks that a host's clock floor never goes back, across restarts too.
func (t *witness) forward(h *host) {
	seen, wall := h.state.Clock()
	if seen < t.seen || wall < t.wall {
		h.w.fail("clock", "host %d went back to %d and %d, was at %d and %d", h.index, seen, wall, t.seen, t.wall)
	}
	t.seen, t.wall = seen, wall
}
