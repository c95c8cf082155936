package keyspace

// Mutant names one rule that is broken on purpose, so that the simulator can
// show that it would notice. Only a build with the tag "mutants" obeys it.
type Mutant uint8

// The rules that can be broken.
const (
	MutantNone        Mutant = iota
	MutantTieBreak           // of two versions of one millisecond the wrong one wins here
	MutantTombstone          // a delete leaves no tombstone behind
	MutantStamp              // a local write may lose to the version it replaces (I8)
	MutantLastArrival        // the entry that arrives last wins
	MutantReusedEpoch        // a restart goes on in the stream of the run before (I3)
	MutantDigest             // the digest leaves out the version
	MutantEarlyClaim         // a delta claims at the end of a pass that took several views
	MutantBlindProbe         // neither silence nor a lost connection makes anybody suspect
	MutantNoClamp            // a clock far ahead of all others is believed
	MutantFollow             // a timestamp from far ahead moves the clock floor
	MutantNoRelay            // nobody passes on what others pushed
)
