package sim

import (
	"encoding/binary"
	"math/rand/v2"

	"kvs/statemachine"
)

// Script is everything that is decided in a run, and not by the core: what is done
// to the cluster and when, and the fate of what nobody decides on purpose. A world
// that plays a script draws nothing: what the script leaves out does not happen, or
// happens in the plainest way.
type Script struct {
	Options Options
	Until   Millis // the run ends here, before its faults do; 0 it goes on to its end
	Core    []int  // the hosts that heal alone while the others stay broken; none no such phase
	Dead    []int  // of these others, those that are down; the rest is cut off
	Acts    []Act  // in the order of their times
	Fates   []Fate
	Failed  string // the oracle that failed, and what it saw; "" none did
}

// Fate is a small choice that is made again and again: what becomes of a message, how
// long a sync takes.
type Fate struct {
	FateKey
	Nth    int     // of this key, from 0
	Values []int64 // what was chosen
	at     Millis  // when
}

// FateKey says of what a fate is.
type FateKey struct {
	Kind     FateKind
	From, To int               // hosts; the same where one is concerned
	Message  statemachine.Kind // of FateSend
}

// FateKind says what is chosen.
type FateKind string

// The kinds of fates, and what becomes of each that no script has.
const (
	FateSend  FateKind = "send"  // when each copy of a message arrives, in ms; it arrives once, at once
	FateDial  FateKind = "dial"  // how long a handshake takes, none if it fails; at once
	FateUp    FateKind = "up"    // how long until a host hears of a connection; at once
	FateSync  FateKind = "sync"  // how long a batch takes; as short as it may
	FateKept  FateKind = "kept"  // 1: an unsynced batch survives a crash; from the seed
	FateFirst FateKind = "first" // when a host starts for the first time; at once
	FateStart FateKind = "start" // random words of a start, and the host that is its seed; from the seed
	FateAgain FateKind = "again" // how long a start takes that the core wants; 1 ms
	FateMust  FateKind = "must"  // the write that a part must take which has healed; a short one
	FateTidy  FateKind = "tidy"  // where operators forget at the end; the first host
	FateJudge FateKind = "judge" // where and how much a follower reads at the end
)

// scripted is a world's part in a script: it writes one, or plays one.
type scripted struct {
	wrote  Script // what is written, or what of the played one has come to pass
	plays  bool
	next   int // of the acts that are played
	counts map[FateKey]int
	fates  map[FateKey]map[int][]int64 // that are played
}

func writing(opt Options) *scripted {
	return &scripted{wrote: Script{Options: opt}, counts: map[FateKey]int{}}
}

func playing(s *Script) *scripted {
	p := &scripted{wrote: Script{Options: s.Options}, plays: true, counts: map[FateKey]int{},
		fates: map[FateKey]map[int][]int64{}}
	for _, f := range s.Fates {
		if p.fates[f.FateKey] == nil {
			p.fates[f.FateKey] = map[int][]int64{}
		}
		p.fates[f.FateKey][f.Nth] = f.Values
	}
	return p
}

// fate writes down what was drawn, or says what the script has instead; usual is
// what happens if it has nothing.
func (s *scripted) fate(now Millis, k FateKey, drawn []int64, usual ...int64) []int64 {
	nth := s.counts[k]
	s.counts[k]++
	if !s.plays {
		s.wrote.Fates = append(s.wrote.Fates, Fate{k, nth, drawn, now})
		return drawn
	}
	if v, ok := s.fates[k][nth]; ok {
		s.wrote.Fates = append(s.wrote.Fates, Fate{k, nth, v, now})
		return v
	}
	return usual
}

// fated is the fate of something of one host that has one value.
func (w *World) fated(kind FateKind, h *host, drawn, usual Millis) Millis {
	return w.net.fated(kind, h, h, drawn, usual)
}

// plays says that the world takes everything from a script.
func (w *World) plays() bool { return w.script != nil && w.script.plays }

// due performs the next act of a script, if nothing else comes before it.
func (w *World) due(end Millis) bool {
	if !w.plays() || w.script.next >= len(w.acts) {
		return false
	}
	a := &w.acts[w.script.next]
	if a.At > end {
		return false
	}
	if len(w.queue.heap) > 0 {
		at, passed := w.queue.heap[0].at, 0
		if w.now == a.At {
			passed = w.within
		}
		if at < a.At || at == a.At && passed < a.After {
			return false
		}
	}
	w.pass(a.At)
	w.script.next++
	w.perform(a)
	return true
}

// pass lets the time become at, if it is not that yet.
func (w *World) pass(at Millis) {
	if at > w.now {
		w.now, w.within = at, 0
	}
}

// Record plays a world and writes down its script.
func Record(opt Options) (s Script, r Result) {
	w := newWorld(opt)
	w.script = writing(opt)
	r = guard(opt, func() *World { return w })
	s = w.script.wrote
	if r.Failure != nil {
		s.Failed = r.Failure.Oracle
	}
	return s, r
}

// Play plays a script.
func (s *Script) Play() Result { return guard(s.Options, s.world) }

func (s *Script) world() *World {
	w := newWorld(s.Options)
	w.script, w.acts, w.stop = playing(s), s.Acts, s.Until
	w.core, w.dead = s.Core, s.Dead
	return w
}

// lot are the random words of one start.
type lot [14]uint64

// drawLot draws what a start needs, and a host below it as its second seed.
func (h *host) drawLot() (l lot, seed int) {
	for i := range l {
		l[i] = h.rng.Uint64()
	}
	if h.index > 0 {
		seed = h.rng.IntN(h.index)
	}
	if h.w.script == nil {
		return l, seed
	}
	words := make([]int64, 0, len(l)+1)
	for _, x := range append(l[:], uint64(seed)) {
		words = append(words, int64(x))
	}
	k := FateKey{Kind: FateStart, From: h.index, To: h.index}
	words = h.w.script.fate(h.w.now, k, words)
	if len(words) != len(l)+1 {
		r := h.plain()
		for i := range l {
			l[i] = r.Uint64()
		}
		return l, 0
	}
	for i := range l {
		l[i] = uint64(words[i])
	}
	return l, int(uint64(words[len(l)]) % uint64(max(h.index, 1)))
}

// plain draws what is random in a start of which a script says nothing.
func (h *host) plain() *rand.Rand {
	return rand.New(rand.NewPCG(h.w.opt.Seed, uint64(h.index)<<32|uint64(h.run)))
}

// coin is 1 if a batch survives a crash of which a script says nothing.
func (h *host) coin() Millis {
	if !h.w.plays() {
		return 1
	}
	r := h.plain()
	for range 1 + h.w.script.counts[FateKey{Kind: FateKept, From: h.index, To: h.index}] {
		_ = r.Uint64()
	}
	return Millis(r.Uint64() & 1)
}

// bytes are the lot's bytes, in order.
func (l *lot) bytes() []byte {
	b := make([]byte, 0, 8*len(l))
	for _, word := range l {
		b = binary.LittleEndian.AppendUint64(b, word)
	}
	return b
}
