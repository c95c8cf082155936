package sim

import (
	"slices"
	"strings"

	"kvs/statemachine/keyspace"
)

// model is the set of all writes that any host ever stamped. Oracles judge by
// it, in words of its own: it never calls the core's order or merge.
type model struct {
	w      *World
	writes []issued
	byDot  map[keyspace.Dot]int // never ranged over
	// purged holds the versions of each key that somebody has forgotten.
	purged map[string][]purged // never ranged over
	// byVersion finds what a client wrote under a version; salvaged copies of it
	// have other dots.
	byVersion map[keyspace.Version]int // never ranged over
	// lost holds the writes that no disk has any more, through no fault of the
	// core: their only disks were wiped or set back.
	lost map[keyspace.Version]bool // never ranged over
	// promised is the greatest acknowledged version of each key.
	promised map[string]issued
	keys     []string // of promised, in the order of their first write
}

// issued is one write as its origin stamped it.
type issued struct {
	key     string
	dot     keyspace.Dot
	ver     keyspace.Version
	deleted bool
	value   string
	void    bool             // the dot stands for nothing any more
	until   Millis           // when it ends by the clock of its origin, 0 for never
	base    keyspace.Version // what it replaced at its origin
}

// purged is a version that was forgotten.
type purged struct {
	ver keyspace.Version
	// cut says that the replica which forgot it stood apart without knowing: two
	// hosts shared its identity, or others had evicted it, or it had outlived all
	// whom it knew. What it forgets then, nobody else has heard of.
	cut bool
	// roster is whom that replica knew, and so waited for.
	roster []keyspace.ReplicaID
}

func newModel(w *World) *model {
	return &model{
		w: w, byDot: map[keyspace.Dot]int{}, promised: map[string]issued{},
		purged: map[string][]purged{}, byVersion: map[keyspace.Version]int{},
		lost: map[keyspace.Version]bool{},
	}
}

// beats states the seed's rule once more: newest timestamp, then the origin
// that joined first, then the lexicographically smaller UUID.
func beats(a, b keyspace.Version) bool {
	if a.TS != b.TS {
		return a.TS > b.TS
	}
	if a.Joined != b.Joined {
		return a.Joined < b.Joined
	}
	return strings.Compare(a.UUID.String(), b.UUID.String()) < 0
}

// stamped records the local writes of a batch.
func (m *model) stamped(h *host, b *keyspace.Batch, a *keyspace.Applied) {
	for i := range b.Writes {
		o := &a.Outcomes[i]
		if o.Kind == keyspace.Refused || o.Kind == keyspace.Unmet {
			continue
		}
		if _, twice := m.byDot[o.Header.Dot]; twice {
			m.w.fail("dots", "%v was given to two writes", o.Header.Dot)
			return
		}
		m.byDot[o.Header.Dot] = len(m.writes)
		m.byVersion[o.Header.Ver] = len(m.writes)
		m.writes = append(m.writes, issued{
			b.Writes[i].Key, o.Header.Dot, o.Header.Ver, b.Writes[i].Delete, string(b.Writes[i].Value),
			false, until(b, &b.Writes[i], o.Header.Ver), o.Header.Base,
		})
	}
	if b.Claim != nil && a.Claimed && len(b.Claim.Voids.Sets()) > 0 {
		for i := range m.writes {
			m.writes[i].void = m.writes[i].void || b.Claim.Voids.Contains(m.writes[i].dot)
		}
	}
	for i := range a.Salvaged {
		m.salvaged(&a.Salvaged[i])
	}
	for _, p := range a.Purged {
		m.purged[p.Key] = append(m.purged[p.Key], purged{p.Ver, h.apart(), h.waited})
		delete(m.lost, p.Ver) // it was on its way when its last disk was lost
	}
	for _, p := range a.Unplaced {
		m.logged(p.Ver)
	}
}

// logged takes note that the log of losers holds a version, and so stands for those
// that it had replaced: if nobody else ever saw them, it is what is left of them.
func (m *model) logged(v keyspace.Version) {
	for v != (keyspace.Version{}) && !m.lost[v] {
		m.lost[v] = true
		i, ok := m.byVersion[v]
		if !ok {
			return
		}
		v = m.writes[i].base
	}
}

// salvaged records a write that came over from an earlier life: the version must
// be known, the dot new.
func (m *model) salvaged(e *keyspace.Entry) {
	was, ok := m.byVersion[e.Ver]
	if e.Flags&keyspace.Salvaged == 0 && !ok { // a forgotten deletion, repeated
		was = len(m.writes)
		m.byDot[e.Dot], m.byVersion[e.Ver] = was, was
		m.writes = append(m.writes, issued{key: e.Key, dot: e.Dot, ver: e.Ver, deleted: true})
		return
	}
	if _, twice := m.byDot[e.Dot]; twice || !ok {
		m.w.fail("dots", "%v salvages %v, which nobody wrote, or is given twice", e.Dot, e.Ver)
		return
	}
	m.byDot[e.Dot] = len(m.writes)
	wr := m.writes[was]
	wr.dot, wr.void = e.Dot, false
	m.writes = append(m.writes, wr)
}

// forgotten says that a version, or a greater one of its key, was purged.
func (m *model) forgotten(key string, v keyspace.Version) bool {
	return slices.ContainsFunc(m.purged[key], func(p purged) bool {
		return !beats(v, p.ver)
	})
}

// deleted is forgotten, as far as it may never come back: no disaster has taken
// the deletion itself away.
func (m *model) deleted(key string, v keyspace.Version) bool {
	return slices.ContainsFunc(m.purged[key], func(p purged) bool { return m.bars(p, v) })
}

func (m *model) bars(p purged, v keyspace.Version) bool {
	return !beats(v, p.ver) && !m.lost[p.ver] && !p.cut && !m.dismissed(p.roster)
}

// dismissed says that all of some replicas have left or were evicted. If operators
// do that to a whole cluster while a newcomer with writes of its own is about to
// join it, what the cluster had forgotten goes with it.
func (m *model) dismissed(roster []keyspace.ReplicaID) bool {
	return !slices.ContainsFunc(roster, func(r keyspace.ReplicaID) bool { return !m.w.departed[r] })
}

// mustNotTake is deleted, as far as a host may not have the version even for a
// moment: whoever forgot the deletion had waited for it. Others find out when
// they meet.
func (m *model) mustNotTake(h *host, key string, v keyspace.Version) bool {
	return slices.ContainsFunc(m.purged[key], func(p purged) bool {
		return m.bars(p, v) && slices.Contains(p.roster, h.id)
	})
}

// acked records what a client was promised, and checks that the answering host
// has it.
func (m *model) acked(h *host, w keyspace.Write, v keyspace.Version) {
	old, known := m.promised[w.Key]
	if !known {
		m.keys = append(m.keys, w.Key)
	}
	if !known || beats(v, old.ver) {
		m.promised[w.Key] = issued{key: w.Key, ver: v, deleted: w.Delete, value: string(w.Value)}
	}
	if !m.w.opt.AckBeforeSync {
		h.witness.atLeast(h, "read your writes", w.Key, v)
	}
}

// record is one stored record as an oracle reads it.
type record struct {
	hdr   keyspace.Header
	value string
}

// records reads everything that a host's disk holds, by key.
func (h *host) records() map[string]record {
	out := map[string]record{}
	for key, rec := range h.stored {
		out[key] = record{rec.Header, string(rec.Value)}
	}
	return out
}

// stored yields what a host's disk holds, in the order of the keys.
func (h *host) stored(yield func(string, *keyspace.Record) bool) {
	for k, b := range h.disk.Reader().Ascend(keyspace.DataKey(""), keyspace.DataEnd()) {
		rec, ok := keyspace.DecodeRecord(b)
		if keyspace.IsDamaged(b) {
			continue // nobody can see it
		}
		if !ok {
			h.w.fail("records", "host %d holds a malformed record of %s", h.index, k[1:])
		}
		if !yield(keyspace.UserKey(k), &rec) {
			return
		}
	}
}
