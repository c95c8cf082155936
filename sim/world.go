package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"math/rand/v2"
	"strconv"

	"kvs/sim/disk"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// World is one run.
type World struct {
	opt     Options
	now     Millis
	within  int // events of this millisecond that have happened
	queue   queue
	hosts   []*host
	net     *network
	clients *clients
	faults  *faults
	// operators are the people who run the cluster.
	operators  *operators
	askers     *askers
	readers    *readers
	rights     *rights
	followers  *followers
	sessions   *sessions
	historians *historians
	departed   map[statemachine.ReplicaID]bool // never ranged over
	known      map[statemachine.ReplicaID]bool // never ranged over
	model      *model
	// alone says that no complete replica was left at some time, so that what the
	// rest knew of deletions may be gone with the others.
	alone   bool
	era     int // raised when all faults end
	calm    bool
	count   counts
	sum     hash.Hash
	line    []byte // of the trace, reused
	failure *Failure
	marks   Marks
	script  *scripted // that the world writes or plays; nil for neither
	acts    []Act     // that it plays
	stop    Millis    // before its faults end, 0 it does not
	core    []int     // the part that heals alone, if the script has one
	dead    []int
	film    *Film  // of what happens; nil nobody looks
	ended   func() // hears that the run is over; may be nil
	// durable sees every batch that a host has made durable; may be nil.
	durable func(h *host, b *keyspace.Batch, a *keyspace.Applied)
}

type counts struct {
	events, messages     int
	partitions, crashes  int
	lostBatches          int
	rejoined, disasters  int
	taken                int // crashes that took batches which had been answered
	copies               int
	divergences, repairs int
	pauses               int
	clogs, overflows     int
	cores                int // parts that became one while the rest was broken for good
	garbled              int // bytes that somebody has changed
	rotten               int // records that were damaged
	checkedStamps        int // made under a clock too far ahead, with peers to compare
	suspicions           int // of hosts that were up and about
	gaveUp               int // of these, those that nobody refuted in time
	failed               int // hosts that a members view showed as failed though they were up
}

// Failure is the first oracle that did not hold.
type Failure struct {
	Oracle string
	At     Millis
	Detail string
}

// Error prints the oracle, the virtual time and what was seen.
func (f *Failure) Error() string {
	return fmt.Sprintf("%s at %d ms: %s", f.Oracle, f.At, f.Detail)
}

// Result is what a run came to.
type Result struct {
	Seed     uint64
	Nodes    int
	Virtual  Millis
	Events   int
	Messages int
	Writes   int
	Deletes  int
	Crashes  int
	Cuts     int
	Lost     int    // unsynced batches lost in crashes
	Purged   int    // versions forgotten
	Rejoined int    // lives that ended
	Alone    bool   // no complete replica was left at some time
	Healed   Millis // from the end of the faults to convergence
	Guarded  bool   // users, groups and rights changed
	Marks    Marks  // what rare things happened
	Trace    string // SHA-256 over every step, if asked for
	Failure  *Failure
}

// Run plays one world to its end: a phase with faults and writes, then all
// faults end, and the cluster must become one.
func Run(opt Options) Result { return newWorld(opt).run() }

func (w *World) run() Result {
	opt, healed := w.opt, Millis(0)
	w.begin()
	if w.stop > 0 {
		w.until(w.stop)
	} else {
		w.until(opt.Duration)
		healed = w.settle()
	}
	for _, h := range w.hosts {
		if h.up {
			h.harvest()
		}
	}
	if w.ended != nil {
		w.ended()
	}
	r := Result{
		Seed: opt.Seed, Nodes: opt.Nodes, Virtual: w.now, Events: w.count.events,
		Messages: w.count.messages, Writes: w.clients.acked, Deletes: w.clients.deletes,
		Crashes: w.count.crashes, Cuts: w.count.partitions, Lost: w.count.lostBatches,
		Healed: healed, Failure: w.failure, Purged: len(w.model.purged), Rejoined: w.count.rejoined,
		Alone: w.alone, Guarded: opt.RightsEvery > 0, Marks: w.marks,
	}
	if w.sum != nil {
		r.Trace = hex.EncodeToString(w.sum.Sum(nil))
	}
	return r
}

func newWorld(opt Options) *World {
	w := &World{opt: opt}
	stream := func(k uint64) *rand.Rand { return rand.New(rand.NewPCG(opt.Seed, k)) }
	w.net = newNetwork(w, stream(1))
	w.clients = newClients(w, stream(2))
	w.faults = &faults{w, stream(3)}
	w.operators = &operators{w: w, rng: stream(4)}
	w.askers = newAskers(w, stream(5))
	w.readers = newReaders(w, stream(6))
	w.rights = newRights(w, stream(7))
	w.followers = &followers{w: w, rng: stream(8)}
	w.sessions = newSessions(w, stream(9))
	w.historians = &historians{w: w, rng: stream(10)}
	w.departed = map[statemachine.ReplicaID]bool{}
	w.known = map[statemachine.ReplicaID]bool{}
	w.model = newModel(w)
	if opt.HashTrace {
		w.sum = sha256.New()
	}
	for i := range opt.Nodes {
		w.hosts = append(w.hosts, &host{
			async: opt.Async > 0 && i%opt.Async == 0,
			w:     w, index: i, addr: "10.0.0." + strconv.Itoa(i+1) + ":8080",
			rng: stream(uint64(100 + i)), disk: disk.New(), witness: newWitness(),
		})
	}
	return w
}

// begin starts the hosts one after the other, and all that happens to them.
func (w *World) begin() {
	for i, h := range w.hosts {
		if w.opt.SkewMax > 0 && !w.plays() {
			w.act(ActSkew, of(h), int64(w.faults.skew()))
		}
		after := Millis(i) * Millis(w.faults.rng.IntN(500))
		w.queue.push(w.fated(FateFirst, h, after, 0), func() {
			if !h.up && h.run == 0 {
				h.start()
			}
		})
	}
	if !w.plays() {
		w.plan()
	}
	w.queue.push(1_000, w.inspect)
}

// plan lets everybody begin who draws what is done.
func (w *World) plan() {
	w.queue.plan(1, w.clients.begin)
	w.queue.plan(1, w.faults.begin)
	w.queue.plan(1, w.readers.begin)
	w.queue.plan(1, w.followers.begin)
	if w.opt.SessionEvery > 0 {
		w.queue.plan(1, w.sessions.begin)
	}
	if w.opt.HistoryEvery > 0 {
		w.queue.plan(1, w.historians.begin)
	}
	if w.opt.RightsEvery > 0 {
		w.queue.plan(1, w.rights.begin)
	}
}

// until plays events up to a virtual time.
func (w *World) until(end Millis) {
	for w.failure == nil {
		if w.due(end) {
			continue
		}
		if len(w.queue.heap) == 0 || w.queue.heap[0].at > end {
			break
		}
		e := w.queue.pop()
		w.pass(e.at)
		e.do()
		if !e.plan {
			w.within++
		}
	}
	w.pass(end)
}

// settle ends all faults and waits for convergence, at most opt.Settle.
func (w *World) settle() Millis {
	w.rescue()
	from := w.now
	w.mend(w.hosts)
	w.operators.tidyUp()
	w.wait("convergence", w.patience(), w.differing)
	healed := w.now - from
	if w.opt.RotEvery > 0 {
		w.wait("rot", 120_000, w.rotten)
		w.wait("convergence", w.opt.Settle, w.differing)
	}
	if w.opt.SessionEvery > 0 {
		w.until(w.now + sessionWait + 100) // whoever waits for others has an answer by then
	}
	if w.opt.Core.Retention <= 60_000 {
		w.wait("collection", w.opt.Core.Retention+w.opt.Settle+120_000, w.littered)
		w.wait("convergence", w.opt.Settle, w.differing)
	}
	w.judge()
	w.followers.judge()
	w.quiet()
	return healed
}

// patience is how long hosts may take to become one after the faults: a digest whose
// clock was ahead waits for the others' minutes.
func (w *World) patience() Millis {
	if w.opt.WildEvery > 0 {
		return w.opt.Settle + 60_000*(keyspace.MinutesBack+1)
	}
	return w.opt.Settle
}

// mend ends all faults, and sees to it that some hosts run.
func (w *World) mend(hosts []*host) {
	w.calm = true
	w.era++
	w.net.heal()
	for _, h := range hosts {
		h.resume()
		h.slow = 0
		w.faults.amend(h)
		if h.skew > w.opt.SkewMax || h.skew < -w.opt.SkewMax {
			h.setSkew(0)
		}
		if h.up && h.left {
			h.crash()
		}
		if !h.up {
			h.start()
		}
	}
}

// wait plays on until nothing is wrong any more, at most for a while.
func (w *World) wait(oracle string, most Millis, wrong func() string) {
	from := w.now
	for w.failure == nil {
		w.until(w.now + 100)
		why := wrong()
		if why == "" {
			return
		}
		if w.now-from > most {
			w.fail(oracle, "after %d ms: %s", w.now-from, why)
		}
	}
}

// loss and dup end with the faults.
func (w *World) loss() int {
	if w.calm {
		return 0
	}
	return w.opt.LossPermille
}

func (w *World) dup() int {
	if w.calm {
		return 0
	}
	return w.opt.DupPermille
}

// fail records the first failure; the run ends there.
func (w *World) fail(oracle, format string, args ...any) {
	if w.failure == nil {
		w.failure = &Failure{oracle, w.now, fmt.Sprintf(format, args...)}
	}
}

// lost checks what a start found missing: a crash loses nothing that is synced,
// and a gap only where batches may be lost out of order.
func (w *World) lost(h *host, kind keyspace.LossKind) {
	w.markIf(MarkLossTail, kind == keyspace.LossTail)
	h.lossy = h.set || h.fallen || h.lossy && kind != keyspace.LossNone
	if h.lossy {
		return // a fault has changed the disk, and what it lost is not mended yet
	}
	if kind == keyspace.LossTail || kind == keyspace.LossGap && !w.opt.ScatteredLoss {
		w.fail("loss", "host %d claims a loss (%v) of what was durable", h.index, kind)
	}
}

func (w *World) noticed(h *host, e statemachine.Event) {
	switch e := e.(type) {
	case statemachine.ReachChanged:
		w.reached(h, e)
	case statemachine.MemberChanged:
		w.changed(h, e)
	case statemachine.Diverged:
		w.count.divergences++
		if !w.opt.FalseClaims {
			w.fail("claim", "host %d has a peer with an equal vector and another digest", h.index)
		}
	case statemachine.Repaired:
		w.count.repairs++
	case statemachine.Departed:
		w.departed[e.Member.Replica] = true
	case statemachine.Rejoining:
		w.count.rejoined++
	case statemachine.SettledAlone:
		w.alone = true
	case statemachine.CopyChanged:
		w.count.copies++
	}
}

// trace writes one step into the hash and to whoever listens.
func (w *World) trace(h *host, in statemachine.Input, effects []statemachine.Effect) {
	if w.sum == nil && w.opt.Trace == nil {
		return
	}
	w.traceLine(h, "", in)
	for _, e := range effects {
		w.traceLine(h, "  -> ", e)
	}
}

func (w *World) traceLine(h *host, arrow string, p statemachine.Printable) {
	b := strconv.AppendInt(w.line[:0], int64(w.now), 10)
	b = strconv.AppendInt(append(b, " n"...), int64(h.index), 10)
	b = p.Append(append(append(b, ' '), arrow...))
	w.line = append(b, '\n')
	if w.sum != nil {
		w.sum.Write(w.line)
	}
	if w.opt.Trace != nil {
		w.opt.Trace(string(b))
	}
}
