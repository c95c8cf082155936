package sim

import "kvs/statemachine"

// What an operator may get wrong in the settings of a host.
const (
	mistakeCluster  = iota // the cluster's name
	mistakeAuth            // whether clients need tokens
	mistakeName            // the host's own name: it is another's
	mistakeReadOnly        // it takes no writes
	mistakeKinds
)

// mistake draws a wrong setting, with which a host starts again.
func (f *faults) mistake() {
	h := f.w.hosts[f.rng.IntN(len(f.w.hosts))]
	if h.up && !h.mistaken {
		f.w.act(ActMistake, of(h), int64(f.rng.IntN(mistakeKinds)), int64(between(f.rng, 100, 5_000)))
	}
}

// mistakeFor starts a host with a wrong setting, and after a while with the right one.
func (f *faults) mistakeFor(h *host, kind int64, lasts Millis) {
	if !h.up || h.mistaken {
		return
	}
	right := h.tweak
	h.tweak = func(c *statemachine.Config) {
		switch kind {
		case mistakeCluster:
			c.ClusterName = "another"
		case mistakeAuth:
			c.AuthMode = !c.AuthMode
		case mistakeName:
			c.Name = "n0"
		default:
			c.ReadOnly = true
		}
	}
	h.crash()
	h.start()
	h.tweak, h.mistaken = right, true
	era := f.w.era
	f.w.queue.push(f.w.now+lasts, func() {
		if f.w.era == era {
			f.amend(h)
		}
	})
}

// amend starts a host with the right settings that has wrong ones, or takes no writes.
func (f *faults) amend(h *host) {
	if h.up && (h.mistaken || h.node.Status().ReadOnly) {
		h.crash()
		h.start()
	}
	h.mistaken = false
}
