package sim

import (
	"encoding/binary"
	"math/rand/v2"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// sessionsFrom is the first request of the sessions, beyond those of the readers.
const sessionsFrom statemachine.RequestID = 1 << 42

const (
	// sessionsCount is how many sessions a world has.
	sessionsCount = 2
	// sessionWait is how long a session waits for a host, or a write for others.
	sessionWait Millis = 2_000
)

// sessions are clients that go from host to host with what they have seen: each reads
// its own writes and never reads backwards, and what it writes follows what it read.
// Their writes ask for copies, which must be there when they are said to be.
type sessions struct {
	questions[visit]
	rng      *rand.Rand
	each     [sessionsCount]session
	reads    int // by hosts that showed what the session had seen
	waited   int // reads that were refused for that
	copies   int // writes that enough hosts had
	short    int // and those that not enough had in time
	regarded int // reads of a key that the session had seen before
}

type session struct {
	token keyspace.Session
	seen  map[string]keyspace.Version // never ranged over
}

// visit is a question of a session to a host.
type visit struct {
	session *session // nil: a read that asks others
	key     string
	was     keyspace.Version // what the session had seen of it when it asked; zero nothing
}

func newSessions(w *World, rng *rand.Rand) *sessions {
	return &sessions{questions: newQuestions[visit](w, "session", sessionsFrom, sessionWait+1_000), rng: rng}
}

// begin acts again and again until the end of the fault phase.
func (s *sessions) begin() {
	if s.w.now >= s.w.opt.Duration {
		return
	}
	for i := range s.each {
		s.draw(i)
	}
	s.w.queue.plan(s.w.now+1+exponential(s.rng, s.w.opt.SessionEvery), s.begin)
}

// What a session does.
const (
	sessionWrites int64 = iota
	sessionConsults
	sessionReads
)

// draw lets a session read from some host, or write to it.
func (s *sessions) draw(who int) {
	h := s.w.clients.up(s.rng)
	if h == nil || !s.served(h) {
		return
	}
	key := int64(s.rng.IntN(s.w.opt.Keys))
	does, n := sessionReads, int64(0)
	switch s.rng.IntN(4) {
	case 0:
		does, n = sessionWrites, int64(s.rng.IntN(4))
	case 1:
		does, n = sessionConsults, int64(1+s.rng.IntN(3))
	default:
		n = s.rng.Int64N(int64(sessionWait))
	}
	s.w.act(ActSession, of(h), int64(who), key, does, n)
}

// served says that a host serves sessions.
func (s *sessions) served(h *host) bool {
	return !h.copying() && h.node.Status().Mode != statemachine.ModeSyncing
}

// perform lets a session do what an act says: n is how many copies its write asks
// for, 3 for all, how many hosts its read asks, or how long it waits.
func (s *sessions) perform(h *host, args []int64) {
	if !s.served(h) {
		return
	}
	o, key, does, n := &s.each[args[0]%sessionsCount], key(args[1]), args[2], args[3]
	if o.seen == nil {
		o.seen = make(map[string]keyspace.Version)
	}
	cluster := h.cluster()
	carried := o.token.Append(nil, cluster)
	keyspace.ParseSession(s.w.garbled(carried), cluster) // whatever comes of it
	token, ok := keyspace.ParseSession(carried, cluster)
	if !ok {
		s.w.fail("session", "a session cannot be read again: %v", o.token)
		return
	}
	switch does {
	case sessionWrites:
		s.write(h, o, key, token.Stamp, int(n))
	case sessionConsults:
		id := s.ask(h, visit{key: key})
		h.step(statemachine.PeerRead{Request: id, Key: key, N: max(int(n), 1), Wait: sessionWait})
	default:
		id := s.ask(h, visit{o, key, o.seen[key]})
		h.step(statemachine.Await{Request: id, Session: token, Wait: Millis(n)})
	}
}

// write puts a value, and asks for copies.
func (s *sessions) write(h *host, o *session, key string, seen Millis, acks int) {
	if acks == 3 {
		acks = statemachine.AcksAll
	}
	one := s.w.clients.opened(h, func() keyspace.Write {
		value := binary.BigEndian.AppendUint64(nil, uint64(s.w.clients.next))
		return keyspace.Write{Key: key, Value: value, Seen: seen}
	})
	one.Acks, one.Wait = acks, sessionWait
	clamped := h.node.Status().Stats.ClampedBatches
	r := s.w.clients.open[one.Request]
	r.ended = func(result statemachine.WriteResult) {
		if result.Refused == statemachine.RefusedNot {
			follows := h.node.Status().Stats.ClampedBatches == clamped
			s.wrote(h, o, key, seen, &result, follows)
		}
	}
	s.w.clients.open[one.Request] = r
	h.step(statemachine.ClientWrites{Writes: []statemachine.ClientWrite{one}})
}

// wrote checks that a write follows what its session had seen by the time that it was
// made, and that as many have it as was said.
func (s *sessions) wrote(h *host, o *session, key string, seen Millis, r *statemachine.WriteResult, follows bool) {
	// A stamp from far ahead is not followed, nor by a node that doubts its own clock:
	// late messages are enough for that.
	if follows && s.w.together() && r.Version.TS <= seen && s.trusts() {
		s.w.fail("session", "host %d stamps %v, and its writer has seen %d", h.index, r.Version, seen)
	}
	o.token.Saw(r.Dot, r.Version.TS, keyspace.Stream.Hash)
	if was, ok := o.seen[key]; !ok || beats(r.Version, was) {
		o.seen[key] = r.Version
	}
	if r.Copies == 0 {
		return // not asked for
	}
	if s.copies++; r.Short {
		s.short++
	}
	have := 0
	for _, other := range s.w.hosts {
		if other.surely().Contains(r.Dot) {
			have++
		}
	}
	if have < r.Copies && s.intact() {
		s.w.fail("copies", "%v is on %d hosts, and host %d says on %d", r.Dot, have, h.index, r.Copies)
	}
}

// together says that no two clocks ever showed times further apart than nodes follow,
// frozen ones too. A clock shows up to its grain less than it has.
func (w *World) together() bool {
	off := w.opt.SkewMax
	for _, h := range w.hosts {
		off = max(off, h.off())
	}
	return 2*off+w.opt.ClockGrain-1 <= w.opt.Core.MaxSkew
}

// trusts says that no disk was lost, set back or copied, and no replica began again:
// else a host may have had what it lost.
func (s *sessions) trusts() bool { return s.intact() && s.w.count.taken == 0 }

// intact is trusts, as far as it is about what was durable.
func (s *sessions) intact() bool {
	return s.w.count.disasters == 0 && s.w.count.rejoined == 0 && !s.w.alone && !s.w.opt.FalseClaims
}

// answered reads from a host that shows what its session has seen.
func (s *sessions) answered(h *host, e statemachine.Done) {
	v, ok := s.questions.answered(h, e.Request)
	if !ok {
		return
	}
	if e.Result.Refused != statemachine.RefusedNot {
		s.waited++
		s.w.mark(MarkSessionWaits)
		return
	}
	if v.session == nil || h.disk.Unsynced() > 0 {
		return
	}
	s.reads++
	o := v.session
	was, before := v.was, v.was != (keyspace.Version{})
	rec, here := keyspace.DecodeRecord(h.disk.Reader().Get(keyspace.DataKey(v.key)))
	if before {
		s.regarded++
	}
	switch {
	case !here && before && !s.w.model.forgotten(v.key, was) && s.trusts():
		s.w.fail("session", "host %d has no %s, of which its reader has seen %v", h.index, v.key, was)
	case here && before && beats(was, rec.Ver) && s.trusts():
		s.w.fail("session", "host %d shows %v of %s, and its reader has seen %v", h.index, rec.Ver, v.key, was)
	case here:
		o.token.Saw(rec.Dot, rec.Ver.TS, keyspace.Stream.Hash)
		if now, ok := o.seen[v.key]; !ok || beats(rec.Ver, now) {
			o.seen[v.key] = rec.Ver
		}
	}
}
