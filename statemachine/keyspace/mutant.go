package keyspace

import "strings"

// Mutant names one rule that is broken on purpose, so that the simulator can
// show that it would notice. Only a build with the tag "mutants" obeys it.
type Mutant uint8

// The rules that can be broken.
const (
	MutantNone          Mutant = iota
	MutantTieBreak             // of two versions of one millisecond the wrong one wins here
	MutantTombstone            // a delete leaves no tombstone behind
	MutantStamp                // a local write may lose to the version it replaces (I8)
	MutantLastArrival          // the entry that arrives last wins
	MutantReusedEpoch          // a restart goes on in the stream of the run before (I3)
	MutantDigest               // the digest leaves out the version
	MutantEarlyClaim           // a delta claims at the end of a pass that took several views
	MutantFrontier             // a purge does not wait for the frontier (I10)
	MutantInclusion            // reports count before their vector is included (I10)
	MutantRanges               // the frontier counts what lies beyond a gap
	MutantFloor                // a repair may bring what was purged here (I7)
	MutantKnownDots            // an entry whose dot is known is merged again (I6)
	MutantBase                 // a claim is adopted without its base (I5)
	MutantBehindFloor          // a claim is adopted from below the floor (I5)
	MutantClaimFloor           // a claim comes without its floor (I5)
	MutantStampFloor           // a new write may lie below what was purged (I8)
	MutantFence                // an evicted replica is talked to as before
	MutantBootFence            // an older start of a replica is talked to as before (I9)
	MutantSalvageStamps        // a salvaged write may lie below what was purged
	MutantScrubClaims          // a scrub between equal trees adopts the peer's claim
	MutantResume               // a copy goes on with any other source
	MutantStaleBase            // a copy leaves out what only its first source had before
	MutantOnePass              // a new source need not make the second pass of a copy anew
	MutantBlindTail            // a copy claims what changed while it was made
	MutantRingStart            // a new peer is pushed what the ring still holds
	MutantVoid                 // gaps of a departed stream are void before all have reported
	MutantLevel                // entries are taken from a peer below the floor
	MutantSourceLevel          // and from a newcomer, whatever its sources had seen
	MutantHoard                // no stream is ever retired
	MutantChunkStamps          // a copy does not learn below what its source has purged
	MutantLocalExpiry          // an expired record leaves the digest at each clock's own second
	MutantOwnClock             // expired records go by the clocks that happen to be known
	MutantHoles                // a delta claims over records that its source could not read
	MutantBlindProbe           // neither silence nor a lost connection makes anybody suspect
	MutantNoClamp              // a clock far ahead of all others is believed
	MutantFollow               // a timestamp from far ahead moves the clock floor
	MutantNoRelay              // nobody passes on what others pushed
	MutantUnclaimed            // a copy leaves records behind that nothing claims
	MutantRights               // a change of rights loses to an older write of what they are about
	MutantMetadata             // a write that arrives takes the place of its rights too
	MutantLocalMiss            // a node without the older records says that they are absent
	MutantOutlived             // a rejoin takes what lies below the earlier life's deletions
	MutantAmbient              // an interval is drawn from outside of the node
	MutantVolatile             // under Async what is applied counts as durable
)

// rightsAt is where the records of rights lie, for the rules that are about them
// when they are broken: unbroken, they are records like any others.
const rightsAt = "_acl/"

// rightsLose is MutantRights.
func (s *State) rightsLose(tx Tx, e *Entry) bool {
	key, ok := strings.CutPrefix(e.Key, rightsAt)
	if !ok {
		return false
	}
	value, _ := s.header(tx, key)
	return value != nil && supersedes(&e.Header, value)
}

// overwriteRights is MutantMetadata.
func overwriteRights(tx Tx, e *Entry) {
	key := DataKey(rightsAt + e.Key)
	if rec, ok := DecodeRecord(tx.Get(key)); ok {
		data := appendHeader(make([]byte, 0, headerBytes+len(e.Value)), &rec.Header)
		tx.Set(key, append(data, e.Value...))
	}
}
