package sim

import (
	_ "embed" // the scripts
	"fmt"
	"strings"

	"kvs/sim/disk"
	"kvs/statemachine/keyspace"
)

// Scenarios are counterexamples by construction, for rules that random worlds hit
// too rarely: each fails without its rule, and passes with it. Most script the data
// half alone; some are runs that once failed, shrunk.

var (
	//go:embed testdata/scripts/twins-of-one-disk.sim
	twinsOfOneDisk string
	//go:embed testdata/scripts/beyond-a-gap.sim
	beyondAGap string
	//go:embed testdata/scripts/expired-by-a-lagging-clock.sim
	expiredByALaggingClock string
	//go:embed testdata/scripts/older-start.sim
	olderStart string
	//go:embed testdata/scripts/new-source-lacked.sim
	newSourceLacked string
	//go:embed testdata/scripts/source-below-the-floor.sim
	sourceBelowTheFloor string
)

// played plays a script with a rule broken on all hosts.
func played(text string) func(keyspace.Mutant) *Failure {
	return func(m keyspace.Mutant) *Failure {
		s, err := ReadScript(strings.NewReader(text))
		if err != nil {
			return &Failure{Oracle: "script", Detail: err.Error()}
		}
		s.Options.Mutant, s.Options.MutantEverywhere = m, true
		return s.Play().Failure
	}
}

// store is one replica's data half, without a protocol.
type store struct {
	disk  *disk.Disk
	state *keyspace.State
}

func newStore(id byte, m keyspace.Mutant) *store {
	s := &store{disk: disk.New()}
	s.state, _ = keyspace.Open(s.disk.Update, keyspace.Birth{
		Replica: keyspace.ReplicaID{id}, Epoch: keyspace.Epoch{id}, Boot: [8]byte{id},
	}, m)
	s.do(&keyspace.Batch{Now: epoch, Join: epoch, Adopt: &keyspace.Adoption{Cluster: keyspace.ClusterID{1}}})
	return s
}

func (s *store) do(b *keyspace.Batch) *keyspace.Applied {
	if b.Now == 0 {
		b.Now = epoch
	}
	return s.state.Execute(s.disk.Update, b)
}

// write makes one write at a time and returns it as peers get it.
func (s *store) write(at Millis, key, value string) keyspace.Entry {
	w := keyspace.Write{Key: key, Value: []byte(value), Delete: value == ""}
	out := s.do(&keyspace.Batch{Now: at, Writes: []keyspace.Write{w}})
	e := keyspace.Entry{Key: key, Header: out.Outcomes[0].Header}
	if !w.Delete {
		e.Value = w.Value
	}
	return e
}

func (s *store) merge(es ...keyspace.Entry) *keyspace.Applied {
	return s.do(&keyspace.Batch{Entries: es})
}

func (s *store) vv() keyspace.VV { return keyspace.LoadVV(s.disk.Reader()) }

// purgeAll forgets every tombstone.
func (s *store) purgeAll() *keyspace.Applied {
	return s.do(&keyspace.Batch{Purge: &keyspace.Purge{Frontier: s.vv(), Before: epoch + 1_000_000}})
}

// shows says that a reader sees a value under the key.
func (s *store) shows(key string) bool {
	rec, ok := keyspace.DecodeRecord(s.disk.Reader().Get(keyspace.DataKey(key)))
	return ok && !rec.Tombstone()
}

// claimWithoutBase: a delta made for a vector that the receiver does not have
// must not raise its claims (I5).
func claimWithoutBase(m keyspace.Mutant) *Failure {
	a, b := newStore(1, m), newStore(2, m)
	a.write(epoch+1, "x", "1")
	base := a.vv()
	y := a.write(epoch+2, "y", "1")
	b.do(&keyspace.Batch{Entries: []keyspace.Entry{y}, Claim: &keyspace.Claim{Base: base, VV: a.vv()}})
	if b.vv().Covers(base) && !b.shows("x") {
		return &Failure{"claim", 0, "x is claimed and not there"}
	}
	return nil
}

// repairOfThePurged: a record whose deletion was forgotten comes back in a scrub
// with a replica that never heard of the deletion (I7).
func repairOfThePurged(m keyspace.Mutant) *Failure {
	a, x := newStore(1, m), newStore(2, m)
	v := a.write(epoch+1, "k", "1")
	old := a.vv()
	t := a.write(epoch+2, "k", "")
	x.merge(v, t)
	x.purgeAll()
	x.do(&keyspace.Batch{Entries: []keyspace.Entry{v}, Repair: true, View: old})
	if x.shows("k") {
		return &Failure{"resurrection", 0, "k is back after its deletion was purged"}
	}
	return nil
}

// claimWithoutFloor: who takes over claims on what others have purged must know
// the floor too, or a repair brings it back (I5).
func claimWithoutFloor(m keyspace.Mutant) *Failure {
	a, p, x := newStore(1, m), newStore(2, m), newStore(3, m)
	v := a.write(epoch+1, "k", "1")
	old := a.vv()
	t := a.write(epoch+2, "k", "")
	p.merge(v, t)
	purged := p.purgeAll()
	x.do(&keyspace.Batch{Transfer: &keyspace.Transfer{Phase: keyspace.PhaseTail, Base: p.vv(), Floor: purged.Floor}})
	x.do(&keyspace.Batch{Claim: &keyspace.Claim{
		Base: p.vv(), VV: p.vv(), Floor: purged.Floor, Stamps: purged.Stamps, Copy: true,
	}})
	x.do(&keyspace.Batch{Entries: []keyspace.Entry{v}, Repair: true, View: old})
	if x.shows("k") {
		return &Failure{"resurrection", 0, "k is back at a replica that copied after the purge"}
	}
	return nil
}

// staleSource: a copy that began with a replica from before a deletion may not go
// on with one that has forgotten the deletion.
func staleSource(m keyspace.Mutant) *Failure {
	old, p, x := newStore(1, m), newStore(2, m), newStore(3, m)
	v := old.write(epoch+1, "k", "1")
	p.merge(v)
	p.write(epoch+2, "k", "")
	purged := p.purgeAll()
	base := old.vv()
	x.do(&keyspace.Batch{Transfer: &keyspace.Transfer{Phase: keyspace.PhaseWhole, Base: base}})
	copied := x.do(&keyspace.Batch{Entries: []keyspace.Entry{v}, Chunk: &keyspace.Chunk{
		Phase: keyspace.PhaseWhole, Done: true, View: base,
	}})
	if !copied.Transfer.GoOnWith(p.vv(), purged.Floor, false) && !m.Is(keyspace.MutantResume) {
		return nil // it starts over
	}
	x.do(&keyspace.Batch{Claim: &keyspace.Claim{
		Base: copied.Transfer.Base, VV: p.vv(), Floor: purged.Floor, Stamps: purged.Stamps, Copy: true,
	}})
	if x.vv().Covers(p.vv()) && x.shows("k") {
		return &Failure{"resurrection", 0, "k is back at a replica that changed its source"}
	}
	return nil
}

// overwrittenBetweenPasses: a copy's first source sends an old record in neither pass,
// because it is overwritten between them, and dies; the next one has the old record
// alone.
func overwrittenBetweenPasses(m keyspace.Mutant) *Failure {
	first, next, x := newStore(1, m), newStore(2, m), newStore(3, m)
	old := first.write(epoch+1, "k", "1")
	next.merge(old)
	base, cutoff := first.vv(), old.Ver.TS+1
	pass := func(s *store, phase keyspace.Phase) {
		page := keyspace.ReadCopy(s.disk.Reader(), phase, cutoff, "", 10, 1<<20)
		x.do(&keyspace.Batch{Entries: page.Entries, Chunk: &keyspace.Chunk{
			Phase: phase, Done: true, View: page.VV, Stamps: page.Stamps,
		}})
	}
	x.do(&keyspace.Batch{Transfer: &keyspace.Transfer{Phase: keyspace.PhaseRecent, Base: base, Cutoff: cutoff}})
	pass(first, keyspace.PhaseRecent)
	first.write(epoch+100, "k", "2")
	pass(first, keyspace.PhaseRest)
	t := x.do(&keyspace.Batch{}).Transfer
	t.GoOnWith(next.vv(), keyspace.VV{}, m.Is(keyspace.MutantOnePass))
	x.do(&keyspace.Batch{Transfer: &t})
	if t.Phase == keyspace.PhaseRest {
		pass(next, keyspace.PhaseRest)
	}
	x.do(&keyspace.Batch{Claim: &keyspace.Claim{Base: t.Base, VV: next.vv(), Copy: true}})
	if x.vv().Covers(base) && !x.shows("k") {
		return &Failure{"claim", 0, "k is claimed and not there"}
	}
	return nil
}

// heldAndUnclaimed: a copy's first source sends a record that the next one has never
// seen, and dies. The replica has it alone then, and must claim it, or nobody would
// ever ask for it.
func heldAndUnclaimed(m keyspace.Mutant) *Failure {
	first, next, x := newStore(1, m), newStore(2, m), newStore(3, m)
	v := first.write(epoch+1, "k", "1")
	base := first.vv()
	x.do(&keyspace.Batch{Transfer: &keyspace.Transfer{Phase: keyspace.PhaseWhole, Base: base}})
	t := x.do(&keyspace.Batch{Entries: []keyspace.Entry{v}, Chunk: &keyspace.Chunk{
		Phase: keyspace.PhaseWhole, Done: true, View: base,
	}}).Transfer
	if !t.GoOnWith(next.vv(), keyspace.VV{}, false) {
		return nil
	}
	x.do(&keyspace.Batch{Transfer: &t})
	x.do(&keyspace.Batch{Chunk: &keyspace.Chunk{Phase: t.Phase, Done: true, View: next.vv()}})
	x.do(&keyspace.Batch{Claim: &keyspace.Claim{Base: t.Base, VV: next.vv(), Copy: true}})
	if x.shows("k") && !x.vv().Contains(v.Dot) {
		return &Failure{"claim", 0, "k is there and nobody claims it"}
	}
	return nil
}

// writeDuringCopy: a replica whose clock is behind writes to a key before its
// copy is whole, and must not write below a deletion that its source has
// forgotten (I8).
func writeDuringCopy(m keyspace.Mutant) *Failure {
	p, x := newStore(1, m), newStore(2, m)
	p.write(epoch+50_000, "k", "1")
	t := p.write(epoch+60_000, "k", "")
	purged := p.purgeAll()
	x.do(&keyspace.Batch{Transfer: &keyspace.Transfer{Phase: keyspace.PhaseRecent, Base: p.vv()}})
	x.do(&keyspace.Batch{Chunk: &keyspace.Chunk{
		Phase: keyspace.PhaseRecent, Done: true, View: p.vv(), Stamps: purged.Stamps,
	}})
	if w := x.write(epoch+1, "k", "2"); !beats(w.Ver, t.Ver) {
		return &Failure{"resurrection", 0, fmt.Sprintf("%v lies below the purged %v", w.Ver, t.Ver)}
	}
	return nil
}

// writeAfterPurge: a replica whose clock is far behind that of a write it took
// over must not write below the deletion that it has forgotten (I8).
func writeAfterPurge(m keyspace.Mutant) *Failure {
	p, x := newStore(1, m), newStore(2, m)
	v := p.write(epoch+50_000_000, "k", "1")
	t := p.write(epoch+60_000_000, "k", "")
	x.merge(v, t)
	x.do(&keyspace.Batch{Purge: &keyspace.Purge{Frontier: x.vv(), Before: epoch + 100_000_000}})
	if w := x.write(epoch+1, "k", "2"); !beats(w.Ver, t.Ver) {
		return &Failure{"resurrection", 0, fmt.Sprintf("%v lies below the purged %v", w.Ver, t.Ver)}
	}
	return nil
}
