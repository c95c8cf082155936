package sim

import "kvs/statemachine"

// questions are requests to hosts, each of which is answered exactly once and in
// time, whatever the network does. T is what an asker remembers of one.
type questions[T any] struct {
	w       *World
	name    string                                 // of one, in the report of a failure
	from    statemachine.RequestID                 // what the number of the first follows on
	within  Millis                                 // a host that runs answers
	open    map[statemachine.RequestID]question[T] // never ranged over
	waiting []statemachine.RequestID               // in the order of their asking
	asked   statemachine.RequestID                 // so many
}

// question is one under way.
type question[T any] struct {
	host *host
	run  int
	at   Millis
	what T
}

func newQuestions[T any](w *World, name string, from statemachine.RequestID, within Millis) questions[T] {
	return questions[T]{w: w, name: name, from: from, within: within, open: map[statemachine.RequestID]question[T]{}}
}

// ask numbers a question that is about to be put to a host.
func (qs *questions[T]) ask(h *host, what T) statemachine.RequestID {
	qs.asked++
	id := qs.from + qs.asked
	qs.open[id] = question[T]{h, h.run, qs.w.now, what}
	qs.waiting = append(qs.waiting, id)
	return id
}

// answered takes the question out that a host has answered. ok is false, and the
// world has failed, if the host owed no such answer.
func (qs *questions[T]) answered(h *host, id statemachine.RequestID) (what T, ok bool) {
	q, ok := qs.open[id]
	if !ok || q.host != h || q.run != h.run {
		qs.w.fail("responses", "%s %d answered twice or by another host", qs.name, id-qs.from)
		return what, false
	}
	delete(qs.open, id)
	return q.what, true
}

// overdue checks that nobody waits for too long. A host that stands still is given
// its time from when it goes on.
func (qs *questions[T]) overdue() {
	kept := qs.waiting[:0]
	for _, id := range qs.waiting {
		q, ok := qs.open[id]
		switch {
		case !ok:
		case !q.host.up || q.host.run != q.run:
			delete(qs.open, id) // the run ended before
		case !q.host.still && qs.w.now-max(q.at, q.host.lively) > qs.within:
			qs.w.fail("availability", "%s %d waits for host %d since %d", qs.name, id-qs.from, q.host.index, q.at)
		default:
			kept = append(kept, id)
		}
	}
	qs.waiting = kept
}
