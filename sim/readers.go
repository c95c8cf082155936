package sim

import (
	"math/rand/v2"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// readersFrom is the first request of the readers, beyond those of the askers.
const readersFrom statemachine.RequestID = 1 << 41

// readWithin bounds the wait for an answer to a read: a little longer than a node
// waits for its source.
const readWithin Millis = 2_500

// readers are clients that read from hosts which have not got all records yet:
// from the host's disk, and through the core what is not there.
type readers struct {
	questions[reading]
	rng     *rand.Rand
	found   int // keys that only the source had
	absent  int // keys that it did not have
	refused int
}

// reading is a question that went to the core.
type reading struct {
	key string
	// everywhere says that all hosts with all records had a value then.
	everywhere bool
}

func newReaders(w *World, rng *rand.Rand) *readers {
	within := readWithin + 100*w.opt.SyncMean
	return &readers{questions: newQuestions[reading](w, "read", readersFrom, within), rng: rng}
}

// act reads a key from every host that has a part of the records.
func (r *readers) act() {
	for _, h := range r.w.hosts {
		if !h.up || h.still || !h.copying() || h.node.Status().Mode == statemachine.ModeSyncing {
			continue
		}
		r.w.act(ActLookup, of(h), int64(r.rng.IntN(r.w.opt.Keys)))
	}
}

// perform reads a key from a host, which answers by itself or asks its source.
func (r *readers) perform(h *host, key string) {
	if !h.copying() || h.disk.Reader().Get(keyspace.DataKey(key)) != nil {
		return // the host answers by itself
	}
	id := r.ask(h, reading{key, r.everywhere(key)})
	h.step(statemachine.Lookup{Request: id, Key: key})
}

// everywhere says that all hosts that have all records have a value of a key that
// does not expire.
func (r *readers) everywhere(key string) bool {
	some := false
	for _, h := range r.w.hosts {
		if !h.up || h.copying() {
			continue
		}
		rec, ok := keyspace.DecodeRecord(h.disk.Reader().Get(keyspace.DataKey(key)))
		if !ok || rec.Tombstone() || rec.Expires != 0 {
			return false
		}
		some = true
	}
	return some
}

// answered checks that an answer is due, that a key is not absent which all had
// when it was asked for and still have, and that what was found was written.
func (r *readers) answered(h *host, e statemachine.Done) {
	q, ok := r.questions.answered(h, e.Request)
	if !ok {
		return
	}
	found := e.Result.Found
	switch {
	case e.Result.Refused != statemachine.RefusedNot:
		r.refused++
	case e.Result.Complete:
	case found == nil || found.Tombstone():
		r.absent++
		if q.everywhere && r.everywhere(q.key) {
			r.w.fail("read", "host %d says that %s is absent, which all others have", h.index, q.key)
		}
	default:
		r.found++
		i, known := r.w.model.byVersion[found.Ver]
		if !known || r.w.model.writes[i].key != q.key || r.w.model.writes[i].value != string(found.Value) {
			r.w.fail("invented", "host %d reads %v of %s, which nobody wrote", h.index, found.Ver, q.key)
		}
	}
}

// begin reads again and again until the end of the fault phase.
func (r *readers) begin() {
	if r.w.opt.ReadEvery <= 0 || r.w.now >= r.w.opt.Duration {
		return
	}
	r.act()
	r.w.queue.plan(r.w.now+1+exponential(r.rng, r.w.opt.ReadEvery), r.begin)
}
