package server

import (
	"kvs/httpapi"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// pendingWrite is one client's write on its way through the core.
type pendingWrite struct {
	write  keyspace.Write
	result statemachine.WriteResult
	done   chan struct{} // receives once, when result is set
	last   bool          // of its group
	acks   int           // replicas that have to have it, 0 just this one
	wait   keyspace.Millis
	with   []*pendingWrite // come along behind it, in this order
}

// write hands one write to the core and waits until it is durable or refused.
func (d *driver) write(w *pendingWrite) error {
	if err := d.submit(w); err != nil {
		return err
	}
	return d.await(w)
}

// submit hands one write to the core, and those that come along. If it cannot, none of
// them is carried out.
func (d *driver) submit(w *pendingWrite) error {
	select {
	case <-d.closing:
		return httpapi.ErrClosed
	default:
	}
	select {
	case d.writes <- w:
		return nil
	default:
		return httpapi.ErrOverloaded
	}
}

// await waits until a write is durable or refused.
func (d *driver) await(w *pendingWrite) error {
	select {
	case <-w.done:
	case <-d.stopped:
		return httpapi.ErrUnknown
	}
	switch w.result.Refused {
	case statemachine.RefusedNot:
		return nil
	}
	return refusal(w.result.Refused)
}

// refusal translates why the core refused.
func refusal(r statemachine.Refusal) error {
	switch r {
	case statemachine.RefusedReadOnly, statemachine.RefusedName:
		return httpapi.ErrReadOnly
	case statemachine.RefusedClock:
		return httpapi.ErrClockConflict
	case statemachine.RefusedSyncing:
		return httpapi.ErrSyncing
	case statemachine.RefusedLeaving:
		return httpapi.ErrLeaving
	case statemachine.RefusedUnknown:
		return httpapi.ErrPeerUnknown
	case statemachine.RefusedSelf:
		return httpapi.ErrSelf
	case statemachine.RefusedSkew:
		return httpapi.ErrSkew
	case statemachine.RefusedCondition:
		return httpapi.ErrPrecondition
	case statemachine.RefusedTimeout:
		return httpapi.ErrWaitTimeout
	}
	return httpapi.ErrOverloaded
}

// group is what gathers for the next batch.
type group struct {
	writes []*pendingWrite
	bytes  int             // as keyspace.Size counts, with what is logged
	held   []*pendingWrite // did not fit, and are the first of the groups after
}

func (g *group) full() bool { return len(g.held) > 0 || len(g.writes) == keyspace.BatchWritesMax }

// add takes a write and all that come along with it.
func (g *group) add(w *pendingWrite) {
	g.addOne(w)
	for _, next := range w.with {
		g.addOne(next)
	}
}

func (g *group) addOne(w *pendingWrite) {
	size := keyspace.Size(w.write.Key, w.write.Value) + noteSize(&w.write)
	if g.full() || len(g.writes) > 0 && g.bytes+size > keyspace.BatchBytesMax {
		g.held = append(g.held, w)
		return
	}
	g.writes = append(g.writes, w)
	g.bytes += size
}

// worthAGroup says that what has gathered should go to the core now. While the
// core works on a group, it is to be as many as that one, so that the next batch
// is applied while the first syncs: fewer gain more by waiting for company,
// because a sync costs the same for one write as for hundreds.
func (d *driver) worthAGroup() bool {
	// What stands in the queue already comes along.
	for n := len(d.writes); n > 0 && !d.next.full(); n-- {
		d.next.add(<-d.writes)
	}
	waiting := len(d.next.writes)
	switch {
	case waiting == 0:
		return false
	case d.groups == 0 || d.next.full() && d.groups < groupsMax:
		return true
	}
	return d.groups < groupsMax && waiting >= d.size
}

// takeGroup hands over what has gathered.
func (d *driver) takeGroup() statemachine.ClientWrites {
	in := statemachine.ClientWrites{Writes: make([]statemachine.ClientWrite, len(d.next.writes))}
	for i, w := range d.next.writes {
		d.request++
		d.waiting[d.request] = w
		w.last = i == len(d.next.writes)-1
		in.Writes[i] = statemachine.ClientWrite{Request: d.request, Write: w.write, Acks: w.acks, Wait: w.wait}
	}
	d.groups++
	d.size = len(in.Writes)
	held := d.next.held
	clear(d.next.writes)
	d.next = group{writes: d.next.writes[:0]}
	for _, w := range held {
		d.next.addOne(w)
	}
	return in
}
