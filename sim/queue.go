package sim

// event is something that happens at a virtual time. Events of one time happen
// in the order in which they were scheduled.
type event struct {
	at   Millis
	seq  uint64
	do   func()
	plan bool // it only draws what is done next: worlds that play a script have none
}

// queue is a binary heap of events.
type queue struct {
	heap []event
	seq  uint64
}

func (q *queue) push(at Millis, do func()) { q.add(event{at: at, do: do}) }

// plan is push of what draws acts and does nothing by itself.
func (q *queue) plan(at Millis, do func()) { q.add(event{at: at, do: do, plan: true}) }

func (q *queue) add(e event) {
	q.seq++
	e.seq = q.seq
	q.heap = append(q.heap, e)
	i := len(q.heap) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !q.before(i, up) {
			break
		}
		q.heap[i], q.heap[up] = q.heap[up], q.heap[i]
		i = up
	}
}

func (q *queue) pop() event {
	top := q.heap[0]
	n := len(q.heap) - 1
	q.heap[0] = q.heap[n]
	q.heap[n] = event{}
	q.heap = q.heap[:n]
	i := 0
	for {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < n; c++ {
			if q.before(c, least) {
				least = c
			}
		}
		if least == i {
			return top
		}
		q.heap[i], q.heap[least] = q.heap[least], q.heap[i]
		i = least
	}
}

func (q *queue) before(i, j int) bool {
	a, b := &q.heap[i], &q.heap[j]
	return a.at < b.at || a.at == b.at && a.seq < b.seq
}
