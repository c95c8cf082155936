package sim

import "kvs/statemachine"

// reached notes how a host's failure detector judges another host, and counts
// where it errs.
func (w *World) reached(h *host, e statemachine.ReachChanged) {
	p := w.running(e.Member.Replica)
	switch {
	case e.Reach == statemachine.Reachable:
		h.judged[e.Member.Replica] = w.now
	case p == nil || !p.up || p.still:
	case e.Reach == statemachine.Suspect:
		w.count.suspicions++
	default:
		w.count.gaveUp++
	}
}

// changed notes how a host's members view changes.
func (w *World) changed(h *host, e statemachine.MemberChanged) {
	h.judged[e.Member.Replica] = w.now
	if p := w.running(e.Member.Replica); p != nil && p.up && !p.still && e.State != statemachine.MemberAlive {
		w.count.failed++
	}
}

// undetected checks that no host has held another for reachable for long that
// is down: its connection breaks within idleTimeout, and if there is none, two
// rounds of probes are enough. Loss may let a late message speak for the dead.
func (w *World) undetected(all []statemachine.Status) {
	if w.opt.LossPermille > 0 || w.opt.LateDupPermille > 0 {
		return
	}
	for i, h := range w.hosts {
		if !h.up || h.still {
			continue
		}
		s := &all[i]
		round := Millis(len(w.hosts)) * w.opt.Core.Probe * Millis(2+s.Health)
		bound := idleTimeout + 2*round + 1_000
		for _, m := range s.Members {
			p := w.running(m.Replica)
			if m.Self || p == nil || p.up || m.Reach != statemachine.Reachable {
				continue
			}
			if since := max(p.downAt, h.began, h.lively, h.judged[m.Replica]); w.now-since > bound {
				w.fail("detector", "host %d holds host %d for reachable, down since %d", h.index, p.index, since)
			}
		}
	}
}
