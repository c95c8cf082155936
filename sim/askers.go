package sim

import (
	"math/rand/v2"

	"kvs/statemachine"
)

// askersFrom is the first request of the askers, beyond those of operators.
const askersFrom statemachine.RequestID = 1 << 40

// answerWithin bounds the wait for the answer to a question: longer than a
// partner may keep silent, or busy, in every step of a comparison.
const answerWithin Millis = 40_000

// askers are people who compare hosts and switch their modes, at any time. Each
// command must be answered exactly once.
type askers struct {
	w    *World
	rng  *rand.Rand
	next statemachine.RequestID
	open map[statemachine.RequestID]question // never ranged over
	// waiting lists open questions in the order of their asking.
	waiting []statemachine.RequestID
	count   int // of answers
}

// question is a command under way.
type question struct {
	host *host
	run  int
	at   Millis
}

func newAskers(w *World, rng *rand.Rand) *askers {
	return &askers{w: w, rng: rng, next: askersFrom, open: map[statemachine.RequestID]question{}}
}

// act asks one host for something.
func (a *askers) act() {
	h := a.w.clients.upHost()
	if h == nil {
		return
	}
	a.next++
	a.open[a.next] = question{h, h.run, a.w.now}
	a.waiting = append(a.waiting, a.next)
	peer := a.w.hosts[a.rng.IntN(len(a.w.hosts))].id // maybe its own, maybe one of an earlier life
	switch a.rng.IntN(4) {
	case 0:
		h.step(statemachine.SyncNow{Request: a.next})
	case 1:
		h.step(statemachine.SyncNow{Request: a.next, Peer: peer})
	default:
		h.step(statemachine.Diff{Request: a.next, Peer: peer})
	}
}

// answered checks that an answer is due.
func (a *askers) answered(h *host, e statemachine.Done) {
	q, ok := a.open[e.Request]
	if !ok || q.host != h || q.run != h.run {
		a.w.fail("responses", "command %d answered twice or by another host", e.Request-askersFrom)
		return
	}
	delete(a.open, e.Request)
	a.count++
	if e.Result.Refused != statemachine.RefusedNot && len(e.Result.Differences) > 0 {
		a.w.fail("responses", "command %d was refused and found %d differences", e.Request-askersFrom,
			len(e.Result.Differences))
	}
}

// overdue checks that every host that is up answers, whatever the network does.
func (a *askers) overdue() {
	kept := a.waiting[:0]
	for _, id := range a.waiting {
		q, ok := a.open[id]
		switch {
		case !ok:
		case !q.host.up || q.host.run != q.run:
			delete(a.open, id) // the run ended before
		case a.w.now-q.at > answerWithin:
			a.w.fail("availability", "command %d waits for host %d since %d", id-askersFrom, q.host.index, q.at)
		default:
			kept = append(kept, id)
		}
	}
	a.waiting = kept
}
