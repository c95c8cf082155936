package statemachine

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// Fencing. Nobody takes anything from a replica that has left or was evicted, or
// from an older start of a replica than is known (I9). It is told so, over and
// over while it stays connected, and begins another life: its directory becomes
// that of a new replica, which takes over a copy of the cluster's data and
// brings what nobody else has seen (keyspace, reconcile).

// Refuse tells a connected replica why nobody talks to it. It says whom it is
// about, so that a late copy cannot hit another life.
type Refuse struct {
	Replica ReplicaID `cbor:"1,keyasint"`
	Boot    Boot      `cbor:"2,keyasint"`
	Reason  Refusal   `cbor:"3,keyasint"`
}

// guest is a connected replica that nobody talks to.
type guest struct {
	replica ReplicaID
	boot    Boot
	reason  Refusal
}

// fence keeps a connection for the sake of saying why it is good for nothing.
func (n *Node) fence(h Hello, why Refusal) {
	n.dropGuest(h.Replica)
	if len(n.guests) < guestsMax {
		n.guests = append(n.guests, guest{h.Replica, h.Boot, why})
	}
	n.sayRefuse(guest{h.Replica, h.Boot, why})
}

func (n *Node) sayRefuse(g guest) {
	n.emit(Send{g.replica, ClassControl, Refuse{g.replica, g.boot, g.reason}})
}

func (n *Node) dropGuest(id ReplicaID) {
	n.guests = slices.DeleteFunc(n.guests, func(g guest) bool { return g.replica == id })
}

func (n *Node) isGuest(id ReplicaID) bool {
	return slices.ContainsFunc(n.guests, func(g guest) bool { return g.replica == id })
}

// refuseAgain repeats the word to all guests: the first may have been lost.
func (n *Node) refuseAgain() {
	for _, g := range n.guests {
		n.sayRefuse(g)
	}
}

// onRefuse begins another life, if the word is about this one. It passes both
// fences, or an evicted replica and its evictor that fell back to an older disk
// would ignore each other's answer for ever.
func (n *Node) onRefuse(m Refuse) {
	if m.Replica != n.id.Replica || m.Boot != n.id.Boot || n.self.Standing == keyspace.Left {
		return
	}
	switch m.Reason {
	case RefusedFenced:
		n.rejoin(m.Reason, keyspace.Evicted)
	case RefusedBoot:
		// Whether another process goes on under the old identity is not known
		// here, so the old place in the roster stays taken.
		n.rejoin(m.Reason, keyspace.Active)
	}
}

// rejoin ends this life. The next start of the directory is that of a new
// replica; what is left of the old one is remembered with the given standing.
func (n *Node) rejoin(why Refusal, former keyspace.Standing) {
	if n.ending {
		return
	}
	n.ending = true
	n.notify(Rejoining{why})
	self := n.memory(&peer{Member: n.self, heard: n.now.Wall})
	self.Standing = former
	n.enqueue(job{
		kind: jobRejoin, rejoin: true, whole: n.loss.Kind != keyspace.LossNone,
		members: []keyspace.Member{self},
	})
}

// onRejoin asks for the start that begins the new life.
func (n *Node) onRejoin() { n.emit(Restart{}) }
