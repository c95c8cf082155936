package sim

import (
	"bytes"
	"math/rand/v2"
	"slices"

	"kvs/statemachine/keyspace"
)

// historians read what hosts keep beside the records that stand: the versions of a key
// that do not any more, the conflicts that were met, and what a backup would claim.
type historians struct {
	w     *World
	rng   *rand.Rand
	times int // a version was found as of a time
}

// begin reads again and again until the end of the fault phase.
func (s *historians) begin() {
	if s.w.opt.HistoryEvery <= 0 || s.w.now >= s.w.opt.Duration {
		return
	}
	if h := s.w.hosts[s.rng.IntN(len(s.w.hosts))]; h.up {
		n := int64(s.rng.IntN(s.w.opt.Keys))
		s.versions(h, key(n))
		s.conflicts(h)
		if s.backup(h) && !h.busy {
			s.indexes(h)
		}
		s.w.act(ActSwap, of(h), n, int64(s.rng.IntN(2)))
		if s.rng.IntN(10) == 0 {
			s.w.act(ActAsk, of(h, h), askReadOnly+int64(s.rng.IntN(2)))
		}
	}
	s.w.queue.plan(s.w.now+1+exponential(s.rng, s.w.opt.HistoryEvery), s.begin)
}

// versions checks that what a host keeps of a key was written just so, that newer
// versions come first and each once, and that of a time that is known the newest
// stood that is not newer.
func (s *historians) versions(h *host, key string) {
	r := h.disk.Reader()
	cur, revs := keyspace.ReadHistory(r, key)
	var all []keyspace.Version
	if cur != nil {
		all = append(all, cur.Ver)
	}
	for i := range revs {
		rev := &revs[i]
		rev.Load(r)
		if rev.Fate.String() == "current" {
			s.w.fail("history", "host %d does not say why %v of %s is over", h.index, rev.Ver, key)
		}
		was, known := s.w.model.byVersion[rev.Ver]
		if !known || s.w.model.writes[was].key != key || s.w.model.writes[was].value != string(rev.Value) {
			s.w.fail("history", "host %d keeps %v of %s, which nobody wrote so", h.index, rev.Ver, key)
			return
		}
		all = append(all, rev.Ver)
	}
	for i := 1; i < len(revs); i++ {
		one, two := revs[i-1].Ver.Order(), revs[i].Ver.Order()
		if !beats(revs[i-1].Ver, revs[i].Ver) || bytes.Compare(one[:], two[:]) <= 0 {
			s.w.fail("history", "host %d lists %v of %s before %v", h.index, revs[i-1].Ver, key, revs[i].Ver)
		}
	}
	if cur != nil && len(revs) > 0 && beats(revs[0].Ver, cur.Ver) {
		return // what stood was damaged, and something older has its place so far
	}
	for _, v := range all {
		stood, known := keyspace.At(cur, revs, v.TS)
		if !known {
			continue
		}
		s.times++
		if stood == nil || stood.Ver.TS != v.TS || beats(v, stood.Ver) {
			s.w.fail("history", "host %d: %v of %s did not stand at its own time", h.index, v, key)
		}
	}
}

// conflicts checks that the log is in order, and the loser of each lost.
func (s *historians) conflicts(h *host) {
	last := uint64(0)
	for _, c := range keyspace.ReadConflicts(h.disk.Reader(), 0, 1+s.rng.IntN(20)) {
		if last > 0 && c.Number != last-1 {
			s.w.fail("history", "host %d has conflict %d after %d", h.index, c.Number, last)
		}
		last = c.Number
		if !beats(c.Winner.Ver, c.Loser.Ver) {
			s.w.fail("history", "host %d: %v is said to have won over %v", h.index, c.Winner.Ver, c.Loser.Ver)
		}
	}
}

// backup checks that a claim comes out of a file as it went in, and that a whole one
// is the host's own. It says whether it is: whether the host looks for no record that
// was damaged.
func (s *historians) backup(h *host) (whole bool) {
	id, claim, whole := keyspace.ReadClaim(h.disk.Reader())
	var read keyspace.Claim
	file, err := claim.MarshalBinary()
	if err == nil {
		err = read.UnmarshalBinary(file)
	}
	same := read.VV.Equal(claim.VV) && read.Floor.Equal(claim.Floor) && read.Voids.Equal(claim.Voids) &&
		read.Stamps == claim.Stamps && read.Lapsed == claim.Lapsed
	if err != nil || !same || id.Replica != h.id {
		s.w.fail("backup", "host %d: the claim of a backup comes out as another: %v", h.index, err)
	}
	disk := h.claimed()
	if whole && !disk.Equal(claim.VV) {
		s.w.fail("backup", "host %d claims %v, and its backup %v", h.index, disk, claim.VV)
	}
	_ = read.UnmarshalBinary(s.w.garbled(file)) // whatever comes of it
	if read.UnmarshalBinary(file[:len(file)-1]) == nil {
		s.w.fail("backup", "host %d: a part of a claim is taken for a whole one", h.index)
	}
	return whole
}

// indexes checks that a host finds by hash, by time and by expiry just the records that
// it has.
func (s *historians) indexes(h *host) {
	r, values, now := h.disk.Reader(), 0, h.now().Wall
	expired := map[string]bool{}
	keyspace.Lapsed(r, now-90_000, now, func(c keyspace.Change) { expired[c.Key] = true })
	for key, rec := range h.stored {
		if !rec.Tombstone() {
			values++
		}
		if over := rec.Expires > now-90_000 && rec.Expires <= now; over != expired[key] {
			s.w.fail("index", "host %d: %s expires at %d, listed by expiry: %v", h.index, key, rec.Expires, !over)
		}
		if !slices.Contains(keyspace.KeysOf(r, h.hasher.Key(key)), key) {
			s.w.fail("index", "host %d does not find %s by its hash", h.index, key)
		}
	}
	for place := range r.Ascend(keyspace.TimeKey(0, ""), keyspace.TimeEnd()) {
		at, key, ok := keyspace.TimePlace(place)
		rec, there := keyspace.DecodeRecord(r.Get(keyspace.DataKey(key)))
		if !ok || !there || rec.Tombstone() || rec.Ver.TS != at {
			s.w.fail("index", "host %d has %s at %d, where it is not", h.index, key, at)
		}
		values--
	}
	if values != 0 {
		s.w.fail("index", "host %d lists %d values too few by time", h.index, values)
	}
}
