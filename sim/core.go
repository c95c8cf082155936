package sim

import (
	"slices"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// rescue heals a part of the cluster alone, and leaves the rest broken for good:
// dead, or cut off. The part must become one and serve its clients, whatever it
// had with the others (TigerBeetle's liveness mode).
func (w *World) rescue() {
	core := w.drawCore()
	if len(core) == 0 {
		return
	}
	w.count.cores++
	w.mark(MarkCoreAlone)
	w.mend(core)
	for _, h := range w.hosts {
		switch {
		case slices.Contains(core, h):
		case w.dies(h):
			if h.up {
				h.crash()
			}
		default:
			for _, c := range core {
				w.net.sever(h, c)
				w.net.sever(c, h)
			}
		}
	}
	// Whose sources are all gone waits a minute for them before it goes on alone. It
	// may find out that it has to start over while the clients are at it.
	w.wait("core", w.patience()+60_000, func() string { return w.apart(core) })
	for _, h := range core {
		w.clients.must(h)
	}
	w.until(w.now + 6_000) // longer than any answer may take
	w.wait("core", w.patience()+60_000, func() string { return w.apart(core) })
}

// drawCore draws hosts of one cluster that know each other, one of them complete;
// none now and then, and none if that would be all hosts.
func (w *World) drawCore() []*host {
	if w.opt.CorePermille == 0 || w.failure != nil {
		return nil
	}
	order, drawn := w.core, !w.plays()
	if drawn {
		order = w.faults.rng.Perm(len(w.hosts))
	}
	var core []*host
	for _, i := range order {
		h := w.hosts[i]
		switch {
		case h.set: // its disk is not that of the node that is looked at any more
		case h.node == nil || h.left || h.cluster() == keyspace.ClusterID{}:
		case len(core) == 0 && h.copying():
		case slices.ContainsFunc(core, func(c *host) bool { return !acquainted(c, h) }):
		case len(core) == 0 || !drawn || w.faults.rng.IntN(1000) < w.opt.CorePermille:
			core = append(core, h)
		}
	}
	if len(core) == len(w.hosts) {
		return nil
	}
	if drawn && w.script != nil {
		w.script.wrote.Core = of(core...)
	}
	return core
}

// dies says that a host which does not heal is down, rather than cut off.
func (w *World) dies(h *host) bool {
	if w.plays() {
		return slices.Contains(w.dead, h.index)
	}
	dies := w.faults.rng.IntN(2) == 0
	if dies && w.script != nil {
		w.script.wrote.Dead = append(w.script.wrote.Dead, h.index)
	}
	return dies
}

// acquainted says that two hosts are in one cluster and know each other as who
// they are now.
func acquainted(a, b *host) bool {
	s, t := a.node.Status(), b.node.Status()
	return s.Identity.Cluster == t.Identity.Cluster && lists(&s, b.id) && lists(&t, a.id)
}

func lists(s *statemachine.Status, id statemachine.ReplicaID) bool {
	return slices.ContainsFunc(s.Members, func(m statemachine.MemberView) bool { return m.Replica == id })
}

// must lets a client write to a host that has no excuse to refuse.
func (c *clients) must(h *host) {
	c.next++
	args := c.drawWrite(nil)
	if c.w.script != nil {
		k := FateKey{Kind: FateMust, From: h.index, To: h.index}
		if args = c.w.script.fate(c.w.now, k, args); len(args) != 4 {
			args = make([]int64, 4)
		}
	}
	r := request{host: h, at: c.w.now, write: c.write(args), ended: func(r statemachine.WriteResult) {
		if r.Refused != statemachine.RefusedNot {
			c.w.fail("core", "host %d refuses a write: %v", h.index, r.Refused)
		}
	}}
	c.open[c.next] = r
	c.waiting = append(c.waiting, c.next)
	h.step(statemachine.ClientWrites{Writes: []statemachine.ClientWrite{{Request: c.next, Write: r.write}}})
}
