package statemachine

import (
	"math"
	"math/rand/v2"

	"kvs/statemachine/keyspace"
)

// Node is one replica's protocol. Only Step changes it.
type Node struct {
	cfg Config
	now Time
	rng *rand.Rand
	out []Effect

	id   keyspace.Identity
	self Member
	// vv, sum and live mirror the store as of the last Applied.
	vv VV
	// durable is the part of vv that no crash takes, as of batch synced.
	durable VV
	synced  BatchID
	sum     Sum
	live    uint64
	stream  Stream
	loss    keyspace.Loss // found by a start, not mended yet
	goal    goal          // whose having ends a LossUnsynced

	peers []*peer // sorted by replica; everybody ever heard of, self excluded
	// unsaved says that a peer's change is not on its way to the store yet.
	unsaved bool
	dials   []dial // sorted by address
	// refused is the last peer that was turned away.
	refused  refusal
	jobs     jobs
	ring     ring
	delta    delta
	scrub    scrub
	visitors []visitor // whose scrubs this node serves, at most visitorsMax
	pace     pace

	transfer keyspace.Transfer // mirrors the store: this node is not complete yet
	copy     copying
	pins     []pin
	floor    VV // mirrors the store: what was purged, as heads
	// tombstones and expiring mirror the store's counts.
	tombstones, expiring uint64
	asOf                 keyspace.Minute // the minute that sum is of
	past                 [keyspace.MinutesBack]Sum
	turning              bool // a turn is with the store
	collection           collection
	report               *Report // this node's own, nil if it has nothing to say
	reported             uint64  // its number
	draft                *Report // waits until what it says is durable, nil if none does
	draftBatch           BatchID // the last batch that went to the store before it
	accepted             bool    // a complete replica talks to this run
	guests               []guest
	leaving              leaving
	ending               bool // this life ends
	readOnly             bool
	damage               []damage // at most damagedMax
	detector             detector
	many                 bool // so many links that pushes go along a tree
	clamped              bool // the clock was too far ahead when it was last looked at

	reads    map[OpID]pendingRead
	lastRead OpID

	awaits   []await // in the order of their asking
	consults []consult
	copies   []copies // in the order of their numbers

	lookups    []lookup // that wait for the source, in the order of their asking
	lastLookup uint64

	timers [timerCount]Millis
	stats  Stats
}

// New returns a node that goes on from what its store held at the start.
func New(cfg Config, restored keyspace.Snapshot) *Node {
	n := &Node{
		cfg:     cfg,
		rng:     rand.New(rand.NewChaCha8(cfg.Seed)),
		id:      restored.Identity,
		vv:      restored.VV.Clone(),
		durable: restored.VV.Clone(),
		sum:     restored.Sum,
		live:    restored.Live,
		stream:  restored.Stream,
		floor:   restored.Floor.Clone(), tombstones: restored.Tombstones, expiring: restored.Expiring,
		asOf: restored.AsOf, past: restored.Past, transfer: restored.Transfer.Clone(),
		reads:    make(map[OpID]pendingRead),
		readOnly: cfg.ReadOnly,
		loss:     restored.Loss,
	}
	n.ring.limit = cfg.RingBytes
	n.self = Member{
		Replica: n.id.Replica, Name: cfg.Name, Addr: cfg.Addr, Joined: n.id.Joined, Boot: n.id.Boot,
	}
	for i := range n.timers {
		n.timers[i] = never
	}
	n.timers[timerStart] = 0
	n.self.Stage = n.stage()
	for _, l := range restored.Lost[:min(len(restored.Lost), damagedMax)] {
		n.listDamage(l.Key, l.Mended)
	}
	for _, m := range restored.Members {
		n.remember(m)
	}
	return n
}

// Step consumes one input and returns what the shell has to do.
func (n *Node) Step(now Time, in Input) []Effect {
	assertf(now.Mono >= n.now.Mono, "time went back from %d to %d", n.now.Mono, now.Mono)
	n.now = now
	clear(n.out)
	n.out = n.out[:0]
	switch in := in.(type) {
	case Tick:
		n.onTick()
	case PeerUp:
		n.onPeerUp(in.Hello)
	case Reached:
		n.onReached(in)
	case PeerDown:
		n.onPeerDown(in.Peer)
	case Received:
		n.onReceived(in)
	case ClientWrites:
		n.onClientWrites(in.Writes)
	case Applied:
		n.onApplied(in.Result)
	case Synced:
		n.onSynced(in)
	case DigestRead:
		n.onDigestRead(in)
	case LeafRead:
		n.onLeafRead(in)
	case DotsRead:
		n.onDotsRead(in)
	case RecordsRead:
		n.onRecordsRead(in)
	case CopyRead:
		n.onCopyRead(in)
	case KeyRead:
		n.onKeyRead(in)
	default:
		n.onCommand(in)
	case Damaged:
		n.onDamaged(in.Key)
	}
	n.pumpJobs()
	return n.out
}

// onCommand does what an operator asks.
func (n *Node) onCommand(in Input) {
	switch in := in.(type) {
	case Leave:
		n.onLeave(in)
	case Forget:
		n.onForget(in)
	case SetMode:
		n.onSetMode(in)
	case SetConfig:
		n.onSetConfig(in)
	case SyncNow:
		n.onSyncNow(in)
	case Diff:
		n.onDiff(in)
	case Lookup:
		n.onLookup(in)
	case Await:
		n.onAwait(in)
	case PeerRead:
		n.onPeerRead(in)
	}
}

// onReceived drops what does not come from the running connection of a peer of
// this cluster, and hands the rest on.
func (n *Node) onReceived(in Received) {
	p := n.peer(in.From)
	if m, ok := in.Msg.(Refuse); ok && (n.isGuest(in.From) || p != nil) {
		n.onRefuse(m)
		return
	}
	stale := n.ending || p == nil || !p.up || p.Boot != in.Boot
	if stale && !(n.cfg.Mutant.Is(keyspace.MutantBootFence) && p != nil && p.up) {
		n.stats.DroppedStale++
		return
	}
	n.hear(p)
	switch m := in.Msg.(type) {
	case Hello:
		n.onHello(p, m)
		return
	case Welcome:
		n.onWelcome(p, m)
		return
	case Table:
		if p.cluster == n.id.Cluster {
			n.onTable(m)
		}
		return
	}
	if !p.linked {
		n.stats.DroppedUnlinked++
		return
	}
	if m, ok := n.readable(p, in.Msg); ok {
		n.onLinked(p, m)
	}
}

// onLinked hands on what a peer of this cluster says.
func (n *Node) onLinked(p *peer, m Message) {
	switch m := m.(type) {
	case Digest:
		n.onDigest(p, m)
	case Push:
		n.onPush(p, m)
	case Ack:
		n.onAck(p, m)
	case Delta:
		n.onDelta(p, m)
	case Reports:
		n.onReports(p, m)
	case Open:
		n.onOpen(p, m)
	case Opened:
		n.onOpened(p, m)
	case Fetch:
		n.onFetch(p, m)
	case Chunk:
		n.onChunk(p, m)
	case AskRetired:
		n.onAskRetired(p, m)
	case RetiredList:
		n.onRetiredList(p, m)
	case Got:
		n.onGot(p, m)
	case Ping, PingAck, PingReq, Suspicion:
		n.onProbes(p, m)
	default:
		if n.transfer.Active() {
			n.stats.DroppedSyncing++ // a node that is not complete is nobody's source
			return
		}
		n.onQuestion(p, m)
	}
}

// onProbes takes part in finding out who is there.
func (n *Node) onProbes(p *peer, m Message) {
	switch m := m.(type) {
	case Ping:
		n.onPing(p, m)
	case PingAck:
		n.onPingAck(p, m)
	case PingReq:
		n.onPingReq(p, m)
	case Suspicion:
		n.onSuspicion(p, m)
	}
}

// onQuestion answers what only a complete node can.
func (n *Node) onQuestion(p *peer, m Message) {
	switch m := m.(type) {
	case Need:
		n.onNeed(p, m)
	case Compare:
		n.onCompare(p, m)
	case LeafList:
		n.onLeafList(p, m)
	case Items:
		n.onItems(p, m)
	case Graft:
		n.onGraft(p)
	case Prune:
		n.onPrune(p)
	case Get:
		n.onGet(p, m)
	}
}

func (n *Node) emit(e Effect)   { n.out = append(n.out, e) }
func (n *Node) notify(e Event)  { n.emit(Notify{e}) }
func (n *Node) linked() []*peer { return n.choose(func(p *peer) bool { return p.linked }) }

func (n *Node) send(p *peer, class Class, m Message) {
	n.emit(Send{p.Replica, class, n.onWire(m)})
}

const never Millis = math.MaxInt64
