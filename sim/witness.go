package sim

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// witness stands beside a host and remembers what it has made durable, so that
// it can tell when the host forgets or goes back.
type witness struct {
	high map[string]keyspace.Version // greatest durable version of each key

	seen, wall Millis // its durable clock floor

	run       int   // the start that the rest is about
	checked   int   // writes of the model that were looked at
	unclaimed []int // of these, those that the host did not claim yet
}

func newWitness() witness { return witness{high: map[string]keyspace.Version{}} }

// durable checks that a batch only moved records forward (no resurrection on
// this host), and remembers them.
func (t *witness) durable(h *host, b *keyspace.Batch, a *keyspace.Applied) {
	for i := range a.Outcomes {
		o := &a.Outcomes[i]
		if o.Kind != keyspace.Won {
			continue
		}
		key := ""
		if i < len(b.Writes) {
			key = b.Writes[i].Key
		} else {
			key = b.Entries[i-len(b.Writes)].Key
		}
		old, known := t.high[key]
		if known && !beats(o.Header.Ver, old) {
			h.w.fail("monotone", "host %d replaced %v of %s by %v", h.index, old, key, o.Header.Ver)
		}
		t.high[key] = o.Header.Ver
	}
}

// atLeast checks that the host durably holds a version or a greater one.
func (t *witness) atLeast(h *host, oracle, key string, v keyspace.Version) {
	have, known := t.high[key]
	if !known || beats(v, have) {
		h.w.fail(oracle, "host %d has %v of %s, less than %v", h.index, have, key, v)
	}
}

// reopened checks after a start that the disk still holds all that was durable.
func (t *witness) reopened(h *host) {
	t.forward(h)
	stored := h.records()
	keys := make([]string, 0, len(t.high))
	for k := range t.high {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		rec, ok := stored[k]
		if !ok || beats(t.high[k], rec.hdr.Ver) {
			h.w.fail("durability", "host %d restarted with %v of %s, had %v", h.index, rec.hdr.Ver, k,
				t.high[k])
		}
	}
	for k, rec := range stored { // order cannot matter: each key is its own
		t.high[k] = rec.hdr.Ver
	}
}
