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

// What askers may do beside comparing hosts.
const (
	askReadOnly = 4 // no client may write to a host from now on
	askWritable = 5 // or may again
)

// askers are people who compare hosts and give them other settings, at any time.
type askers struct {
	questions[struct{}]
	rng   *rand.Rand
	count int // of answers
}

func newAskers(w *World, rng *rand.Rand) *askers {
	return &askers{questions: newQuestions[struct{}](w, "command", askersFrom, answerWithin), rng: rng}
}

// act asks one host for something.
func (a *askers) act() {
	h := a.w.clients.up(a.w.clients.rng)
	if h == nil {
		return
	}
	peer := a.w.hosts[a.rng.IntN(len(a.w.hosts))] // maybe itself
	a.w.act(ActAsk, of(h, peer), int64(a.rng.IntN(4)))
}

// perform asks one host for something.
func (a *askers) perform(h *host, peer statemachine.ReplicaID, does int) {
	id := a.ask(h, struct{}{})
	switch does {
	case 0:
		h.step(statemachine.SyncNow{Request: id})
	case 1:
		h.step(statemachine.SyncNow{Request: id, Peer: peer})
	case askReadOnly, askWritable:
		h.step(statemachine.SetMode{Request: id, ReadOnly: does == askReadOnly})
	default:
		h.step(statemachine.Diff{Request: id, Peer: peer})
	}
}

// tune gives one host other settings, none of which may keep it from converging.
func (a *askers) tune() {
	h := a.w.clients.up(a.w.clients.rng)
	if h == nil {
		return
	}
	t := a.w.opt.Core.Tuning
	t.GossipMin = between(a.rng, 100, t.GossipMax)
	t.Sync, t.Catchup = between(a.rng, 100, t.Sync), between(a.rng, 100, t.Catchup)
	t.FailedAfter = between(a.rng, 1_000, t.RemovedAfter-1)
	t.Throttle, t.FetchDelay = between(a.rng, 0, 300), between(a.rng, 0, 300)
	t.Revisions = a.rng.IntN(4)
	h.step(statemachine.SetConfig{Request: a.ask(h, struct{}{}), Tuning: t})
}

// answered checks that an answer is due, and that a refusal says nothing else.
func (a *askers) answered(h *host, e statemachine.Done) {
	if _, ok := a.questions.answered(h, e.Request); !ok {
		return
	}
	a.count++
	if e.Result.Refused != statemachine.RefusedNot && len(e.Result.Differences) > 0 {
		a.w.fail("responses", "command %d was refused and found %d differences", e.Request-askersFrom,
			len(e.Result.Differences))
	}
}
