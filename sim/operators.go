package sim

import (
	"math/rand/v2"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// operators are the people who run the cluster: they take hosts out of it, and
// forget replicas that are dead, and now and then one that is not.
type operators struct {
	w    *World
	rng  *rand.Rand
	next statemachine.RequestID
}

// act forgets a replica, or takes one out.
func (o *operators) act() {
	h := o.w.hosts[o.rng.IntN(len(o.w.hosts))]
	if !h.up || h.still || len(o.w.hosts) < 2 {
		return
	}
	o.next++
	if o.rng.IntN(2) == 0 {
		h.step(statemachine.Leave{Request: o.next, All: o.rng.IntN(4) == 0})
		return
	}
	if !o.sees(h) {
		return
	}
	victim := o.w.hosts[o.rng.IntN(len(o.w.hosts))]
	id := victim.id
	if n := len(victim.former); n > 0 && o.rng.IntN(2) == 0 {
		id = victim.former[o.rng.IntN(n)]
	}
	h.step(statemachine.Forget{Request: o.next, Member: id})
}

// sees says that a host is complete and reaches more than half of the others:
// people do not take a replica out by the word of a node that is cut off itself.
func (o *operators) sees(h *host) bool {
	reached := 0
	s := h.node.Status()
	for _, m := range s.Members {
		if m.Connected && o.w.running(m.Replica) != nil {
			reached++
		}
	}
	return !s.Transfer.Active() && 2*reached > len(o.w.hosts)
}

// answered starts a host again some time after it has left.
func (o *operators) answered(h *host, e statemachine.Done) {
	if h.node.Status().Mode != statemachine.ModeLeft || e.Result.Refused != statemachine.RefusedNot {
		return
	}
	h.left = true
	h.later(2_000+Millis(o.rng.IntN(5_000)), func() {
		h.crash()
		h.start()
	})
}

// reunite empties the hosts that ended up in a cluster of their own, as happens
// when disks are wiped while others are away: two clusters never merge.
func (o *operators) reunite() {
	var cluster keyspace.ClusterID
	for _, h := range o.w.hosts {
		switch id := h.node.Status().Identity.Cluster; {
		case !h.up || id == keyspace.ClusterID{}:
		case cluster == keyspace.ClusterID{}:
			cluster = id
		case id != cluster && o.w.count.disasters > 0:
			h.crash()
			o.w.faults.empty(h)
			h.start()
		}
	}
}

// tidyUp forgets, now and then until the end, the replicas that nobody is any
// more.
func (o *operators) tidyUp() {
	if up := o.w.clients.up(o.w.clients.rng); up != nil {
		for _, h := range o.w.hosts {
			for _, id := range h.former {
				if o.w.running(id) == nil {
					o.next++
					up.step(statemachine.Forget{Request: o.next, Member: id, Force: true})
				}
			}
		}
	}
	o.reunite()
	o.w.queue.push(o.w.now+2_000, o.tidyUp)
}
