package statemachine

import "slices"

// A read that asks others. The client wants to know that so many replicas were looked
// at. What they have that this node has not heard of is merged like a push, and mends
// this node; then the client reads here.

// consult is such a read under way.
type consult struct {
	request RequestID
	session uint64
	key     string
	asked   []ReplicaID // those who have not answered yet
	open    int         // answers that are not merged yet
	until   Millis
}

// onPeerRead asks N-1 peers for a key.
func (n *Node) onPeerRead(in PeerRead) {
	peers := n.draw(n.choose(func(p *peer) bool {
		return p.linked && p.complete() && p.reach == Reachable && n.level(p)
	}), in.N-1)
	switch {
	case in.N <= 1:
		n.emit(Done{in.Request, CommandResult{}})
		return
	case len(peers) < in.N-1 || in.Wait <= 0:
		n.emit(Done{in.Request, CommandResult{Refused: RefusedTimeout}})
		return
	case len(n.consults) >= consultsMax || n.stage().syncing():
		n.emit(Done{in.Request, CommandResult{Refused: RefusedOverloaded}})
		return
	}
	n.lastLookup++
	wait := min(in.Wait, waitMax)
	c := consult{request: in.Request, session: n.lastLookup, key: in.Key, until: n.now.Mono + wait}
	for _, p := range peers {
		c.asked = append(c.asked, p.Replica)
		n.send(p, ClassControl, Get{c.session, in.Key})
	}
	c.open = len(c.asked)
	n.consults = append(n.consults, c)
	n.armBy(timerAwait, wait)
}

// onConsulted takes one peer's answer; ok is false if nobody waits for it.
func (n *Node) onConsulted(p *peer, m Got) (ok bool) {
	i := slices.IndexFunc(n.consults, func(c consult) bool {
		return c.session == m.Session && slices.Contains(c.asked, p.Replica)
	})
	if i < 0 {
		return false
	}
	c := &n.consults[i]
	c.asked = slices.DeleteFunc(c.asked, func(r ReplicaID) bool { return r == p.Replica })
	switch {
	case len(m.Entries) > 1 || malformed(m.Entries) || len(m.Entries) == 1 && m.Entries[0].Key != c.key:
		n.stats.DroppedMalformed++
	case m.Refused != RefusedNot || !n.level(p) || !n.jobs.room():
		// It counts as no answer.
	case len(m.Entries) == 0 || n.vv.Contains(m.Entries[0].Dot):
		n.consulted(c.session)
	default:
		n.enqueue(job{kind: jobConsult, peer: p.Replica, session: c.session, entries: m.Entries})
	}
	return true
}

// consulted counts an answer that is merged.
func (n *Node) consulted(session uint64) {
	i := slices.IndexFunc(n.consults, func(c consult) bool { return c.session == session })
	if i < 0 {
		return
	}
	c := &n.consults[i]
	if c.open--; c.open == 0 {
		n.emit(Done{c.request, CommandResult{}})
		n.consults = slices.Delete(n.consults, i, i+1)
	}
}

// endConsults gives up on those who did not answer in time.
func (n *Node) endConsults() {
	n.consults = slices.DeleteFunc(n.consults, func(c consult) bool {
		if c.until > n.now.Mono {
			n.armBy(timerAwait, c.until-n.now.Mono)
			return false
		}
		n.emit(Done{c.request, CommandResult{Refused: RefusedTimeout}})
		return true
	})
}
