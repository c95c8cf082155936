package sim

import (
	"fmt"
	"slices"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// inspect checks now and then, in the middle of everything, what must hold at
// all times.
func (w *World) inspect() {
	all := make([]statemachine.Status, len(w.hosts)) // dear, so of each host only once
	for i, h := range w.hosts {
		if h.up {
			all[i] = h.node.Status()
			w.rights.inspect(h)
			w.claims(h, all[i].VV)
			w.tree(h)
			w.expiry(h)
			w.loads(h)
		}
	}
	w.undetected(all)
	w.clients.overdue()
	w.askers.overdue()
	w.readers.overdue()
	w.sessions.overdue()
	if !w.calm {
		w.queue.push(w.now+5_000, w.inspect)
	}
}

// claims checks I1 itself: a host whose vector contains a write holds that
// write or a greater version of its key. What was found true stays true, as the
// witness sees to it that records only move forward, so each write is checked
// until the host claims it, and all of them again after a restart.
func (w *World) claims(h *host, vv keyspace.VV) {
	if w.opt.FalseClaims {
		return
	}
	t := &h.witness
	if t.run != h.run {
		t.run, t.checked, t.unclaimed = h.run, 0, nil
	}
	for ; t.checked < len(w.model.writes); t.checked++ {
		t.unclaimed = append(t.unclaimed, t.checked)
	}
	kept := t.unclaimed[:0]
	for _, i := range t.unclaimed {
		wr := &w.model.writes[i]
		if !vv.Contains(wr.dot) {
			kept = append(kept, i)
			continue
		}
		if !wr.void {
			t.atLeast(h, "claim", wr.key, wr.ver)
		}
	}
	t.unclaimed = kept
}

// tree compares the digest that a host keeps with one computed from its records, by
// the sums that its root is made of.
func (w *World) tree(h *host) {
	top := keyspace.LevelWidth(keyspace.LevelTop)
	fresh := make([]keyspace.Sum, top)
	hasher := keyspace.NewHasher(h.state.DigestKey())
	live := uint64(0)
	turned, within := h.turned()
	for k, b := range h.disk.Reader().Ascend(keyspace.DataKey(""), keyspace.DataEnd()) {
		rec, ok := keyspace.DecodeRecord(b)
		if !ok {
			continue // damaged: not counted
		}
		key := keyspace.UserKey(k)
		if rec.Tombstone() || expiredBy(rec.Expires, turned) {
			continue
		}
		node := uint32(hasher.Key(key).Leaf()) / (keyspace.LeafCount / top)
		fresh[node] = fresh[node].Plus(hasher.Record(key, &rec.Header))
		live++
	}
	if within {
		return // the tree is between two minutes
	}
	if live != h.state.Live() {
		w.fail("tree", "host %d counts %d records, and has %d", h.index, h.state.Live(), live)
	}
	for i, sum := range fresh {
		if kept := h.state.Tree().Node(keyspace.LevelTop, uint32(i)); kept != sum {
			w.fail("tree", "host %d keeps %v as sum %d, its records make %v", h.index, kept, i, sum)
		}
	}
}

// turned is the minute whose expired records have left the host's digest; within
// says that those of the next are leaving.
func (h *host) turned() (minute keyspace.Minute, within bool) {
	return h.state.AsOf(), h.state.Turning()
}

// expiredBy states the rule once more: a record leaves the digest at the end of
// the minute in which it expires.
func expiredBy(expires Millis, minute keyspace.Minute) bool {
	return expires != 0 && (expires+59_999)/60_000 <= Millis(minute)
}

// differing says why the hosts have not become one cluster with one content
// yet, "" if they have.
func (w *World) differing() string { return w.apart(w.hosts) }

// apart is differing of some of the hosts alone.
func (w *World) apart(hosts []*host) string {
	first := hosts[0].node.Status()
	for _, h := range hosts {
		s := h.node.Status()
		switch {
		case len(h.work) > 0 || h.busy:
			return fmt.Sprintf("host %d is still writing", h.index)
		case s.Mode != statemachine.ModeNormal || s.Transfer.Active():
			return fmt.Sprintf("host %d is %v, phase %v", h.index, s.Mode, s.Transfer.Phase)
		case s.Identity.Cluster != first.Identity.Cluster:
			return fmt.Sprintf("hosts %d and %d are in different clusters", hosts[0].index, h.index)
		case !s.VV.Equal(first.VV) && !full(s.VV, first.VV):
			return fmt.Sprintf("host %d claims %v, host %d claims %v", hosts[0].index, first.VV, h.index, s.VV)
		case s.AsOf != first.AsOf && s.Expiring > 0:
			return fmt.Sprintf("hosts %d and %d are at minutes %d and %d", hosts[0].index, h.index, first.AsOf, s.AsOf)
		case s.Sum != first.Sum:
			return fmt.Sprintf("hosts %d and %d have equal vectors and different digests", hosts[0].index,
				h.index)
		}
		if why := w.membership(h, hosts, s); why != "" {
			return why
		}
	}
	return ""
}

// full says that two vectors differ in nothing but streams of which one of them can
// remember no other gap: entries come over all the same, and their dots do not.
func full(a, b keyspace.VV) bool {
	for _, s := range append(a.Beyond(b), b.Beyond(a)...) {
		if max(len(a.Of(s.Stream).Ranges), len(b.Of(s.Stream).Ranges)) < keyspace.RangesMax {
			return false
		}
	}
	return true
}

// crowded says that a vector can remember no other gap of one of its streams.
func crowded(v keyspace.VV) bool {
	return slices.ContainsFunc(v.Sets(), func(s keyspace.StreamSet) bool {
		return len(s.Ranges) == keyspace.RangesMax
	})
}

// membership says what is wrong with a host's view of the others: every one must
// be in it, alive and connected.
func (w *World) membership(h *host, others []*host, s statemachine.Status) string {
	for _, o := range others {
		i := slices.IndexFunc(s.Members, func(m statemachine.MemberView) bool { return m.Replica == o.id })
		if i < 0 {
			return fmt.Sprintf("host %d does not list host %d, %v", h.index, o.index, o.id)
		}
		m := s.Members[i]
		if m.State != statemachine.MemberAlive || !m.Connected {
			return fmt.Sprintf("host %d holds %s for %v, connected %v", h.index, m.Name, m.State, m.Connected)
		}
		if m.Reach != statemachine.Reachable {
			return fmt.Sprintf("host %d holds %s for %v", h.index, m.Name, m.Reach)
		}
	}
	for _, m := range s.Members {
		if w.running(m.Replica) == nil && m.State == statemachine.MemberAlive && m.Connected {
			return fmt.Sprintf("host %d holds %s for connected, and nobody is %v", h.index, m.Name, m.Replica)
		}
	}
	return ""
}

// running is the host that is this replica now, nil if none is: if several have its
// disk, one that is up, or that was last.
func (w *World) running(id statemachine.ReplicaID) (is *host) {
	for _, h := range w.hosts {
		switch {
		case h.id != id || is != nil && is.up:
		case is == nil, h.up, h.downAt > is.downAt:
			is = h
		}
	}
	return is
}

// littered says what is left that collection should have taken by now, "" if
// nothing is.
func (w *World) littered() string {
	old := w.oldestWall() - w.opt.Core.Retention
	for _, h := range w.hosts {
		s := h.node.Status()
		if s.Loss.Kind == keyspace.LossGap || crowded(s.VV) {
			continue // it waits for its owner's word, or can include no report any more
		}
		for key, rec := range h.stored {
			gone := rec.Tombstone() && rec.Ver.TS <= old ||
				rec.Expires != 0 && rec.Expires <= min(old, w.oldestWall()-5*60_000)-60_000
			if gone {
				return fmt.Sprintf("host %d still has %v of %s; blocked by %v, %d pins", h.index,
					rec.Ver, key, s.Blocked, s.Pins)
			}
		}
	}
	return ""
}

// oldestWall is the time on the clock that is the furthest behind.
func (w *World) oldestWall() Millis {
	at := never
	for _, h := range w.hosts {
		at = min(at, h.now().Wall)
	}
	return at
}

// judge checks the final content against the model.
func (w *World) judge() {
	if w.failure != nil {
		return
	}
	w.inspect()
	first := w.visible(w.hosts[0])
	for _, h := range w.hosts[1:] {
		w.sameRecords(h, first)
		w.sameRoot(h, w.hosts[0])
	}
	all := w.hosts[0].records()
	w.nothingLost(all)
	w.nothingInvented(all)
	w.newestWins(all)
	w.nothingBack(first)
	if len(w.clients.open) > 0 {
		w.fail("responses", "%d requests were never answered", len(w.clients.open))
	}
	quiet := !w.plays() && w.opt.DisasterEvery == 0 && w.opt.OperateEvery == 0
	c := w.clients
	if quiet && w.opt.Duration >= 60_000 && (c.acked+c.refused < 50 || c.deletes+c.refused < 10) {
		w.fail("workload", "only %d writes, %d deletes and %d refusals", c.acked, c.deletes, c.refused)
	}
}

// visible is what a reader sees on a host, records apart that may have expired
// on one clock and not on another.
func (w *World) visible(h *host) map[string]record {
	newest := Millis(0)
	for _, o := range w.hosts {
		newest = max(newest, o.now().Wall)
	}
	out := make(map[string]record)
	for key, rec := range h.records() {
		if !rec.hdr.Tombstone() && (rec.hdr.Expires == 0 || rec.hdr.Expires > newest) {
			out[key] = rec
		}
	}
	return out
}

// sameRecords compares what is visible on a host with the first host: version,
// expiry and value. Tombstones go at different times.
func (w *World) sameRecords(h *host, first map[string]record) {
	mine := w.visible(h)
	for _, key := range sortedKeys(first) {
		a, b := first[key], mine[key]
		if a.hdr.Ver != b.hdr.Ver || a.hdr.Expires != b.hdr.Expires || a.value != b.value {
			w.fail("convergence", "hosts 0 and %d differ in %s: %v and %v", h.index, key, a.hdr.Ver, b.hdr.Ver)
		}
	}
	if len(mine) != len(first) {
		w.fail("convergence", "host 0 shows %d records, host %d %d", len(first), h.index, len(mine))
	}
}

// sameRoot compares the public roots of two hosts that are at the same minute.
func (w *World) sameRoot(a, b *host) {
	one, turns := a.turned()
	two, alsoTurns := b.turned()
	if one == two && !turns && !alsoTurns && a.state.Tree().Root() != b.state.Tree().Root() {
		w.fail("convergence", "hosts %d and %d have equal records and different roots", a.index, b.index)
	}
}

// nothingLost checks that every acknowledged write is there, or a version that
// beats it, or that it was forgotten in good order.
func (w *World) nothingLost(final map[string]record) {
	for _, key := range w.model.keys {
		p := w.model.promised[key]
		if w.model.forgotten(key, p.ver) || w.model.lost[p.ver] {
			continue
		}
		rec, ok := final[key]
		if !ok || beats(p.ver, rec.hdr.Ver) {
			w.fail("lost write", "%s: acknowledged %v, in the end %v", key, p.ver, rec.hdr.Ver)
		}
	}
}

// nothingInvented checks that every record is a write that was made, unchanged.
func (w *World) nothingInvented(final map[string]record) {
	for _, key := range sortedKeys(final) {
		rec := final[key]
		i, ok := w.model.byVersion[rec.hdr.Ver]
		if !ok {
			w.fail("invented", "%s: nobody wrote %v", key, rec.hdr.Ver)
			return
		}
		wr := &w.model.writes[i]
		if wr.key != key || wr.value != rec.value || wr.deleted != rec.hdr.Tombstone() {
			w.fail("invented", "%s: %v is not what was written as %v", key, rec.hdr.Ver, wr.ver)
		}
	}
}

// newestWins checks that no write which the cluster claims beats the final
// record of its key: a deleted key does not come back, and ties fall one way.
func (w *World) newestWins(final map[string]record) {
	vv := w.hosts[0].node.Status().VV
	for i := range w.model.writes {
		wr := &w.model.writes[i]
		if wr.void || !vv.Contains(wr.dot) || w.model.forgotten(wr.key, wr.ver) {
			continue
		}
		if rec, ok := final[wr.key]; !ok || beats(wr.ver, rec.hdr.Ver) {
			w.fail("winner", "%s: %v should have won over %v", wr.key, wr.ver, rec.hdr.Ver)
		}
	}
}

// nothingBack checks that no visible record is older than a deletion of its key
// that was forgotten, nor the expired record itself.
func (w *World) nothingBack(final map[string]record) {
	for _, key := range sortedKeys(final) {
		rec := final[key]
		if !w.alone && !rec.hdr.Tombstone() && w.model.deleted(key, rec.hdr.Ver) {
			w.fail("resurrection", "%s is back as %v, of which %v was purged", key, rec.hdr.Ver,
				w.model.purged[key])
		}
	}
}

func sortedKeys(m map[string]record) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
