package sim

import (
	"strings"

	"kvs/statemachine/keyspace"
)

// model is the set of all writes that any host ever stamped. Oracles judge by
// it, in words of its own: it never calls the core's order or merge.
type model struct {
	w      *World
	writes []issued
	byDot  map[keyspace.Dot]int // never ranged over
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
}

func newModel(w *World) *model {
	return &model{w: w, byDot: map[keyspace.Dot]int{}, promised: map[string]issued{}}
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
func (m *model) stamped(b *keyspace.Batch, a *keyspace.Applied) {
	for i := range b.Writes {
		o := &a.Outcomes[i]
		if o.Kind == keyspace.Refused {
			continue
		}
		if _, twice := m.byDot[o.Header.Dot]; twice {
			m.w.fail("dots", "%v was given to two writes", o.Header.Dot)
			return
		}
		m.byDot[o.Header.Dot] = len(m.writes)
		m.writes = append(m.writes, issued{
			b.Writes[i].Key, o.Header.Dot, o.Header.Ver, b.Writes[i].Delete, string(b.Writes[i].Value),
		})
	}
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
	for k, b := range h.disk.Reader().Ascend(keyspace.DataKey(""), keyspace.DataEnd()) {
		rec, ok := keyspace.DecodeRecord(b)
		if keyspace.IsDamaged(b) {
			continue // nobody can see it
		}
		if !ok {
			h.w.fail("records", "host %d holds a malformed record of %s", h.index, k[1:])
		}
		out[keyspace.UserKey(k)] = record{rec.Header, string(rec.Value)}
	}
	return out
}
