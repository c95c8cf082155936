package sim

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// witness stands beside a host and remembers what it has made durable, so that
// it can tell when the host forgets or goes back.
type witness struct {
	high map[string]keyspace.Version // greatest durable version of each key

	gone map[string]keyspace.Version // greatest version of each key that expired there

	seen, wall Millis // its durable clock floor

	// synced are high, gone, seen and wall as of the last barrier; loose says that records
	// went in good order since, so that not all of high must be there after a crash.
	synced *witness
	loose  bool

	run       int   // the start that the rest is about
	checked   int   // writes of the model that were looked at
	unclaimed []int // of these, those that the host did not claim yet
}

func newWitness() witness {
	return witness{high: map[string]keyspace.Version{}, gone: map[string]keyspace.Version{}}
}

// durable checks that a batch only moved records forward (no resurrection on
// this host), and remembers them.
func (t *witness) durable(h *host, b *keyspace.Batch, a *keyspace.Applied) {
	for _, p := range a.Purged {
		delete(t.high, p.Key)
	}
	for _, p := range a.Unplaced {
		delete(t.high, p.Key)
		t.loose = true
	}
	if b.Chunk != nil && b.Chunk.Reconcile {
		t.loose = true
		t.reread(h) // records of an earlier life may be gone
		return
	}
	for i := range a.Outcomes {
		o := &a.Outcomes[i]
		if o.Kind != keyspace.Won {
			continue
		}
		key := keyOf(b, i)
		old, known := t.high[key]
		if known && beats(old, o.Header.Ver) { // equal: a salvaged copy gives way to the original
			h.w.fail("monotone", "host %d replaced %v of %s by %v", h.index, old, key, o.Header.Ver)
		}
		if m := h.w.model; m.mustNotTake(h, key, o.Header.Ver) && !o.Header.Tombstone() && h.upright() {
			h.w.fail("resurrection", "host %d took %v of %s, of which %v was purged", h.index,
				o.Header.Ver, key, m.purged[key])
		}
		t.high[key] = o.Header.Ver
	}
}

// reread forgets what the host knew and takes what its disk holds now.
func (t *witness) reread(h *host) {
	clear(t.high)
	clear(t.gone)
	t.seen, t.wall = h.state.Clock()
	for k, rec := range h.records() { // order cannot matter: each key is its own
		t.high[k] = rec.hdr.Ver
	}
}

// atLeast checks that the host durably holds a version or a greater one, or that
// such a one was there and was purged.
func (t *witness) atLeast(h *host, oracle, key string, v keyspace.Version) {
	have, known := t.high[key]
	if !known && h.w.model.forgotten(key, v) {
		return
	}
	if !known || beats(v, have) {
		h.w.fail(oracle, "host %d has %v of %s, less than %v", h.index, have, key, v)
	}
}

// reopened checks after a start that the disk still holds all that was durable.
func (t *witness) reopened(h *host) {
	if h.set {
		// A fault has changed the disk behind the host's back.
		h.set = false
		t.reread(h)
		return
	}
	t.forward(h)
	stored := h.records()
	keys := make([]string, 0, len(t.high))
	for k := range t.high {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		rec, ok := stored[k]
		if !ok && h.w.model.forgotten(k, t.high[k]) {
			delete(t.high, k) // the purge was committed, and survived
			continue
		}
		if !ok || beats(t.high[k], rec.hdr.Ver) {
			h.w.fail("durability", "host %d restarted with %v of %s, had %v", h.index, rec.hdr.Ver, k,
				t.high[k])
		}
	}
	for k, rec := range stored { // order cannot matter: each key is its own
		t.high[k] = rec.hdr.Ver
	}
}

// keyOf is the key of a batch's outcome: those of writes come first.
func keyOf(b *keyspace.Batch, outcome int) string {
	if outcome < len(b.Writes) {
		return b.Writes[outcome].Key
	}
	return b.Entries[outcome-len(b.Writes)].Key
}
