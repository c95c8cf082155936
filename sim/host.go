package sim

import (
	"math/rand/v2"
	"slices"
	"strconv"

	"kvs/sim/disk"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// host is one simulated machine: the real core, a disk, a clock that may be
// wrong. It does for the core what internal/server does in production.
type host struct {
	w     *World
	index int
	addr  string
	rng   *rand.Rand // of its disk and its random bytes

	disk    *disk.Disk
	known   keyspace.Watermark // its sidecar, of the time knownAt
	knownAt Millis
	state   *keyspace.State
	hasher  *keyspace.Hasher
	node    *statemachine.Node
	steps   Stepper
	id      keyspace.ReplicaID

	tweak   func(*statemachine.Config) // changes what it is told at its next start; may be nil
	up      bool
	downAt  Millis   // when it last crashed
	still   bool     // it stands still: nothing of it happens
	held    []func() // what should have happened meanwhile
	lively  Millis   // when it last was resumed
	midway  bool     // a script wants it to crash so, and be down for downFor
	doomed  bool     // to crash while its next batch is not synced yet
	downFor Millis
	copied  int    // the run in which a source last opened a copy to it
	wallAt  Millis // what its clock showed at its last crash
	run     int    // counts starts; events of an earlier run are void
	began   Millis // of this run: the zero of its monotonic clock
	skew    Millis // of its wall clock
	ahead   Millis // the most that skew ever was
	behind  Millis // and the most that it was the other way

	former []keyspace.ReplicaID // who it was in earlier lives
	waited []keyspace.ReplicaID // whom its last purge had waited for when it was decided
	slow   Millis               // what it takes to read a message, 0 nothing
	readAt Millis               // when it has read all that is on its way
	async  bool                 // its batches are synced once a second
	newest *keyspace.Applied    // the newest batch that its core was told of in this run
	risky  bool                 // what it had not synced at its last crash may be gone
	set    bool                 // a fault has changed its disk
	fallen bool                 // and it may be behind what it has said
	// reseeded says that its disk may know nobody, so that it needs seeds.
	reseeded bool
	lossy    bool               // and its store knows that something is gone
	mistaken bool               // it was started with a wrong setting
	left     bool               // it left the cluster, and was not started again yet
	backup   *disk.Disk         // an old copy of its disk
	sidecar  keyspace.Watermark // of the time of backup

	work    []statemachine.Effect // for the store, in order
	busy    bool
	tickAt  Millis
	judged  map[keyspace.ReplicaID]Millis // when the detector last held a peer for reachable
	witness witness
	image   image
}

// start boots the host from whatever its disk holds.
func (h *host) start() {
	birth := keyspace.Birth{Known: h.known, Unsynced: h.risky}
	lot, seed := h.drawLot()
	random := lot.bytes()
	fill(&random, birth.Replica[:])
	fill(&random, birth.Epoch[:])
	fill(&random, birth.Boot[:])
	mutant := keyspace.MutantNone
	if h.w.opt.MutantEverywhere || h.index%2 == 1 {
		mutant = h.w.opt.Mutant
	}
	var snap keyspace.Snapshot
	h.state, snap = keyspace.Open(h.disk.Update, birth, mutant)
	h.hasher = keyspace.NewHasher(h.state.DigestKey())
	h.image.restarted(h, &snap)
	if id := snap.Identity.Replica; h.id != id {
		if h.id != (keyspace.ReplicaID{}) {
			h.former = append(h.former, h.id)
		}
		h.id = id
	}
	h.fallen = h.fallen && h.w.known[h.id] // a new replica is nobody's past
	h.w.known[h.id] = true
	h.left = false
	h.noteKnown()
	h.w.lost(h, snap.Loss.Kind)

	cfg := h.w.opt.Core
	cfg.Mutant, cfg.Async = mutant, h.async
	h.risky, h.newest = false, nil
	fill(&random, cfg.Seed[:])
	fill(&random, cfg.Mint.Cluster[:])
	fill(&random, cfg.Mint.Digest[:])
	cfg.Name, cfg.Addr = "n"+strconv.Itoa(h.index), h.addr
	if h.index > 0 {
		cfg.Seeds = []string{h.w.hosts[0].addr, h.w.hosts[seed].addr}
	} else if h.w.opt.AllSeeded && len(h.w.hosts) > 1 {
		cfg.Seeds = []string{h.w.hosts[1].addr}
	}
	if h.reseeded && len(h.w.hosts) > 1 {
		// Its operator gives it the others as seeds before it starts again.
		cfg.Seeds = nil
		for _, o := range h.w.hosts {
			if o != h {
				cfg.Seeds = append(cfg.Seeds, o.addr)
			}
		}
	}
	if h.tweak != nil {
		h.tweak(&cfg)
	}
	h.run++
	h.up, h.doomed, h.midway, h.busy, h.work = true, false, false, false, nil
	h.began = h.w.now
	h.w.markIf(MarkBackwards, h.now().Wall < h.wallAt)
	h.node = statemachine.New(cfg, snap)
	h.steps = (*statemachine.Node).Step
	if h.w.opt.Stepper != nil {
		h.steps = h.w.opt.Stepper(h.index)
	}
	h.tickAt = never
	h.judged = map[keyspace.ReplicaID]Millis{}
	h.witness.reopened(h)
	h.settled() // as is all that a start has found
	h.w.film.ends(SpanDown, h, h)
	h.w.film.scene(h)
	h.scheduleTick()
	h.planBarrier()
}

// crash cuts the power.
func (h *host) crash() {
	had := h.staked()
	gone, kept, lost := false, 0, 0
	h.disk.CrashKeeping(func() bool {
		keep := h.rng.IntN(1000) < h.w.opt.KeepUnsyncedPermille
		keep = h.w.fated(FateKept, h, Millis(truth(keep)), h.coin()) != 0
		gone = gone && (!h.w.opt.ScatteredLoss || h.async) || !keep
		if gone {
			h.w.count.lostBatches++
			lost++
		} else {
			kept++
		}
		return !gone
	})
	h.w.markIf(MarkUnsyncedLost, lost > 0)
	h.w.markIf(MarkUnsyncedKept, kept > 0)
	h.image.crashed(kept, lost)
	h.takenBack(had, lost)
	h.ended()
	h.up, h.downAt = false, h.w.now
	h.still, h.held = false, nil
	h.run++
	h.w.net.crashed(h)
	h.w.clients.crashed(h)
}

// upright says that the host's replica is in good standing with all others, so
// that nothing may come back on it even for a moment. One that belongs to no
// cluster yet is in nobody's way, and nobody waits for it. While a replica runs that
// was evicted and does not know it, newcomers may still copy from it; they find
// out when they meet the others.
func (h *host) upright() bool {
	if h.w.alone || h.fallen || h.cluster() == (keyspace.ClusterID{}) {
		return false
	}
	return !slices.ContainsFunc(h.w.hosts, func(o *host) bool { return o.up && h.w.departed[o.id] })
}

// apart says that the host's replica is not, or not alone, the one that the others
// know, or that it is together with such a one.
func (h *host) apart() bool {
	among := slices.ContainsFunc(h.roster(), func(r keyspace.ReplicaID) bool { return h.w.departed[r] })
	return among || len(h.roster()) == 1 && len(h.w.hosts) > 1 || h.hasTwin()
}

// hasTwin says that another host has a disk of this very replica.
func (h *host) hasTwin() bool {
	return slices.ContainsFunc(h.w.hosts, func(o *host) bool { return o != h && o.id == h.id })
}

// roster lists the replicas that the host's collection waits for, itself too.
func (h *host) roster() []keyspace.ReplicaID {
	ids := []keyspace.ReplicaID{h.id}
	for _, l := range h.node.Status().Roster {
		if l.Standing == keyspace.Active {
			ids = append(ids, l.Replica)
		}
	}
	return ids
}

// cluster is the one that the host belongs to, zero for none. A whole status would cost
// a comparison with every member.
func (h *host) cluster() keyspace.ClusterID { return h.node.Hello().Cluster }

// copying says that the host has not got all records of its cluster.
func (h *host) copying() bool { return h.node.Hello().Member.Stage != statemachine.StageComplete }

// homeless says that a replica runs that belongs to no cluster: it reports to
// nobody, so nobody has waited for it.
func (w *World) homeless(id keyspace.ReplicaID) bool {
	return slices.ContainsFunc(w.hosts, func(h *host) bool {
		return h.id == id && h.up && h.cluster() == keyspace.ClusterID{}
	})
}

// restart begins the next run at the core's own wish: all is durable, and the
// peers are told.
func (h *host) restart() {
	h.disk.Sync()
	h.image.landed()
	h.settled()
	h.ended()
	h.up, h.downAt = false, h.w.now
	h.still, h.held = false, nil
	h.run++
	h.w.net.hangUp(h)
	h.w.clients.crashed(h)
	again := 1 + Millis(h.rng.IntN(200))
	h.w.queue.push(h.w.now+h.w.fated(FateAgain, h, again, 1), func() {
		if !h.up {
			h.start()
		}
	})
}

// noteKnown writes the sidecar. All of the store is durable.
func (h *host) noteKnown() { h.known, h.knownAt = h.state.Watermark(), h.w.now }

// now is the host's view of the time.
func (h *host) now() statemachine.Time {
	grain := h.w.opt.ClockGrain
	wall := epoch + h.w.now + h.skew
	return statemachine.Time{Mono: h.w.now - h.began, Wall: wall - wall%grain}
}

// step feeds one input to the core and carries out what it asks for.
func (h *host) step(in statemachine.Input) {
	now := h.now()
	h.w.count.events++
	effects := h.steps(h.node, now, in)
	h.w.trace(h, in, effects)
	h.w.seen(h, in, effects)
	for _, e := range effects {
		h.perform(e)
		if !h.up {
			return
		}
	}
	h.startWork()
	h.scheduleTick()
}

func (h *host) perform(e statemachine.Effect) {
	switch e := e.(type) {
	case statemachine.Send:
		h.w.net.send(h, e)
	case statemachine.Apply:
		h.w.stamped(h, e.Batch)
		if e.Batch.Purge != nil {
			h.waited = slices.DeleteFunc(h.roster(), h.w.homeless)
		}
		h.work = append(h.work, e)
	case statemachine.StoreRead:
		h.work = append(h.work, e)
	case statemachine.Dial:
		h.w.net.dial(h, e.Addr)
	case statemachine.Disconnect:
		h.w.net.disconnect(h, e.Peer)
	case statemachine.Respond:
		h.w.clients.answered(h, e)
	case statemachine.Stored:
	case statemachine.Restart:
		h.restart()
	case statemachine.Done:
		switch {
		case e.Request > sessionsFrom:
			h.w.sessions.answered(h, e)
		case e.Request > readersFrom:
			h.w.readers.answered(h, e)
		case e.Request > askersFrom:
			h.w.askers.answered(h, e)
		default:
			h.w.operators.answered(h, e)
		}
	case statemachine.Notify:
		h.w.noticed(h, e.Event)
	}
}

// later schedules something that a crash makes void.
func (h *host) later(after Millis, do func()) { h.w.queue.push(h.w.now+after, h.unless(do)) }

// plan is later of what only draws an act.
func (h *host) plan(after Millis, do func()) { h.w.queue.plan(h.w.now+after, h.unless(do)) }

// unless is do, unless the host has crashed meanwhile; if it stands still, later.
func (h *host) unless(do func()) func() {
	run := h.run
	return func() {
		switch {
		case h.run != run:
		case h.still:
			h.held = append(h.held, do)
		default:
			do()
		}
	}
}

// scheduleTick wakes the core at its deadline, rounded up to 10 ms as in
// production.
func (h *host) scheduleTick() {
	at := h.node.Deadline()
	if at == never {
		return
	}
	at = h.began + (at+9)/10*10
	if at >= h.tickAt && h.tickAt > h.w.now {
		return
	}
	at = max(at, h.w.now+1)
	h.tickAt = at
	h.later(at-h.w.now, func() {
		if h.tickAt == at {
			h.tickAt = never
			h.step(statemachine.Tick{})
		}
	})
}

// startWork lets the store take up its next task: a batch is committed, then
// synced, then reported; a read sees only what is synced.
func (h *host) startWork() {
	if !h.up || h.busy || len(h.work) == 0 {
		return
	}
	task := h.work[0]
	h.work = h.work[1:]
	h.busy = true
	sync := h.w.opt.SyncMin + exponential(h.rng, h.w.opt.SyncMean)
	switch task := task.(type) {
	case statemachine.Apply:
		sync = h.w.fated(FateSync, h, sync, h.w.opt.SyncMin)
		applied := h.state.Execute(h.disk.Commit, task.Batch)
		h.image.flying = &flying{task.Batch, applied}
		if h.w.opt.SplitVector {
			h.disk.SplitNewest(keyspace.IsVector)
		}
		if task.Batch.Adopt != nil {
			h.hasher = keyspace.NewHasher(h.state.DigestKey())
		}
		h.w.model.stamped(h, task.Batch, applied)
		if h.w.opt.AckBeforeSync {
			h.later(0, func() { h.step(statemachine.Applied{Result: applied}) })
		}
		if h.midway && !h.w.calm {
			h.midway = false
			h.later(0, func() { h.w.faults.crashFor(h, h.downFor) })
		}
		if h.doomed && !h.w.calm {
			h.doomed = false
			h.plan(Millis(h.rng.Int64N(int64(sync))), func() {
				if !h.w.calm {
					h.w.mark(MarkCrashInCommit)
					h.w.faults.down(h)
				}
			})
		}
		h.later(sync, func() {
			h.land(task.Batch, applied)
			h.busy = false
			if !h.w.opt.AckBeforeSync {
				h.step(statemachine.Applied{Result: applied})
			}
			h.startWork()
		})
	case statemachine.StoreRead:
		h.later(1, func() {
			h.busy = false
			h.step(statemachine.Answer(h.disk.Reader(), h.state, h.hasher, task))
		})
	}
}

// land ends a commit: the batch is durable, unless the host is async, and shows.
func (h *host) land(b *keyspace.Batch, applied *keyspace.Applied) {
	if !h.async {
		h.disk.Sync()
	}
	h.image.landed()
	if !h.async && h.w.now >= h.knownAt+1_000 {
		h.noteKnown()
	}
	h.witness.durable(h, b, applied)
	h.w.applied(b, applied)
	h.w.film.changed(h, b, applied)
	h.witness.clocked(h, b.Now)
	if h.w.durable != nil {
		h.w.durable(h, b, applied)
	}
	h.newest = applied
	if h.async && (b.Adopt != nil || b.Join != 0 || b.Rejoin) {
		h.disk.Sync()
		h.settled()
	}
}

const (
	never Millis = 1<<63 - 1
	// epoch is the wall time at the start of every run.
	epoch Millis = 1_767_225_600_000
)

// fill takes bytes off the front of random.
func fill(random *[]byte, b []byte) { *random = (*random)[copy(b, *random):] }

// exponential draws from an exponential distribution in integers: the number of
// halvings is geometric, which is close enough and the same on every machine.
func exponential(r *rand.Rand, mean Millis) Millis {
	if mean <= 0 {
		return 0
	}
	u := r.Uint64() | 1
	var d Millis
	for u>>63 == 0 {
		u <<= 1
		d += mean * 7 / 10
	}
	return d + Millis(r.Int64N(int64(mean)+1))*7/10
}
