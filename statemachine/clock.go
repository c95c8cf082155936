package statemachine

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// A clock far ahead would let its node's writes win over everybody else's until
// the others' clocks have come so far. So a node compares its clock with its
// peers', and stamps with less than it shows when most of them disagree.

// clockOf is what this node knows of a peer's clock: what it shows, less this
// node's monotonic time. Of two clocks that do not jump this never changes, so a
// jump of this node's own wall clock shows at once.
type clockOf struct {
	known bool
	base  Millis
}

// sampleClock takes note of a peer's clock, read half a round trip ago. Answers
// that took longer than an interval say too little.
func (n *Node) sampleClock(p *peer, wall, rtt Millis) {
	if wall > 0 && wall < keyspace.TimestampMax && rtt <= n.cfg.Probe {
		p.clock = clockOf{true, wall + rtt/2 - n.now.Mono}
		n.noteClock()
	}
}

// peersTime is what the peers' clocks show now, in the middle: a clock ahead of
// it is ahead of more than half of them. Of an even number it is the greater of
// the two in the middle, so that one wrong clock of two proves nothing. ok is
// false with less than two.
func (n *Node) peersTime() (at Millis, ok bool) {
	var few [16]Millis
	all := few[:0]
	for _, p := range n.peers {
		if p.clock.known && p.active() && p.state != MemberGone {
			all = append(all, p.clock.base+n.now.Mono)
		}
	}
	if len(all) < clocksMin {
		return 0, false
	}
	slices.Sort(all)
	return all[len(all)/2], true
}

// skew is how far this node's clock is ahead of its peers'.
func (n *Node) skew() (ahead Millis, ok bool) {
	at, ok := n.peersTime()
	if !ok {
		return 0, false
	}
	return n.now.Wall - at, true
}

// lead is how far a peer's clock is ahead of this node's, 0 while unknown.
func (n *Node) lead(p *peer) Millis {
	if !p.clock.known {
		return 0
	}
	return p.clock.base + n.now.Mono - n.now.Wall
}

// wall is the time to stamp with: what the clock shows, but not more than
// MaxSkew ahead of the peers.
func (n *Node) wall() Millis {
	ahead, ok := n.skew()
	if !ok || ahead <= n.cfg.MaxSkew || n.cfg.Mutant.Is(keyspace.MutantNoClamp) {
		return n.now.Wall
	}
	return n.now.Wall - ahead + n.cfg.MaxSkew
}

// oldestClock is what the clock shows that is the furthest behind, of this node's
// and those of its peers that it knows: what is old by that one is old, if it knows
// all of them.
func (n *Node) oldestClock() (at Millis, all bool) {
	at, all = n.wall(), true
	for _, p := range n.peers {
		switch {
		case !p.active():
		case p.clock.known:
			at = min(at, p.clock.base+n.now.Mono)
		default:
			all = false
		}
	}
	return at, all
}

// noteClock tells when the clock begins to be too far ahead, or ceases to be.
func (n *Node) noteClock() {
	if clamped := n.wall() != n.now.Wall; clamped != n.clamped {
		n.clamped = clamped
		ahead, _ := n.skew()
		n.notify(ClockSkewed{Ahead: ahead, Clamped: clamped})
	}
}
