package sim

import (
	"fmt"
	"math/rand/v2"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// Millis is virtual time.
type Millis = keyspace.Millis

// Options are all parameters of one run. Swarm draws them from the seed, so
// that every seed is another world.
type Options struct {
	Seed     uint64
	Nodes    int
	Duration Millis // of the phase with faults and writes
	Settle   Millis // the longest that convergence may take afterwards

	AllSeeded bool // the first host has a seed too, so that nobody may found a cluster alone

	LossPermille, DupPermille int
	LatencyMin, LatencyMean   Millis // mean of the exponential part
	LateDupPermille           int    // of duplicates that come minutes late

	CutEvery, CutFor     Millis // partitions; 0 never
	OneWayPermille       int    // of partitions that cut one direction only
	CrashEvery, DownFor  Millis // crashes; 0 never
	KeepUnsyncedPermille int    // chance that an unsynced batch survives a crash
	SyncMin, SyncMean    Millis // how long a durable batch takes
	SkewMax              Millis // clocks are off by up to this, either way
	JumpEvery            Millis // clocks jump within SkewMax; 0 never
	ClockGrain           Millis // clocks tick this coarsely, to provoke ties
	DisasterEvery        Millis // disks wiped, set back or copied; 0 never
	OperateEvery         Millis // replicas are forgotten, or leave; 0 never
	AskEvery             Millis // people compare hosts; 0 never
	TuneEvery            Millis // hosts get other settings while they run; 0 never
	RotEvery             Millis // records are damaged that another host has; 0 never
	MistakeEvery         Millis // hosts start with wrong settings; 0 never
	HistoryEvery         Millis // somebody reads versions that do not stand any more; 0 never
	ReadEvery            Millis // clients read what a host without the older records lacks; 0 never
	SessionEvery         Millis // sessions go from host to host; 0 never
	RightsEvery          Millis // users, groups and rights change; 0 never
	WriteEvery           Millis // mean time between two client requests
	Keys                 int
	DeletePermille       int
	TTLPermille          int
	BurstPermille        int // of requests that are a group of up to 64 writes
	ValueMax             int
	Core                 statemachine.Config // timers and bounds; identity is filled in per host
	Mutant               keyspace.Mutant
	MutantEverywhere     bool   // else only on every second host
	Async                int    // of hosts one in so many syncs once a second, from the first on; 0 none
	ScatteredLoss        bool   // a crash loses any unsynced batches, not only the newest
	AckBeforeSync        bool   // mutant: the disk reports batches durable that are not
	SplitVector          bool   // mutant: the disk commits the vector before the rest of a batch
	FalseClaims          bool   // a test has planted false claims: vectors prove nothing
	PauseEvery, PauseFor Millis // hosts that stand still; 0 never
	CorePermille         int    // of hosts that heal while the rest stays broken for good; 0 no such phase
	ClogEvery, ClogFor   Millis // links that hold back what is sent; 0 never
	QueueMax             int    // messages that a link holds, 0 any number; what comes then is dropped
	SlowEvery            Millis // hosts that read one message at a time; 0 never
	SurgeEvery           Millis // times of ten times the load; 0 never
	WildEvery, Wild      Millis // one host's clock jumps by up to Wild, or a year ahead; 0 never
	Trace                func(line string)
	// Stepper is asked for at every start of a node and makes its steps, so that it
	// sees them all; nil steps the node itself.
	Stepper   func(host int) Stepper
	HashTrace bool
}

// Stepper makes one step of a node, as Node.Step does.
type Stepper func(n *statemachine.Node, now statemachine.Time, in statemachine.Input) []statemachine.Effect

// Swarm draws the options of a seed, with sessions in every world.
func Swarm(seed uint64) Options {
	o := mixed(seed)
	if o.SessionEvery == 0 {
		o.SessionEvery = between(rand.New(rand.NewPCG(seed, 0x5e55)), 50, 1_000)
	}
	if r := rand.New(rand.NewPCG(seed, 0xa57c)); r.IntN(4) == 0 {
		o.Async = 1 + r.IntN(2)
	}
	return o
}

// mixed draws a swarm in which half of the worlds are without sessions, whose
// reads and waits make some broken rules rarer.
func mixed(seed uint64) Options {
	r := rand.New(rand.NewPCG(seed, 0x5eed))
	o := Options{
		Seed:       seed,
		Nodes:      []int{1, 2, 3, 3, 3, 5, 5, 7}[r.IntN(8)],
		Duration:   60_000,
		Settle:     60_000,
		LatencyMin: 1, LatencyMean: Millis(1 + r.IntN(50)),
		SyncMin: 1, SyncMean: Millis(1 + r.IntN(20)),
		ClockGrain:           []Millis{1, 1, 10, 100, 1000}[r.IntN(5)],
		WriteEvery:           Millis(40 + r.IntN(200)),
		Keys:                 []int{2, 5, 20, 100}[r.IntN(4)],
		DeletePermille:       200 + r.IntN(200),
		BurstPermille:        r.IntN(50),
		ValueMax:             []int{10, 200, 2000}[r.IntN(3)],
		KeepUnsyncedPermille: r.IntN(1000),
		HashTrace:            false,
		Core:                 statemachine.DefaultConfig(),
	}
	some := func(chance int, set func()) {
		if r.IntN(100) < chance {
			set()
		}
	}
	some(50, func() { o.LossPermille = r.IntN(300) })
	some(50, func() { o.DupPermille = r.IntN(300) })
	some(30, func() { o.LateDupPermille = r.IntN(100) })
	some(60, func() { o.CutEvery, o.CutFor = between(r, 2_000, 20_000), between(r, 100, 30_000) })
	some(50, func() { o.OneWayPermille = r.IntN(1000) })
	some(60, func() { o.CrashEvery, o.DownFor = between(r, 2_000, 20_000), between(r, 10, 20_000) })
	some(20, func() { o.AllSeeded = true })
	some(50, func() { o.SkewMax = between(r, 1, 5_000) })
	some(30, func() { o.JumpEvery = between(r, 1_000, 20_000) })
	some(30, func() { o.TTLPermille = r.IntN(300) })
	some(50, func() { o.scaleTimers(r) })
	if o.Nodes == 1 {
		o.DownFor = min(o.DownFor, 2_000) // or nobody would write anything
	}
	some(50, func() { o.Core.ChunkEntries = 4 + r.IntN(16) })
	some(30, func() { o.Core.PushEntries = 1 + r.IntN(8) })
	some(30, func() { o.Core.RingBytes = 1 + r.IntN(20_000) })
	some(75, func() { o.collect(r) })
	some(30, func() { o.DisasterEvery = between(r, 5_000, 40_000) })
	some(30, func() { o.OperateEvery = between(r, 5_000, 40_000) })
	some(50, func() { o.Core.Throttle, o.Core.FetchDelay = between(r, 0, 300), between(r, 0, 300) })
	some(30, func() { o.AskEvery = between(r, 500, 10_000) })
	some(40, func() { o.ScatteredLoss = true })
	some(30, func() { o.Core.Probe = between(r, 100, 2_000) })
	some(30, func() { o.PauseEvery, o.PauseFor = between(r, 5_000, 30_000), between(r, 100, 20_000) })
	some(20, func() { o.WildEvery, o.Wild = between(r, 5_000, 40_000), 3_600_000 })
	some(30, func() { o.Core.DirectFanout = 1 + r.IntN(4) })
	some(50, func() { o.ReadEvery = between(r, 20, 500) })
	some(30, func() { o.ClogEvery, o.ClogFor = between(r, 1_000, 15_000), between(r, 100, 10_000) })
	some(40, func() { o.QueueMax = 8 + r.IntN(120) })
	some(20, func() { o.SlowEvery = between(r, 5_000, 30_000) })
	some(20, func() { o.SurgeEvery = between(r, 10_000, 30_000) })
	some(30, func() { o.CorePermille = 1 + r.IntN(1000) })
	some(50, func() { o.SessionEvery = between(r, 50, 1_000) })
	if o.Nodes <= 2 { // or they would be away too much to write anything
		o.PauseFor, o.DownFor = min(o.PauseFor, 2_000), min(o.DownFor, 8_000)
	}
	return o
}

// Unsynced draws the swarm's worlds with hosts that sync once a second, and lose what is
// newer.
func Unsynced(seed uint64) Options {
	o := Swarm(seed)
	r := rand.New(rand.NewPCG(seed, 0xa57d))
	o.Async = 1 + r.IntN(2)
	if o.CrashEvery == 0 {
		o.CrashEvery, o.DownFor = between(r, 2_000, 20_000), between(r, 10, 2_000)
	}
	return o
}

// Guarded draws the swarm's worlds with people who change users, groups and rights
// as well. They are worlds of their own, so that the seeds of the swarm keep theirs.
func Guarded(seed uint64) Options {
	o := Swarm(seed)
	r := rand.New(rand.NewPCG(seed, 0xac1))
	o.RightsEvery = between(r, 50, 1_000)
	return o
}

// Tuned draws the swarm's worlds with people who change settings of running hosts.
func Tuned(seed uint64) Options {
	o := Swarm(seed)
	o.TuneEvery = between(rand.New(rand.NewPCG(seed, 0x7e11)), 100, 3_000)
	return o
}

// Worn draws worlds whose disks damage one record after the other, whose operators make
// mistakes, and in which people read the history of keys and write by what they have
// seen: small clusters on a bad network.
func Worn(seed uint64) Options {
	r := rand.New(rand.NewPCG(seed, 0x3047))
	o := Calm(seed, 2+r.IntN(3))
	o.FalseClaims = true // damage makes them, and digests tell
	o.Keys, o.WriteEvery = 5+r.IntN(40), between(r, 30, 120)
	o.LossPermille, o.CutEvery, o.CutFor = r.IntN(150), 8_000, 4_000
	if r.IntN(2) == 0 {
		o.CrashEvery, o.DownFor = 10_000, 2_000
	}
	if r.IntN(2) == 0 {
		o.TTLPermille = 200
	}
	if r.IntN(3) == 0 {
		o.AskEvery = between(r, 500, 5_000)
	}
	o.RotEvery, o.HistoryEvery = between(r, 100, 1_000), between(r, 100, 1_000)
	if r.IntN(2) == 0 {
		o.MistakeEvery = between(r, 5_000, 20_000)
	}
	o.Core.Sync, o.Core.Revisions = 2_000, 1+r.IntN(16)
	o.Settle = 180_000
	return o
}

// unclogged draws the swarm's worlds without clogs, queues, surges and cores, in
// which some rules are noticed sooner.
func unclogged(seed uint64) Options {
	o := mixed(seed)
	o.ClogEvery, o.QueueMax, o.SlowEvery, o.SurgeEvery, o.CorePermille = 0, 0, 0, 0, 0
	o.SessionEvery = 0
	return o
}

// collect makes collection and all that comes of it happen within a run.
func (o *Options) collect(r *rand.Rand) {
	o.Core.Collect = between(r, 200, 3_000)
	o.Core.Retention = between(r, 1, 10_000)
	if r.IntN(3) == 0 {
		o.Core.Horizon = between(r, 5_000, 30_000)
	}
}

// scaleTimers makes what happens every few minutes happen within a run.
func (o *Options) scaleTimers(r *rand.Rand) {
	c := &o.Core
	c.GossipMin = between(r, 100, 2_000)
	c.GossipMax = c.GossipMin + between(r, 0, 2_000)
	c.Replication = between(r, 100, 2_000)
	c.Sync = between(r, 500, 10_000)
	c.Catchup = between(r, 1_000, 10_000)
	c.FailedAfter = between(r, 10_000, 20_000)
	c.RemovedAfter = c.FailedAfter + between(r, 1_000, 20_000)
}

// Forgetful draws a world in which collection is at its most eager and everything
// that could trip it happens at once: few keys, as many deletes as writes, no
// retention, lost and late messages, cut links, wrong clocks. It hits rules that
// the swarm needs many seeds for.
func Forgetful(seed uint64) Options {
	o := mixed(seed)
	r := rand.New(rand.NewPCG(seed, 0xf0f0))
	o.Nodes, o.SessionEvery = 3+r.IntN(2), 0
	o.Keys, o.DeletePermille, o.TTLPermille = 1+r.IntN(4), 500, 0
	o.WriteEvery, o.BurstPermille = 30, 0
	o.LossPermille, o.DupPermille, o.LateDupPermille = r.IntN(300), 300, 500
	o.LatencyMean = Millis(1 + r.IntN(300))
	o.CutEvery, o.CutFor, o.OneWayPermille = between(r, 500, 4_000), between(r, 100, 6_000), r.IntN(1000)
	o.SkewMax, o.JumpEvery = between(r, 1, 5_000), between(r, 500, 10_000)
	o.scaleTimers(r)
	o.Core.Replication, o.Core.Sync = between(r, 50, 300), between(r, 200, 2_000)
	o.Core.Collect, o.Core.Retention = between(r, 20, 200), 1
	o.Core.Throttle, o.Core.FetchDelay = 0, 0
	o.Core.PushEntries, o.Core.ChunkEntries = 1+r.IntN(2), 4
	o.Core.Horizon = DefaultHorizon
	o.DisasterEvery, o.OperateEvery, o.AskEvery = 0, 0, 0
	switch r.IntN(3) {
	case 0:
		o.DisasterEvery = between(r, 5_000, 20_000)
	case 1:
		o.OperateEvery = between(r, 3_000, 10_000)
	}
	return o
}

// DefaultHorizon is so long that nobody is given up in a run.
const DefaultHorizon Millis = 720 * 3_600_000

func between(r *rand.Rand, low, high Millis) Millis {
	return low + Millis(r.Int64N(int64(high-low)+1))
}

// Calm returns the options of a run without faults: 5 nodes on a good network.
func Calm(seed uint64, nodes int) Options {
	return Options{
		Seed: seed, Nodes: nodes, Duration: 60_000, Settle: 30_000,
		LatencyMin: 1, LatencyMean: 2, SyncMin: 1, SyncMean: 2, ClockGrain: 1,
		WriteEvery: 100, Keys: 100, DeletePermille: 200, ValueMax: 200,
		Core: statemachine.DefaultConfig(),
	}
}

// Scenario returns the options of a named scenario, or an error that lists the
// names.
func Scenario(name string, seed uint64, nodes int) (Options, error) {
	o := Calm(seed, 5)
	switch name {
	case "swarm":
		o = Swarm(seed)
	case "guarded":
		o = Guarded(seed)
	case "tuned":
		o = Tuned(seed)
	case "worn":
		o = Worn(seed)
	case "forgetful":
		o = Forgetful(seed)
	case "unsynced":
		o = Unsynced(seed)
	case "calm":
	case "partition":
		o.CutEvery, o.CutFor, o.OneWayPermille = 10_000, 10_000, 300
	case "crash":
		o.CrashEvery, o.DownFor, o.KeepUnsyncedPermille = 5_000, 3_000, 500
	case "lossy":
		o.LossPermille, o.DupPermille, o.LatencyMean = 200, 100, 40
	default:
		return o, fmt.Errorf("unknown scenario %q: choose swarm, guarded, tuned, unsynced, worn, forgetful, calm, partition, crash or lossy", name)
	}
	if nodes > 0 {
		o.Nodes = nodes
	}
	return o, nil
}
