package keyspace

// Mutant names one rule that is broken on purpose, so that the simulator can
// show that it would notice. Only a build with the tag "mutants" obeys it.
type Mutant uint8

// The rules that can be broken in this package.
const (
	MutantNone        Mutant = iota
	MutantTieBreak           // of two versions of one millisecond the wrong one wins here
	MutantTombstone          // a delete leaves no tombstone behind
	MutantStamp              // a local write may lose to the version it replaces (I8)
	MutantLastArrival        // the entry that arrives last wins
	MutantKnownDots          // an entry whose dot is known is applied again (I6)
	MutantReusedEpoch        // a restart goes on in the stream of the run before (I3)
	MutantDigest             // the digest leaves out the version
	MutantClaim              // a delta's claim is adopted without its base (I5)
)
