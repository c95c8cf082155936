package sim

// pause lets a host stand still for a while, as a stopped process or a suspended
// machine does: time passes, and nothing of it happens until it is resumed, when
// all of it happens at once.
func (f *faults) pause() {
	h := f.w.hosts[f.rng.IntN(len(f.w.hosts))]
	if !h.up || h.still {
		return
	}
	f.w.act(ActPause, of(h), int64(1+exponential(f.rng, f.w.opt.PauseFor)))
}

// pauseFor lets a host stand still for so long.
func (f *faults) pauseFor(h *host, still Millis) {
	if !h.up || h.still {
		return
	}
	f.w.count.pauses++
	h.still = true
	f.w.film.begins(SpanStill, h, h)
	run := h.run
	f.w.queue.push(f.w.now+idleTimeout, func() {
		if h.run == run && h.still {
			f.w.mark(MarkLongPause)
			f.w.net.abandon(h)
		}
	})
	f.w.queue.push(f.w.now+still, func() {
		if h.run == run {
			h.resume()
		}
	})
}

// resume lets everything happen that was held up, in order and before anything
// else does.
func (h *host) resume() {
	if !h.still {
		return
	}
	h.still, h.lively = false, h.w.now
	h.w.film.ends(SpanStill, h, h)
	held, run := h.held, h.run
	h.held = nil
	for _, do := range held {
		if h.run == run {
			do()
		}
	}
}
