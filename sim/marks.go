package sim

// Mark names something rare that worlds are made for. A campaign counts in how
// many of its worlds each happened: one that never did is a hole in the net, and
// whatever rule is about it was not tried.
type Mark uint8

// The marks. The core knows nothing of them: they are read off its inputs,
// effects and counters, and off what the world does to it.
const (
	MarkByTimestamp Mark = iota
	MarkByJoined
	MarkByUUID
	MarkDeleteWins
	MarkWriteWins
	MarkArrivalLoses
	MarkKnownDot
	MarkPurge
	MarkSalvage
	MarkUnplaced
	MarkClaim
	MarkAheadVersion
	MarkReconcile
	MarkRetired
	MarkVoided
	MarkTurn
	MarkExpiredApart

	MarkUnsyncedLost
	MarkUnsyncedKept
	MarkAnsweredLost
	MarkCrashInCommit
	MarkLossTail
	MarkWiped
	MarkSetBack
	MarkCloned
	MarkLongPause
	MarkBackwards
	MarkOneWay
	MarkSilence
	MarkDouble
	MarkLateDouble
	MarkReplyLost
	MarkLaterConnection
	MarkQueueFull
	MarkCoreAlone

	MarkRootDiffers
	MarkInnerDiffers
	MarkLeafDiffers
	MarkLeafListed
	MarkRepaired
	MarkInFlight
	MarkScrubBusy
	MarkScrubSkewed

	MarkDeltaChunks
	MarkDeltaCaughtUp
	MarkRingOverrun
	MarkPushRetry
	MarkRelayed
	MarkGraft
	MarkPrune
	MarkBelowFloor
	MarkStale
	MarkUnlinked

	MarkCopy
	MarkCopyAgain
	MarkPinGone
	MarkSettledAlone
	MarkLookup
	MarkRejoin
	MarkDeparted
	MarkCutOffMember
	MarkGoneMember
	MarkRefuted
	MarkIndirectProbe
	MarkClockDoubted
	MarkClamped

	MarkRefusedSyncing
	MarkRefusedLeaving
	MarkRefusedPeer
	MarkSessionWaits
	MarkCopiesShort
	MarkRightsDenied
	markCount
)

// String says what happened.
func (m Mark) String() string { return markNames[m] }

var markNames = [markCount]string{
	"concurrent versions, the later won", "a tie of timestamps, by joined",
	"a tie of timestamps and joined, by UUID", "a delete over a value", "a value over a tombstone",
	"an entry arrived and lost", "an entry arrived that was known",
	"a version was purged", "a write of an earlier life was salvaged", "a salvaged write had no place any more",
	"a claim was adopted", "a version from far ahead was merged",
	"a copy met records of an earlier life", "a stream was retired", "dots that nobody has were void",
	"expired records left the digest", "a record expired while links were cut",

	"a crash lost unsynced batches", "an unsynced batch survived a crash", "a crash took batches that were answered", "a crash between commit and sync",
	"a start found its tail gone", "a disk was wiped", "a disk was set back",
	"a disk was copied", "a pause that broke connections", "a clock went back over a restart",
	"a link was cut one way", "a connection broke by silence", "a message came twice",
	"a message came again much later", "an answer was lost", "a message outlived its connection",
	"a queue was full", "a part healed while the rest was broken for good",

	"a scrub found another root", "a scrub went below the root", "a scrub found another leaf",
	"a scrub listed leaves",
	"a scrub repaired", "a leaf had changed during a scrub", "a scrub's partner was busy",
	"clocks were too far apart to scrub",

	"a delta of several chunks", "a delta was complete", "a push cursor fell out of the ring",
	"a push was sent again", "an entry was relayed", "a link was grafted", "a link was pruned",
	"a peer below the floor was not listened to", "a stale message was dropped",
	"a message without a link was dropped",

	"a copy began", "a copy began again", "a source had no pin any more", "nobody was left to copy from",
	"a source was asked for a key", "a replica began another life", "a replica left or was evicted",
	"a member was held for failed", "a member was gone from the view", "a suspicion was refuted",
	"a silent member was asked through others", "a node doubted its clock", "a stamp was held back",

	"a write was refused while syncing", "a write was refused while leaving",
	"a peer was refused", "a session waited in vain", "a write had too few copies", "somebody was denied",
}

// Marks counts, by Mark, how often it happened.
type Marks [markCount]int

// mark notes that something happened.
func (w *World) mark(m Mark) { w.marks[m]++ }

// markIf is mark, if it is so.
func (w *World) markIf(m Mark, happened bool) {
	if happened {
		w.marks[m]++
	}
}

// coverage is in how many worlds of a campaign each mark happened.
type coverage struct {
	worlds  int
	guarded int // of these, in which rights change
	hit     [markCount]int
}

func (c *coverage) add(r *Result) {
	c.worlds++
	if r.Guarded {
		c.guarded++
	}
	for m, n := range r.Marks {
		if n > 0 {
			c.hit[m]++
		}
	}
}

// ColdAfter is how many worlds a campaign must have before a mark that never
// happened makes it fail.
const ColdAfter = 2_000

// Cold lists the marks that happened in no world of a campaign, as far as they
// could.
func (r *Report) Cold() (cold []Mark) {
	for m, n := range r.coverage.hit {
		if n == 0 && (Mark(m) != MarkRightsDenied || r.coverage.guarded > 0) {
			cold = append(cold, Mark(m))
		}
	}
	return cold
}

// Worlds is in how many worlds of a campaign a mark happened.
func (r *Report) Worlds(m Mark) int { return r.coverage.hit[m] }

// AllMarks lists the marks there are.
func AllMarks() []Mark {
	all := make([]Mark, markCount)
	for i := range all {
		all[i] = Mark(i)
	}
	return all
}
