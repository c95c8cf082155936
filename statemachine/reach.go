package statemachine

import (
	"math/bits"
	"slices"
)

// Reach is what this node thinks of its ways to a member. It guides whom to
// talk to first and nothing else: what counts as alive, failed or gone is a
// matter of minutes of silence (members.go).
type Reach uint8

// The states of the failure detector.
const (
	Reachable   Reach = iota
	Suspect           // somebody misses it; it may still refute that
	Unreachable       // nobody has heard a refutation in time
)

// String names the state.
func (r Reach) String() string { return [...]string{"reachable", "suspect", "unreachable"}[r] }

// watch is how a peer stands with the failure detector.
type watch struct {
	reach    Reach
	blamed   uint64      // the incarnation under suspicion; a greater one refutes it
	since    Millis      // when the suspicion began
	by       []ReplicaID // who suspects it, independently of each other; at most accusersMax
	probe    probe
	answered bool // to a probe in this run, itself or through others
	clock    clockOf
	rtt      Millis // of its last direct answer, -1 if there was none
}

// suspect takes note that by misses a peer in one of its incarnations, and
// reports whether others should hear of it.
func (n *Node) suspect(p *peer, by ReplicaID, incarnation uint64) bool {
	if p.reach == Reachable {
		p.blamed, p.since, p.by = incarnation, n.now.Mono, nil
		n.stats.Suspicions++
		n.setReach(p, Suspect)
	}
	p.blamed = max(p.blamed, incarnation)
	if p.reach == Unreachable || len(p.by) == accusersMax || slices.Contains(p.by, by) {
		return false
	}
	p.by = append(p.by, by)
	n.armBy(timerSuspicion, max(0, n.suspicionEnd(p)-n.now.Mono))
	return true
}

// vindicate ends a suspicion: the peer has answered, or has refuted it.
func (n *Node) vindicate(p *peer) {
	if p.reach != Reachable {
		p.by = nil
		n.setReach(p, Reachable)
	}
}

func (n *Node) setReach(p *peer, r Reach) {
	p.reach = r
	n.armProbe()
	n.notify(ReachChanged{p.Member, r})
}

// onSuspicionDue gives up on suspects whose time has come.
func (n *Node) onSuspicionDue() {
	next := never
	for _, p := range n.peers {
		if p.reach != Suspect {
			continue
		}
		if end := n.suspicionEnd(p); end > n.now.Mono {
			next = min(next, end)
			continue
		}
		n.setReach(p, Unreachable)
	}
	n.timers[timerSuspicion] = next
}

// suspicionEnd is when a suspect becomes unreachable. Each further accuser
// brings it closer: one alone may have itself to blame.
func (n *Node) suspicionEnd(p *peer) Millis {
	members := 1
	for _, q := range n.peers {
		if q.state != MemberGone {
			members++
		}
	}
	return p.since + suspicionTime(n.cfg.Probe, members, len(p.by))
}

// suspicionTime is how long a suspicion lasts in a cluster of so many members
// with so many accusers: 4 max(1, log10 members) probe intervals once enough of
// them agree, suspicionStretch times that while there is one, and in between
// along the logarithm of their number.
func suspicionTime(interval Millis, members, accusers int) Millis {
	shortest := 4 * interval * Millis(max(1000, log10(members))) / 1000
	others := min(accusersMax-1, members-2)
	if others <= 0 {
		return shortest // nobody is there who could agree
	}
	// log(1+agreeing)/log(1+others) in thousandths.
	share := [accusersMax][accusersMax]Millis{1: {0, 1000}, 2: {0, 631, 1000}}
	agreeing := min(max(accusers-1, 0), others)
	return shortest + shortest*(suspicionStretch-1)*(1000-share[others][agreeing])/1000
}

// log10 is the decimal logarithm in thousandths, too small by at most 27. The
// fraction of the binary logarithm is taken as linear.
func log10(x int) int {
	whole := bits.Len(uint(x)) - 1
	return (1000*whole + 1000*(x-1<<whole)>>whole) * 301 / 1000
}

// linkedFirst returns the linked peers that are reachable, or all linked peers
// if none of them is.
func (n *Node) linkedFirst() []*peer {
	if ps := n.choose(func(p *peer) bool { return p.linked && p.reach == Reachable }); len(ps) > 0 {
		return ps
	}
	return n.linked()
}
