package sim

import (
	"maps"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// Hosts that are async answer batches before they are durable, as a node does with
// durability async. Once a second a barrier makes durable what is committed, and the
// core is told. A crash takes what is newer: all of it, or all from some batch on. That
// may have been promised to clients; what must be there is what was durable, and what
// the core has said is durable.

const barrierEvery Millis = 1_000

// planBarrier schedules the next barrier of an async host.
func (h *host) planBarrier() {
	if h.async {
		h.later(barrierEvery, h.barrier)
	}
}

// barrier makes all that is committed durable.
func (h *host) barrier() {
	h.disk.Sync()
	h.settled()
	h.planBarrier()
	if h.newest != nil {
		in := statemachine.Synced{Batch: h.newest.Batch, VV: h.newest.VV}
		h.newest = nil
		h.step(in)
	}
}

// settled takes note that all on an async host's disk is durable.
func (h *host) settled() {
	if h.async {
		h.noteKnown()
		h.witness.settle()
	}
}

// staked lists the writes that an async host holds, some of which a crash may take.
func (h *host) staked() []int {
	if !h.async || h.disk.Unsynced() == 0 {
		return nil
	}
	return h.w.model.held(h)
}

// takenBack takes note of what a crash has taken from an async host: so many
// transactions, of the writes that it had.
func (h *host) takenBack(had []int, lost int) {
	h.risky = h.async
	if !h.async || lost == 0 {
		return
	}
	h.w.count.taken++
	h.w.mark(MarkAnsweredLost)
	h.image.known = false
	if !h.witness.fallBack() {
		h.set = true
	}
	h.w.film.reread(h)
	h.w.model.forfeit(had)
}

// surely is the vector of what no crash takes from a host.
func (h *host) surely() keyspace.VV {
	if h.async {
		return keyspace.LoadVV(h.disk.Durable().Reader())
	}
	return keyspace.LoadVV(h.disk.Reader())
}

// settle remembers what is durable by now.
func (t *witness) settle() {
	t.synced = &witness{high: maps.Clone(t.high), gone: maps.Clone(t.gone), seen: t.seen, wall: t.wall}
	t.loose = false
}

// fallBack goes back to what was durable; false if that does not say what must be there.
func (t *witness) fallBack() bool {
	if t.synced == nil || t.loose {
		return false
	}
	t.high, t.gone = maps.Clone(t.synced.high), maps.Clone(t.synced.gone)
	t.seen, t.wall = t.synced.seen, t.synced.wall
	return true
}
