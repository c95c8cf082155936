package sim

import "kvs/statemachine/keyspace"

// expiry checks what a reader of a host would see against the times that the
// clients asked for: nothing is served past its time by the host's own clock,
// wherever the record comes from, and what has expired here never lets an older
// version of its key be seen here again.
func (w *World) expiry(h *host) {
	if h.set {
		return
	}
	now := h.now().Wall
	for k, b := range h.disk.Reader().Ascend(keyspace.DataKey(""), keyspace.DataEnd()) {
		rec, ok := keyspace.DecodeRecord(b)
		if !ok || rec.Tombstone() {
			continue // damaged, or nobody sees it
		}
		key := keyspace.UserKey(k)
		if !rec.Live(now) {
			h.witness.expired(key, rec.Ver)
			w.markIf(MarkExpiredApart, w.net.divided())
			continue
		}
		if i, known := w.model.byVersion[rec.Ver]; known {
			if until := w.model.writes[i].until; until != 0 && now > until {
				w.fail("expiry", "host %d serves %v of %s at %d by its clock, past %d", h.index, rec.Ver, key, now,
					until)
			}
		}
		old, gone := h.witness.gone[key]
		if gone && beats(old, rec.Ver) && !w.model.lost[old] && h.upright() && !h.apart() {
			w.fail("expiry", "host %d shows %v of %s again, of which %v has expired", h.index, rec.Ver, key, old)
		}
	}
}

// expired remembers the greatest version of a key that has expired here.
func (t *witness) expired(key string, v keyspace.Version) {
	if old, known := t.gone[key]; !known || beats(v, old) {
		t.gone[key] = v
	}
}

// until is when a write ends by the clock of its origin, 0 for never. The core
// may have counted from the timestamp, if that is ahead of the clock.
func until(b *keyspace.Batch, wr *keyspace.Write, v keyspace.Version) Millis {
	if wr.TTL == 0 || wr.Delete {
		return 0
	}
	return max(b.Now, v.TS) + wr.TTL
}
