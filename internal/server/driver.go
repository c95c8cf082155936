package server

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"kvs/httpapi"
	"kvs/internal/flight"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
	"kvs/storage"
	"kvs/transport"
)

const (
	// inboxMax bounds the messages that wait for the core; beyond it their
	// streams are held up.
	inboxMax = 1024
	// writesMax bounds the client writes that wait for the core; beyond it they
	// are refused.
	writesMax = 8192
	// ordersMax bounds the commands that wait for the core, and that it works on;
	// beyond it they are refused.
	ordersMax = 2048
	// groupsMax bounds the groups of client writes that the core works on: one
	// syncs and one waits, so that the next fills meanwhile.
	groupsMax = 2
	// tickGrain rounds deadlines up, so that timers fire together.
	tickGrain = 10 * time.Millisecond
	// napMax is the longest that the loop sleeps, in milliseconds.
	napMax statemachine.Millis = 60_000
	// publishEvery bounds how old the published status may be.
	publishEvery = 20 * time.Millisecond
)

// driver feeds inputs to the core, one at a time, and carries out what it asks
// for. Its run is the only goroutine that touches the node.
type driver struct {
	log   *slog.Logger
	began time.Time
	clock clock
	space space
	node  *statemachine.Node
	store *storage.Store
	peers *transport.Transport

	measure   *measure         // nil: nothing is counted
	flight    *flight.Recorder // nil: nothing is recorded
	conflicts conflictLog

	answers chan statemachine.Input // from the store; before anything else
	inbox   chan statemachine.Input // from peers
	writes  chan *pendingWrite
	ordered chan *order
	looks   chan chan *statemachine.Status // what run has stepped until now, told to one
	flushes chan chan<- struct{}           // what is recorded goes to the disk, then one is closed
	closing chan struct{}                  // no new writes
	stopped chan struct{}                  // run ends
	refuse  func()                         // stops taking writes; those under way are still answered
	restart func()                         // the node has to be started again
	stop    func()                         // ends run, and the wait of all whose write is still under way

	waiting  map[statemachine.RequestID]*pendingWrite
	orders   map[statemachine.RequestID]*order
	finished []*order // by the running step
	request  statemachine.RequestID
	groups   int // of client writes that the core works on
	size     int // of the group handed over last
	next     group

	chosen    chan struct{} // closed once the node belongs to a cluster
	belongs   bool
	status    atomic.Pointer[statemachine.Status]
	published time.Time
	dirty     bool // the core has stepped since
}

func newDriver(log *slog.Logger) *driver {
	d := &driver{
		log:       log,
		began:     time.Now(),
		conflicts: conflictLog{log: log},
		answers:   make(chan statemachine.Input, inboxMax),
		inbox:     make(chan statemachine.Input, inboxMax),
		writes:    make(chan *pendingWrite, writesMax),
		chosen:    make(chan struct{}),
		closing:   make(chan struct{}),
		stopped:   make(chan struct{}),
		waiting:   make(map[statemachine.RequestID]*pendingWrite),
		ordered:   make(chan *order, ordersMax),
		looks:     make(chan chan *statemachine.Status),
		flushes:   make(chan chan<- struct{}),
		orders:    make(map[statemachine.RequestID]*order),
	}
	d.refuse = sync.OnceFunc(func() { close(d.closing) })
	d.stop = sync.OnceFunc(func() { close(d.stopped) })
	return d
}

func (d *driver) attach(node *statemachine.Node, store *storage.Store) {
	d.node, d.store = node, store
	d.publish(time.Now())
}

func (d *driver) connect(peers *transport.Transport) { d.peers = peers }

// fromStore takes the store's answers.
func (d *driver) fromStore(in statemachine.Input) {
	if a, ok := in.(statemachine.Applied); ok {
		d.measure.applied(a.Result)
		d.conflicts.tell(a.Result.Conflicts, d.status.Load())
	}
	deliver(d.answers, in, d.stopped)
}

// fromPeers takes what the transport has to say; it may hold up a stream.
func (d *driver) fromPeers(in statemachine.Input) {
	if !d.space.drops(in) {
		deliver(d.inbox, in, d.stopped)
	}
}

func deliver(to chan<- statemachine.Input, in statemachine.Input, stopped <-chan struct{}) {
	select {
	case to <- in:
	case <-stopped:
	}
}

// hello is what this node says first on a new connection.
func (d *driver) hello() statemachine.Hello { return d.status.Load().Hello }

// run is the loop. The store's answers go first: they end what is under way.
func (d *driver) run() {
	defer d.endFlight()
	wake := time.NewTimer(0)
	defer wake.Stop()
	for {
		if d.worthAGroup() {
			d.step(d.takeGroup())
			d.rearm(wake)
			continue
		}
		writes := d.writes
		if d.next.full() {
			writes = nil // a nil channel is never ready
		}
		select {
		case in := <-d.answers:
			d.step(in)
			d.rearm(wake)
			continue
		default:
		}
		select {
		case in := <-d.answers:
			d.step(in)
		case in := <-d.inbox:
			d.step(in)
		case o := <-d.ordered:
			d.take(o)
		case told := <-d.looks:
			d.publish(time.Now())
			told <- d.status.Load()
		case done := <-d.flushes:
			d.flight.Flush(done)
		case w := <-writes:
			d.next.add(w)
			continue
		case <-wake.C:
			d.step(statemachine.Tick{})
		case <-d.stopped:
			return
		}
		d.rearm(wake)
	}
}

func (d *driver) now() (time.Time, statemachine.Time) {
	now := time.Now()
	return now, statemachine.Time{
		Mono: statemachine.Millis(now.Sub(d.began).Milliseconds()),
		Wall: d.clock.wall(),
	}
}

func (d *driver) step(in statemachine.Input) {
	now, at := d.now()
	news := false
	for _, e := range d.flight.Step(d.node, at, in) {
		d.measure.effect(e)
		d.perform(e)
		_, event := e.(statemachine.Notify)
		news = news || event
	}
	d.dirty = true
	news = news || len(d.finished) > 0
	if news || now.Sub(d.published) >= publishEvery {
		d.publish(now)
	}
	// Whoever waited for a command finds its effect in the status.
	for _, o := range d.finished {
		close(o.done)
	}
	d.finished = d.finished[:0]
	d.measure.stepped(now)
}

// rearm sets the timer to the core's deadline, or to when the status is due.
func (d *driver) rearm(wake *time.Timer) {
	// The core's deadline may be "never"; a tick that is too early is harmless.
	now := millis(time.Since(d.began))
	after := time.Duration(min(d.node.Deadline()-now, napMax))*time.Millisecond + tickGrain
	if d.dirty {
		after = min(after, time.Until(d.published.Add(publishEvery)))
	}
	wake.Reset(max(after, time.Millisecond))
}

func (d *driver) publish(now time.Time) {
	s := d.node.Status()
	d.status.Store(&s)
	d.measure.published(&s)
	d.published = now
	d.dirty = false
	if !d.belongs && s.Identity.Cluster != (keyspace.ClusterID{}) {
		d.belongs = true
		close(d.chosen)
	}
}

// look returns the status as it is now, with every write that was answered before.
func (d *driver) look() (*statemachine.Status, error) {
	told := make(chan *statemachine.Status, 1)
	select {
	case d.looks <- told:
		return <-told, nil
	case <-d.stopped:
		return nil, httpapi.ErrClosed
	}
}

func (d *driver) perform(e statemachine.Effect) {
	switch e := e.(type) {
	case statemachine.Send:
		d.peers.Send(e.To, e.Class, e.Msg)
	case statemachine.Respond:
		w := d.waiting[e.Request]
		delete(d.waiting, e.Request)
		if w.last {
			d.groups--
		}
		w.result = e.Result
		w.done <- struct{}{}
	case statemachine.Stored:
		// What waits for others holds up no group.
		if w := d.waiting[e.Request]; w.last {
			w.last = false
			d.groups--
		}
	case statemachine.Done:
		d.finish(e)
	case statemachine.Dial:
		if d.peers != nil {
			d.peers.Dial(e.Addr)
		}
	case statemachine.Disconnect:
		d.peers.Disconnect(e.Peer, e.Reason)
	case statemachine.Notify:
		report(d.log, e.Event)
	case statemachine.Restart:
		d.restart()
	default:
		d.store.Perform(e)
	}
}
