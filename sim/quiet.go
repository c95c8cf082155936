package sim

import "kvs/statemachine"

// loads checks that nothing in a host outgrows its bound.
func (w *World) loads(h *host) {
	for _, l := range h.node.Loads() {
		if l.Is > l.Most {
			w.fail("bounds", "host %d has %d %s, at most %d", h.index, l.Is, l.Place, l.Most)
		}
	}
}

// quietFor is how long hosts that are equal are listened to.
const quietFor Millis = 10_000

// quietAfter is how long questions and pushes may go on whose answers were lost
// before the faults ended, or that arrived late.
const quietAfter Millis = 20_000

// quiet listens to hosts that are one and have no clients: they send no data, and
// of everything else no more than their timers ask for.
func (w *World) quiet() {
	if w.failure != nil {
		return
	}
	w.until(max(w.now, w.net.arrived) + quietAfter)
	said := 0
	w.net.sent = func(e statemachine.Send) {
		said++
		if carriesData(e.Msg) {
			w.fail("quiet", "equal hosts without clients send %v", e.Msg.Kind())
		}
	}
	w.until(w.now + quietFor)
	w.net.sent = nil
	if most := w.floor(); said > most {
		w.fail("quiet", "%d messages in %d ms, of %d hosts; at most %d", said, quietFor, len(w.hosts), most)
	}
}

// carriesData says that a message has records, or lists them.
func carriesData(m statemachine.Message) bool {
	switch m := m.(type) {
	case statemachine.Push, statemachine.LeafList, statemachine.Chunk:
		return true
	case statemachine.Delta:
		return len(m.Entries) > 0
	case statemachine.Items:
		return len(m.Entries) > 0
	}
	return false
}

// floor is how many messages the timers ask of all hosts in quietFor: to every
// peer a digest, and a table, a report, a probe with its answer and twice its way
// around; and one scrub of two messages a host, whenever one is due. Where answers
// are often later than a probe waits, each probe may make all suspect its peer and
// the peer deny it.
func (w *World) floor() int {
	c := w.opt.Core
	times := func(every Millis) int { return int(quietFor/max(every, 1)) + 2 }
	peers := max(len(w.hosts)-1, 0)
	perPeer := times(c.Replication) + times(c.GossipMin) + 2*times(c.Collect) + 2
	perHost := 8*times(c.Probe) + 4*times(min(c.Sync, c.Catchup))
	if c.Probe < 10*w.opt.LatencyMean {
		perHost += 2 * peers * times(c.Probe)
	}
	if peers == 0 {
		perHost = 0
	}
	return len(w.hosts) * (peers*perPeer + perHost)
}
