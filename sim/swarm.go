package sim

import (
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"kvs/statemachine/keyspace"
)

// recheckEvery is the share of seeds that Campaign plays twice to see whether
// the traces are equal: one in so many.
const recheckEvery = 20

// Campaign plays many seeds side by side, each in a world of its own.
type Campaign struct {
	Start, Seeds uint64
	Parallel     int
	Options      func(seed uint64) Options // Swarm, or a variant of it
	StopAtFirst  bool                      // give up at the first failure
	Stop         func() bool               // asked before each seed; nil never stops
}

// Report is what a campaign came to. It does not depend on Parallel, as long as
// the campaign ran to its end.
type Report struct {
	Seeds    int
	Writes   int
	Crashes  int
	Cuts     int
	Lost     int
	Purged   int
	Rejoined int
	Alone    int      // runs in which no complete replica was left
	Healed   []Millis // convergence times of the runs that passed, by seed
	Slowest  uint64   // the seed that took the longest of these
	Failures []Result // by seed
	coverage coverage
}

// Run plays the campaign.
func (c Campaign) Run() Report {
	var (
		next, stopped atomic.Uint64
		results       = make([]*Result, c.Seeds)
		wait          sync.WaitGroup
	)
	for range max(c.Parallel, 1) {
		wait.Go(func() {
			for stopped.Load() == 0 && (c.Stop == nil || !c.Stop()) {
				i := next.Add(1) - 1
				if i >= c.Seeds {
					return
				}
				r := c.play(c.Start + i)
				results[i] = &r
				if r.Failure != nil && c.StopAtFirst {
					stopped.Store(1)
				}
			}
		})
	}
	wait.Wait()
	return summarise(results)
}

// Play is Run, with a panic of the core as a failure like any other.
func Play(opt Options) Result { return guard(opt, func() *World { return newWorld(opt) }) }

// guard runs a world, with a panic as a failure like any other.
func guard(opt Options, world func() *World) (r Result) {
	var w *World
	defer func() {
		if p := recover(); p != nil {
			r.Seed, r.Nodes = opt.Seed, opt.Nodes
			if w != nil {
				r.Virtual = w.now
			}
			r.Failure = &Failure{"assertion", r.Virtual, fmt.Sprintf("%v\n%s", p, debug.Stack())}
		}
	}()
	w = world()
	return w.run()
}

// play runs one seed, and some seeds twice.
func (c Campaign) play(seed uint64) Result {
	opt := c.Options(seed)
	opt.HashTrace = seed%recheckEvery == 0
	r := Play(opt)
	if opt.HashTrace && r.Failure == nil {
		if again := Play(opt); again.Trace != r.Trace {
			r.Failure = &Failure{"determinism", r.Virtual, "a second run took another course"}
		}
	}
	return r
}

func summarise(results []*Result) Report {
	var rep Report
	for _, r := range results {
		if r == nil {
			continue
		}
		rep.Seeds++
		rep.coverage.add(r)
		rep.Writes += r.Writes
		rep.Crashes += r.Crashes
		rep.Cuts += r.Cuts
		rep.Lost += r.Lost
		rep.Purged += r.Purged
		rep.Rejoined += r.Rejoined
		if r.Alone {
			rep.Alone++
		}
		if r.Failure != nil {
			rep.Failures = append(rep.Failures, *r)
			continue
		}
		if len(rep.Healed) == 0 || r.Healed > slices.Max(rep.Healed) {
			rep.Slowest = r.Seed
		}
		rep.Healed = append(rep.Healed, r.Healed)
	}
	return rep
}

// Variant is the core with one rule broken on purpose.
type Variant struct {
	Name       string
	Mutant     keyspace.Mutant
	Everywhere bool // else on every second host only
	AckEarly   bool
	// SplitVector commits the vector by itself before the rest of a batch.
	SplitVector bool
	// Worlds draws the options of a seed, nil for the mixed swarm's.
	Worlds func(seed uint64) Options
	// Known is a seed that notices, to be tried first; the others follow if the worlds
	// that it stands for have changed since.
	Known uint64
	// Scenario is the counterexample by construction for a rule that random worlds
	// hit too rarely; nil if the worlds do.
	Scenario func(keyspace.Mutant) *Failure
}

// Options draws the options of a seed, broken.
func (v Variant) Options(seed uint64) Options {
	if v.Worlds == nil {
		return v.Apply(mixed(seed))
	}
	return v.Apply(v.Worlds(seed))
}

// Hunt looks for the first seed that notices the broken rule: the known one, else
// from the campaign's start on. It reports the last campaign.
func (v Variant) Hunt(c Campaign) Report {
	c.Options, c.StopAtFirst = v.Options, true
	known := c
	known.Start, known.Seeds, known.Parallel = v.Known, 1, 1
	if rep := known.Run(); len(rep.Failures) > 0 {
		return rep
	}
	return c.Run()
}

// Variants are the broken cores that the swarm must tell from the real one.
func Variants() []Variant {
	return []Variant{
		{Name: "tie-break reversed on every second node", Mutant: keyspace.MutantTieBreak},
		{Name: "tie-break reversed everywhere", Mutant: keyspace.MutantTieBreak, Everywhere: true},
		{Name: "a delete leaves no tombstone", Mutant: keyspace.MutantTombstone, Everywhere: true},
		{Name: "acknowledged and reported before it is durable (I4)", AckEarly: true},
		{Name: "what no barrier has covered counts as durable (I4)", Mutant: keyspace.MutantVolatile, Everywhere: true, Worlds: Unsynced},
		{Name: "the vector has a transaction of its own (I2)", SplitVector: true, Known: 4},
		{Name: "the last arrival wins", Mutant: keyspace.MutantLastArrival, Everywhere: true},
		{Name: "a local write may lose (I8)", Mutant: keyspace.MutantStamp, Everywhere: true},
		{Name: "a restart reuses its epoch (I3)", Mutant: keyspace.MutantReusedEpoch, Everywhere: true, Known: 5},
		{Name: "the digest leaves out the version", Mutant: keyspace.MutantDigest},
		{Name: "a delta claims too early", Mutant: keyspace.MutantEarlyClaim, Everywhere: true, Known: 33},
		{Name: "a purge does not wait for the frontier (I10)", Mutant: keyspace.MutantFrontier, Everywhere: true, Known: 24},
		{Name: "reports count before they are included (I10)", Mutant: keyspace.MutantInclusion, Everywhere: true, Worlds: Forgetful, Known: 11},
		{Name: "the frontier counts beyond gaps (I10)", Mutant: keyspace.MutantRanges, Scenario: played(beyondAGap)},
		{Name: "known dots are merged again (I6)", Mutant: keyspace.MutantKnownDots, Everywhere: true},
		{Name: "a repair may bring what was purged (I7)", Mutant: keyspace.MutantFloor, Scenario: repairOfThePurged},
		{Name: "a claim needs no base (I5)", Mutant: keyspace.MutantBase, Scenario: claimWithoutBase},
		{Name: "a claim from below the floor (I5)", Mutant: keyspace.MutantBehindFloor, Everywhere: true, Known: 208},
		{Name: "a claim comes without its floor (I5)", Mutant: keyspace.MutantClaimFloor, Scenario: claimWithoutFloor},
		{Name: "a write may lie below what was purged (I8)", Mutant: keyspace.MutantStampFloor, Scenario: writeAfterPurge},
		{Name: "an older start is talked to (I9)", Mutant: keyspace.MutantBootFence, Scenario: played(olderStart)},
		{Name: "the evicted are talked to", Mutant: keyspace.MutantFence, Everywhere: true, Worlds: unclogged, Known: 161},
		{Name: "a peer below the floor is listened to", Mutant: keyspace.MutantLevel, Everywhere: true, Worlds: Forgetful, Known: 439},
		{Name: "a newcomer is listened to, whatever it copied", Mutant: keyspace.MutantSourceLevel, Scenario: played(sourceBelowTheFloor)},
		{Name: "a salvaged write may lie below what was purged", Mutant: keyspace.MutantSalvageStamps, Everywhere: true, Known: 208},
		{Name: "a rejoin takes what its earlier life may have deleted", Mutant: keyspace.MutantOutlived, Scenario: played(twinsOfOneDisk)},
		{Name: "a scrub adopts a claim", Mutant: keyspace.MutantScrubClaims, Everywhere: true, Known: 3},
		{Name: "a copy goes on with any source", Mutant: keyspace.MutantResume, Scenario: staleSource},
		{Name: "a copy leaves out what its new source lacked", Mutant: keyspace.MutantStaleBase, Scenario: played(newSourceLacked)},
		{Name: "a new source goes on in the middle of a pass", Mutant: keyspace.MutantOnePass, Scenario: overwrittenBetweenPasses},
		{Name: "a copy claims what it did not fetch", Mutant: keyspace.MutantBlindTail, Everywhere: true, Known: 3},
		{Name: "a copy leaves records unclaimed", Mutant: keyspace.MutantUnclaimed, Scenario: heldAndUnclaimed},
		{Name: "a new peer is pushed the whole ring", Mutant: keyspace.MutantRingStart, Everywhere: true, Known: 408},
		{Name: "gaps are void before all have reported", Mutant: keyspace.MutantVoid, Everywhere: true, Known: 1},
		{Name: "a copy does not learn what its source has purged (I8)", Mutant: keyspace.MutantChunkStamps, Scenario: writeDuringCopy},
		{Name: "a TTL counts from arrival", Mutant: keyspace.MutantLocalExpiry, Everywhere: true, Known: 5},
		{Name: "expired records go by the clocks that are known", Mutant: keyspace.MutantOwnClock, Scenario: played(expiredByALaggingClock)},
		{Name: "a wrong clock is believed", Mutant: keyspace.MutantNoClamp, Everywhere: true, Known: 1},
		{Name: "a timestamp from far ahead moves the clock", Mutant: keyspace.MutantFollow, Everywhere: true, Known: 1},
		{Name: "a miss is answered without the older records", Mutant: keyspace.MutantLocalMiss, Everywhere: true, Known: 108},
		{Name: "a change of rights loses to an older write", Mutant: keyspace.MutantRights, Everywhere: true, Worlds: Guarded},
		{Name: "rights are overwritten with the value", Mutant: keyspace.MutantMetadata, Everywhere: true, Worlds: Guarded},
		{Name: "silence makes nobody suspect", Mutant: keyspace.MutantBlindProbe, Everywhere: true, Known: 100},
		{Name: "an interval is drawn from outside of the node", Mutant: keyspace.MutantAmbient, Everywhere: true, Known: 20},
	}
}

// Apply breaks the options of a run.
func (v Variant) Apply(o Options) Options {
	o.Mutant, o.MutantEverywhere, o.AckBeforeSync = v.Mutant, v.Everywhere, v.AckEarly
	o.SplitVector = v.SplitVector
	return o
}
