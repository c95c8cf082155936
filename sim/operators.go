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
	if o.rng.IntN(2) == 0 {
		o.w.act(ActLeave, of(h), truth(o.rng.IntN(4) == 0))
		return
	}
	if !o.sees(h) {
		o.w.act(ActForget, of(h), 0)
		return
	}
	victim := o.w.hosts[o.rng.IntN(len(o.w.hosts))]
	life := 0
	if n := len(victim.former); n > 0 && o.rng.IntN(2) == 0 {
		life = 1 + o.rng.IntN(n)
	}
	o.w.act(ActForget, of(h, victim), int64(life))
}

// perform does what an act says: it takes a host out, or forgets who another is, or
// who it was in an earlier life, counted from 1.
func (o *operators) perform(h *host, a *Act) {
	o.next++
	switch {
	case len(o.w.hosts) < 2:
	case a.Kind == ActLeave:
		h.step(statemachine.Leave{Request: o.next, All: a.Args[0] != 0})
	case len(a.Hosts) > 1 && o.sees(h):
		victim := o.w.hosts[a.Hosts[1]]
		id := victim.id
		if life := int(a.Args[0]); life > 0 && life <= len(victim.former) {
			id = victim.former[life-1]
		}
		h.step(statemachine.Forget{Request: o.next, Member: id})
	}
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
	back := 2_000 + Millis(o.rng.IntN(5_000))
	h.later(o.w.fated(FateAgain, h, back, 2_000), func() {
		h.crash()
		h.start()
	})
}

// reunite empties the hosts that ended up in a cluster of their own, as happens
// when disks are wiped while others are away: two clusters never merge.
func (o *operators) reunite() {
	var cluster keyspace.ClusterID
	for _, h := range o.w.hosts {
		switch id := h.cluster(); {
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
	from := o.w.fated(FateTidy, o.w.hosts[0], Millis(o.w.clients.rng.IntN(len(o.w.hosts))), 0)
	if up := o.w.clients.upFrom(int(from)); up != nil {
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
