package statemachine

import (
	"math/rand/v2"

	"kvs/statemachine/keyspace"
)

// timer names one thing that is due at a time of its own.
type timer uint8

const (
	timerStart     timer = iota // the first tick of a run
	timerMint                   // found a cluster, if nobody else has
	timerDial                   // try addresses again
	timerAnnounce               // tell peers what changed in the member table
	timerTable                  // exchange the whole member table
	timerView                   // a member may be failed or gone by now
	timerDigest                 // tell peers what this node claims
	timerPush                   // push again what was not acknowledged
	timerDelta                  // the source of a delta is silent
	timerCatchup                // ask somebody else, if still behind
	timerSync                   // scrub with the next peer
	timerScrub                  // a scrub goes on, or its partner is silent
	timerCollect                // count reports and forget
	timerTurn                   // expired records leave the digest
	timerLeave                  // drained by now, or not
	timerCopy                   // a copy needs a source, or its source is silent
	timerDamage                 // ask the next peer for damaged records
	timerProbe                  // ask a member for a sign of life
	timerSuspicion              // a suspect may be unreachable by now
	timerLookup                 // the source has not answered a client's question
	timerAwait                  // a client has waited long enough for others
	timerCount
)

// Deadline is the earliest Mono at which a Tick has work.
func (n *Node) Deadline() Millis {
	at := never
	for _, t := range n.timers {
		at = min(at, t)
	}
	return at
}

// arm sets a timer, and brings it forward or puts it off if it was set.
func (n *Node) arm(t timer, after Millis) { n.timers[t] = n.now.Mono + after }

// armBy sets a timer unless it is due before that anyway.
func (n *Node) armBy(t timer, after Millis) {
	n.timers[t] = min(n.timers[t], n.now.Mono+after)
}

func (n *Node) disarm(t timer) { n.timers[t] = never }

func (n *Node) onTick() {
	for t := range timerCount {
		if n.timers[t] <= n.now.Mono {
			n.disarm(t)
			n.fire(t)
		}
	}
}

func (n *Node) fire(t timer) {
	switch t {
	case timerStart:
		n.onStart()
	case timerMint:
		n.onMintDue()
	case timerDial:
		n.onDialDue()
	case timerAnnounce:
		n.onAnnounceDue()
	case timerTable:
		n.onTableDue()
	case timerView:
		n.onViewDue()
	case timerDigest:
		n.onDigestDue()
	case timerPush:
		n.onPushDue()
	case timerDelta:
		n.endDelta()
	case timerCatchup:
		n.onCatchupDue()
	case timerSync:
		n.onSyncDue()
	case timerScrub:
		n.onScrubDue()
	case timerCollect:
		n.onCollectDue()
	case timerTurn:
		n.onTurnDue()
	case timerLeave:
		n.onLeaveDue()
	case timerCopy:
		n.onCopyDue()
	case timerDamage:
		n.onDamageDue()
	case timerProbe:
		n.onProbeDue()
	case timerSuspicion:
		n.onSuspicionDue()
	case timerLookup:
		n.onLookupDue()
	case timerAwait:
		n.onAwaitDue()
	}
}

// onStart sets everything in motion that repeats.
func (n *Node) onStart() {
	for _, p := range n.peers {
		p.seen = n.now
	}
	n.reportLoss()
	n.askAgain()
	n.foundOrWait()
	n.beginStanding()
	n.planDials()
	n.arm(timerTable, n.between(n.cfg.GossipMin, n.cfg.GossipMax))
	n.arm(timerDigest, n.jittered(n.cfg.Replication))
	n.arm(timerSync, n.jittered(n.cfg.Sync))
	n.arm(timerCatchup, n.cfg.Catchup)
	n.arm(timerCollect, n.jittered(n.cfg.Collect))
	n.arm(timerTurn, turnDelay)
	n.armView()
	n.detector.next = n.now.Mono + n.jittered(n.cfg.Probe)
	n.armProbe()
}

// between draws a time from low to high, both included.
func (n *Node) between(low, high Millis) Millis {
	width := int64(high-low) + 1
	if n.cfg.Mutant.Is(keyspace.MutantAmbient) {
		return low + Millis(rand.Int64N(width))
	}
	return low + Millis(n.rng.Int64N(width))
}

// jittered draws a time within a tenth of d, so that nodes do not march in step.
func (n *Node) jittered(d Millis) Millis { return n.between(d-d/10, d+d/10) }
