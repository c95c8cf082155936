package server

import (
	"runtime"
	"runtime/debug"
	"slices"

	"kvs/internal/metrics"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// sample says those metrics that others count already, as they are now.
func (o *observer) sample(emit metrics.Emit) {
	s := o.driver.status.Load()
	emit("kvs_build_info", 1, Version, buildRevision(), runtime.Version())
	emit("kvs_watchers", float64(o.feed.count()))
	emit("kvs_config_reload_success", number(!o.reloads.refused.Load()))
	emit("kvs_keys", float64(s.Live))
	emit("kvs_tombstones", float64(s.Tombstones))
	o.sampleMembers(emit, s)
	o.sampleSync(emit, &s.Stats)
	o.sampleDrops(emit, &s.Stats)
	o.samplePeers(emit, s)
	o.sampleMachine(emit, &s.Stats)
	o.backups.sample(emit)
}

// buildRevision is the commit that the program was built from, as far as it knows.
func buildRevision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}

func (o *observer) sampleMembers(emit metrics.Emit, s *statemachine.Status) {
	states := map[statemachine.MemberState]int{}
	now := o.api.wall()
	for _, m := range distinct(s) {
		states[m.State]++
		if m.Self {
			continue
		}
		emit("kvs_sync_converged", number(converged(m.MemberView)), m.label)
		emit("kvs_sync_last_success_timestamp_seconds", float64(o.measure.lastEqual(m.Replica))/1000, m.label)
		emit("kvs_sync_missing_dots", float64(m.Missing), m.label)
		if m.Timed {
			emit("kvs_clock_skew_seconds", float64(m.Skew)/1000, m.label)
		}
		var blocked keyspace.Millis
		if slices.Contains(s.Blocked, m.Replica) {
			blocked = max(now-s.BlockedAt, 0)
		}
		emit("kvs_collection_blocked_seconds", float64(blocked)/1000, m.label)
	}
	for _, state := range []statemachine.MemberState{
		statemachine.MemberAlive, statemachine.MemberFailed, statemachine.MemberGone,
	} {
		emit("kvs_members", float64(states[state]), state.String())
	}
}

// labeled is a member with the name that it has in labels.
type labeled struct {
	*statemachine.MemberView
	label string
}

// distinct gives each member a name of its own, also where two have one node_id: series
// must not meet.
func distinct(s *statemachine.Status) (out []labeled) {
	seen := map[string]bool{}
	for i := range s.Members {
		m := &s.Members[i]
		label := m.Name
		if seen[label] {
			label += "/" + m.Replica.Hex()
		}
		seen[label] = true
		out = append(out, labeled{m, label})
	}
	return out
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func (o *observer) sampleSync(emit metrics.Emit, c *statemachine.Stats) {
	for _, r := range []struct {
		result string
		count  uint64
	}{{"ok", c.Scrubs}, {"diverged", c.Divergences}, {"busy", c.ScrubsBusy}, {"skewed", c.ScrubsSkewed}} {
		emit("kvs_sync_rounds_total", float64(r.count), "scrub", r.result)
	}
	for _, r := range []struct {
		kind  string
		count uint64
	}{
		{"push", c.PushedEntries}, {"relay", c.RelayedEntries}, {"delta", c.DeltaEntries},
		{"scrub", c.ScrubEntries}, {"copy", c.CopyEntries},
	} {
		emit("kvs_sync_keys_total", float64(r.count), r.kind, "sent")
	}
	emit("kvs_sync_keys_total", float64(c.Repaired), "scrub", "repaired")
	emit("kvs_clock_clamped_total", float64(c.ClampedBatches))
	emit("kvs_clock_ahead_versions_total", float64(c.AheadVersions))
	emit("kvs_storage_damaged_records_total", float64(c.Damaged))
}

func (o *observer) sampleDrops(emit metrics.Emit, c *statemachine.Stats) {
	drop := func(reason string, n uint64) { emit("kvs_peer_messages_dropped_total", float64(n), reason) }
	drop("stale", c.DroppedStale)
	drop("unlinked", c.DroppedUnlinked)
	drop("malformed", c.DroppedMalformed)
	drop("overload", c.DroppedOverload)
	drop("members", c.DroppedMembers)
	drop("syncing", c.DroppedSyncing)
	drop("unreadable", c.DroppedUnreadable)
	drop("below_floor", c.DroppedBelow)
	drop("disk_full", o.driver.space.dropped.Load())
	if o.transport == nil {
		return
	}
	t := o.transport.Stats()
	for class, name := range classNames {
		drop("queue_full_"+name, t.DroppedFull[class])
		emit("kvs_sync_bytes_total", float64(t.SentBytes[class]), name, "sent")
		emit("kvs_sync_bytes_total", float64(t.ReceivedBytes[class]), name, "received")
	}
	drop("no_connection", t.DroppedDown)
	drop("too_large", t.DroppedEncode)
	drop("unknown_kind", t.UnknownKinds)
	drop("undecodable", t.Malformed)
}

// classNames are the classes of messages, in their order.
var classNames = [statemachine.ClassCount]string{"control", "push", "bulk"}

func (o *observer) samplePeers(emit metrics.Emit, s *statemachine.Status) {
	if o.transport == nil {
		return
	}
	names := map[keyspace.ReplicaID]string{}
	for _, m := range distinct(s) {
		names[m.Replica] = m.label
	}
	for _, l := range o.transport.Links() {
		name, ok := names[l.Peer]
		if !ok {
			continue // it is about to be a member, or about to be gone
		}
		emit("kvs_peer_rtt_seconds", l.RTT.Seconds(), name)
		emit("kvs_peer_packets_lost_total", float64(l.PacketsLost), name)
		emit("kvs_peer_bytes_total", float64(l.Sent), name, "sent")
		emit("kvs_peer_bytes_total", float64(l.Received), name, "received")
	}
}

func (o *observer) sampleMachine(emit metrics.Emit, c *statemachine.Stats) {
	d := o.driver
	emit("kvs_statemachine_inbox_depth", float64(len(d.answers)), "store")
	emit("kvs_statemachine_inbox_depth", float64(len(d.inbox)), "peer")
	emit("kvs_statemachine_inbox_depth", float64(len(d.writes)), "write")
	emit("kvs_statemachine_inbox_depth", float64(len(d.ordered)), "command")
	if size, err := o.store.Sizes(); err == nil {
		emit("kvs_storage_size_bytes", float64(size.Tree), "lsm")
		emit("kvs_storage_size_bytes", float64(size.Log), "vlog")
	}
	if u := o.upkeep; u != nil {
		emit("kvs_storage_gc_runs_total", float64(u.compacted.Load()), "compacted")
		emit("kvs_storage_gc_runs_total", float64(u.failed.Load()), "failed")
		emit("kvs_storage_gc_reclaimed_bytes_total", float64(u.freed.Load()))
	}
	if disk, err := diskOf(o.cfg.DataDir); err == nil {
		emit("kvs_disk_free_bytes", float64(disk.Free))
	}
	if f := d.flight; f != nil {
		stats := f.Stats()
		emit("kvs_flight_steps_total", float64(stats.Recorded), "recorded")
		emit("kvs_flight_steps_total", float64(stats.Missed), "missed")
		emit("kvs_flight_bytes", float64(stats.Bytes))
	}
	if o.trail != nil {
		emit("kvs_audit_entries_total", float64(o.store.Queued()-1))
		emit("kvs_audit_chain_ok", number(len(o.trail.reasons()) == 0))
	}
	for use, end := range o.certificates() {
		emit("kvs_cert_expiry_timestamp_seconds", float64(end.Unix()), use)
	}
}
