package sim

import (
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// seen reads marks off one step of a core.
func (w *World) seen(h *host, in statemachine.Input, effects []statemachine.Effect) {
	if r, ok := in.(statemachine.Received); ok {
		w.heard(h, r.Msg)
	}
	for _, e := range effects {
		switch e := e.(type) {
		case statemachine.Respond:
			w.markIf(MarkRefusedSyncing, e.Result.Refused == statemachine.RefusedSyncing)
			w.markIf(MarkRefusedLeaving, e.Result.Refused == statemachine.RefusedLeaving)
			w.markIf(MarkCopiesShort, e.Result.Short)
		case statemachine.Notify:
			w.told(e.Event)
		}
	}
}

// heard reads marks off a message that has arrived.
func (w *World) heard(h *host, m statemachine.Message) {
	switch m := m.(type) {
	case statemachine.Compare:
		some := len(m.Nodes) > 0
		w.markIf(MarkRootDiffers, some && m.Answer && m.Level == keyspace.LevelTop)
		w.markIf(MarkInnerDiffers, some && m.Level == keyspace.LevelInner)
		w.markIf(MarkLeafDiffers, some && m.Answer && m.Level == keyspace.LevelLeaf)
	case statemachine.LeafList:
		w.markIf(MarkLeafListed, len(m.Leaves) > 0)
	case statemachine.Delta:
		w.markIf(MarkDeltaChunks, !m.Done)
	case statemachine.Opened:
		w.markIf(MarkPinGone, m.Pin == 0)
		w.markIf(MarkCopyAgain, m.Pin != 0 && h.copied == h.run)
		h.copied = h.run
	case statemachine.PingReq:
		w.mark(MarkIndirectProbe)
	}
}

// told reads marks off what a core reports of itself.
func (w *World) told(e statemachine.Event) {
	switch e := e.(type) {
	case statemachine.CaughtUp:
		w.mark(MarkDeltaCaughtUp)
	case statemachine.Repaired:
		w.mark(MarkRepaired)
	case statemachine.Departed:
		w.mark(MarkDeparted)
	case statemachine.Rejoining:
		w.mark(MarkRejoin)
	case statemachine.CopyChanged:
		w.markIf(MarkCopy, e.Phase == keyspace.PhaseRecent || e.Phase == keyspace.PhaseWhole)
	case statemachine.SettledAlone:
		w.mark(MarkSettledAlone)
	case statemachine.Unplaced:
		w.mark(MarkUnplaced)
	case statemachine.PeerRefused:
		w.mark(MarkRefusedPeer)
	case statemachine.ClockSkewed:
		w.markIf(MarkClockDoubted, e.Clamped)
	case statemachine.MemberChanged:
		w.markIf(MarkCutOffMember, e.State == statemachine.MemberFailed)
		w.markIf(MarkGoneMember, e.State == statemachine.MemberGone)
	}
}

// applied reads marks off a durable batch.
func (w *World) applied(b *keyspace.Batch, a *keyspace.Applied) {
	for i := range a.Conflicts {
		w.mark([...]Mark{
			keyspace.ByTimestamp: MarkByTimestamp, keyspace.ByJoined: MarkByJoined, keyspace.ByUUID: MarkByUUID,
		}[a.Conflicts[i].Rule()])
	}
	for i := range a.Outcomes {
		o := &a.Outcomes[i]
		won, replaced := o.Kind == keyspace.Won, o.Prev != keyspace.Version{}
		w.markIf(MarkDeleteWins, won && o.Existed && o.Header.Tombstone())
		w.markIf(MarkWriteWins, won && replaced && !o.Existed && !o.Header.Tombstone())
		w.markIf(MarkArrivalLoses, o.Kind == keyspace.Lost)
		w.markIf(MarkKnownDot, o.Kind == keyspace.Dup)
	}
	w.markIf(MarkPurge, len(a.Purged) > 0)
	w.markIf(MarkSalvage, len(a.Salvaged) > 0)
	w.markIf(MarkClaim, a.Claimed)
	w.markIf(MarkAheadVersion, a.Ahead > 0)
	w.markIf(MarkReconcile, b.Chunk != nil && b.Chunk.Reconcile)
	w.markIf(MarkRetired, len(b.Retire) > 0)
	w.markIf(MarkTurn, b.Turn && a.Turned)
}

// ended takes note of what a run leaves behind that is over.
func (h *host) ended() {
	if h.up {
		h.harvest()
		h.wallAt = h.now().Wall
		h.w.film.ends(SpanStill, h, h)
		h.w.film.begins(SpanDown, h, h)
	}
}

// harvest reads marks off the counters of a run.
func (h *host) harvest() {
	w, s := h.w, h.node.Status().Stats
	w.markIf(MarkVoided, s.Voided > 0)
	w.markIf(MarkInFlight, s.ScrubInFlight > 0)
	w.markIf(MarkScrubBusy, s.ScrubsBusy > 0)
	w.markIf(MarkScrubSkewed, s.ScrubsSkewed > 0)
	w.markIf(MarkRingOverrun, s.RingOverruns > 0)
	w.markIf(MarkPushRetry, s.PushRetries > 0)
	w.markIf(MarkRelayed, s.RelayedEntries > 0)
	w.markIf(MarkGraft, s.Grafts > 0)
	w.markIf(MarkPrune, s.Prunes > 0)
	w.markIf(MarkBelowFloor, s.DroppedBelow > 0)
	w.markIf(MarkStale, s.DroppedStale > 0)
	w.markIf(MarkUnlinked, s.DroppedUnlinked > 0)
	w.markIf(MarkLookup, s.Lookups > 0)
	w.markIf(MarkRefuted, s.Refutations > 0)
	w.markIf(MarkClamped, s.ClampedBatches > 0)
}
