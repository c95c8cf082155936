package sim

import (
	"fmt"
	"slices"

	"kvs/statemachine/keyspace"
)

// image is what a host has reported of its store as of its last durable batch: a
// start must find just that.
type image struct {
	known   bool // a crash that kept a part of a batch leaves something in between
	figures figures
	members map[keyspace.ReplicaID]keyspace.Member // never ranged over
	flying  *flying                                // committed and not synced yet
}

// flying is a batch between commit and sync.
type flying struct {
	batch   *keyspace.Batch
	applied *keyspace.Applied
}

// figures are the numbers of a store that a batch reports, and a start too.
type figures struct {
	vv, floor             keyspace.VV
	sum                   keyspace.Sum
	live, tombs, expiring uint64
	asOf                  keyspace.Minute
	past                  [keyspace.MinutesBack]keyspace.Sum
	stamps                Millis
	transfer              keyspace.Transfer
}

// landed takes the batch over that is durable now.
func (m *image) landed() {
	if m.flying == nil {
		return
	}
	a := m.flying.applied
	m.figures = figures{a.VV.Clone(), a.Floor.Clone(), a.Sum, a.Live, a.Tombstones, a.Expiring, a.AsOf, a.Past,
		a.Stamps, a.Transfer.Clone()}
	for _, e := range m.flying.batch.Members {
		m.members[e.Replica] = e
	}
	m.flying = nil
}

// crashed takes note of how many transactions of the batch survive a crash.
func (m *image) crashed(kept, lost int) {
	switch {
	case lost == 0:
		m.landed()
	case kept > 0:
		m.known = false
	}
	m.flying = nil
}

// restarted compares what a start has found with what the run before it had
// reported, minus what was not synced.
func (m *image) restarted(h *host, snap *keyspace.Snapshot) {
	found := figures{snap.VV, snap.Floor, snap.Sum, snap.Live, snap.Tombstones, snap.Expiring, snap.AsOf, snap.Past,
		snap.Stamps, snap.Transfer}
	changed := h.set || h.id != snap.Identity.Replica || h.w.opt.FalseClaims || len(snap.Lost) > 0
	if m.known && !changed {
		if what := m.figures.differs(&found); what != "" {
			h.w.fail("restart", "host %d restarted with another %s: had reported %v, found %v", h.index, what,
				&m.figures, &found)
		}
		m.sameMembers(h, snap.Members)
	}
	found.vv, found.floor, found.transfer = found.vv.Clone(), found.floor.Clone(), found.transfer.Clone()
	*m = image{known: true, figures: found, members: make(map[keyspace.ReplicaID]keyspace.Member)}
	for _, e := range snap.Members {
		m.members[e.Replica] = e
	}
}

// sameMembers compares the members that a start has found.
func (m *image) sameMembers(h *host, found []keyspace.Member) {
	for _, e := range found {
		if was, known := m.members[e.Replica]; !known || was != e {
			h.w.fail("restart", "host %d restarted with %v among its members, had %v", h.index, e, was)
		}
	}
	if len(found) != len(m.members) {
		h.w.fail("restart", "host %d restarted with %d members, had %d", h.index, len(found), len(m.members))
	}
}

// differs names what two sets of figures differ in, "" for nothing.
func (f *figures) differs(o *figures) string {
	switch a, b := &f.transfer, &o.transfer; {
	case !f.vv.Equal(o.vv):
		return "vector"
	case !f.floor.Equal(o.floor) || f.stamps != o.stamps:
		return "floor"
	case f.asOf != o.asOf:
		return "minute"
	case f.sum != o.sum || !slices.Equal(f.past[:], o.past[:]):
		return "sum"
	case f.live != o.live || f.tombs != o.tombs || f.expiring != o.expiring:
		return "count"
	case a.Phase != b.Phase || a.Reconcile != b.Reconcile || a.After != b.After || a.Cutoff != b.Cutoff,
		!a.Base.Equal(b.Base), !a.Floor.Equal(b.Floor):
		return "transfer"
	}
	return ""
}

// String prints the figures for the report of a failure.
func (f *figures) String() string {
	return fmt.Sprintf("%v floor %v sum %v live %d tombstones %d expiring %d minute %d phase %d", f.vv, f.floor,
		f.sum, f.live, f.tombs, f.expiring, f.asOf, f.transfer.Phase)
}
