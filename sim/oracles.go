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
	for _, h := range w.hosts {
		if h.up {
			w.claims(h)
			w.tree(h)
		}
	}
	w.undetected()
	w.clients.overdue()
	if !w.calm {
		w.queue.push(w.now+5_000, w.inspect)
	}
}

// claims checks I1 itself: a host whose vector contains a write holds that
// write or a greater version of its key. What was found true stays true, as the
// witness sees to it that records only move forward, so each write is checked
// until the host claims it, and all of them again after a restart.
func (w *World) claims(h *host) {
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
	vv := h.node.Status().VV
	kept := t.unclaimed[:0]
	for _, i := range t.unclaimed {
		wr := &w.model.writes[i]
		if !vv.Contains(wr.dot) {
			kept = append(kept, i)
			continue
		}
		t.atLeast(h, "claim", wr.key, wr.ver)
	}
	t.unclaimed = kept
}

// tree compares the digest that a host keeps with one computed from its
// records, sum by sum.
func (w *World) tree(h *host) {
	var fresh keyspace.Tree
	hasher := keyspace.NewHasher(h.state.DigestKey())
	live := uint64(0)
	for k, b := range h.disk.Reader().Ascend(keyspace.DataKey(""), keyspace.DataEnd()) {
		rec, _ := keyspace.DecodeRecord(b)
		key := keyspace.UserKey(k)
		fresh.Add(hasher.Key(key).Leaf(), hasher.Record(key, &rec.Header))
		if !rec.Tombstone() {
			live++
		}
	}
	if fresh.Root() != h.state.Tree().Root() || live != h.state.Live() {
		w.fail("tree", "host %d keeps %v over %d records, its records make %v over %d", h.index,
			h.state.Tree().Node(0, 0), h.state.Live(), fresh.Node(0, 0), live)
	}
}

// differing says why the hosts have not become one cluster with one content
// yet, "" if they have.
func (w *World) differing() string {
	first := w.hosts[0].node.Status()
	for _, h := range w.hosts {
		s := h.node.Status()
		switch {
		case len(h.work) > 0 || h.busy:
			return fmt.Sprintf("host %d is still writing", h.index)
		case s.Identity.Cluster != first.Identity.Cluster:
			return fmt.Sprintf("hosts 0 and %d are in different clusters", h.index)
		case !s.VV.Equal(first.VV):
			return fmt.Sprintf("host 0 claims %v, host %d claims %v", first.VV, h.index, s.VV)
		case s.Sum != first.Sum:
			return fmt.Sprintf("hosts 0 and %d have equal vectors and different digests", h.index)
		}
		if why := w.membership(h, s); why != "" {
			return why
		}
	}
	return ""
}

// membership says what is wrong with a host's view of the cluster.
func (w *World) membership(h *host, s statemachine.Status) string {
	if len(s.Members) != len(w.hosts) {
		return fmt.Sprintf("host %d lists %d members of %d", h.index, len(s.Members), len(w.hosts))
	}
	for _, m := range s.Members {
		if m.State != statemachine.MemberAlive || !m.Connected {
			return fmt.Sprintf("host %d holds %s for %v, connected %v", h.index, m.Name, m.State, m.Connected)
		}
		if m.Reach != statemachine.Reachable {
			return fmt.Sprintf("host %d holds %s for %v", h.index, m.Name, m.Reach)
		}
	}
	return ""
}

// judge checks the final content against the model.
func (w *World) judge() {
	if w.failure != nil {
		return
	}
	w.inspect()
	first := w.hosts[0].records()
	for _, h := range w.hosts[1:] {
		w.sameRecords(h, first)
	}
	w.nothingLost(first)
	w.nothingInvented(first)
	w.newestWins(first)
	if len(w.clients.open) > 0 {
		w.fail("responses", "%d requests were never answered", len(w.clients.open))
	}
	if w.opt.Duration >= 60_000 && (w.clients.acked < 50 || w.clients.deletes < 10) {
		w.fail("workload", "only %d writes and %d deletes", w.clients.acked, w.clients.deletes)
	}
}

// sameRecords compares a host's records with the first host's: version,
// deletion, expiry and value. Tombstones count too, as nothing collects them;
// only where vectors lie, a replica may lack both a record and its deletion.
func (w *World) sameRecords(h *host, first map[string]record) {
	mine := h.records()
	if w.opt.FalseClaims {
		first, mine = visible(first), visible(mine)
	}
	for _, key := range sortedKeys(first) {
		a, b := first[key], mine[key]
		if a.hdr != b.hdr || a.value != b.value {
			w.fail("convergence", "hosts 0 and %d differ in %s: %v and %v", h.index, key, a.hdr.Ver, b.hdr.Ver)
		}
	}
	if len(mine) != len(first) {
		w.fail("convergence", "host 0 holds %d records, host %d %d", len(first), h.index, len(mine))
	}
}

// nothingLost checks that every acknowledged write is there, or a version that
// beats it.
func (w *World) nothingLost(final map[string]record) {
	for _, key := range w.model.keys {
		p := w.model.promised[key]
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
		i, ok := w.model.byDot[rec.hdr.Dot]
		if !ok {
			w.fail("invented", "%s: nobody wrote %v", key, rec.hdr.Dot)
			return
		}
		wr := &w.model.writes[i]
		if wr.key != key || wr.ver != rec.hdr.Ver || wr.value != rec.value ||
			wr.deleted != rec.hdr.Tombstone() {
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
		if rec, ok := final[wr.key]; vv.Contains(wr.dot) && (!ok || beats(wr.ver, rec.hdr.Ver)) {
			w.fail("winner", "%s: %v should have won over %v", wr.key, wr.ver, rec.hdr.Ver)
		}
	}
}

// visible leaves out the tombstones.
func visible(all map[string]record) map[string]record {
	out := make(map[string]record)
	for key, rec := range all {
		if !rec.hdr.Tombstone() {
			out[key] = rec
		}
	}
	return out
}

func sortedKeys(m map[string]record) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
