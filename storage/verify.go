package storage

import (
	"time"

	"kvs/statemachine/keyspace"
)

// The verifier reads everything that is stored, over and over, in the
// background: a damaged record that nobody reads would else wait until its other
// copies are gone too. It works on views of its own and holds nobody up; what it
// finds goes to the writer like any other report of damage.

const (
	// verifyLeaves is how many leaves one step reads, from one view: about 4,000
	// records of 1,000,000 ones make ten milliseconds' work.
	verifyLeaves = 256
	verifySteps  = keyspace.LeafCount / verifyLeaves
	// verifyEvery spreads a pass over a day.
	verifyEvery = 24 * time.Hour / verifySteps
)

// Verification is how far the background verifier has come.
type Verification struct {
	Steps, Of int       // of the running pass
	Full      time.Time // end of the last full pass of this run; zero if none
	Wrong     uint64    // leaves with something wrong, since the start
}

// Verification returns how far the background verifier has come.
func (s *Store) Verification() Verification { return *s.verified.Load() }

// runVerifier makes a pass a day. It begins somewhere else at every start, so
// that a process that is restarted often gets everywhere too.
func (s *Store) runVerifier(first uint64) {
	defer s.workers.Done()
	tick := time.NewTicker(verifyEvery)
	defer tick.Stop()
	h := hasher{}
	for at := first; ; at++ {
		select {
		case <-s.quit:
			return
		case now := <-tick.C:
			if err := guard(func() { s.verifyStep(int(at%verifySteps), &h, now) }); err != nil {
				s.failure.trip(err)
				return
			}
		}
	}
}

// verifyStep verifies the leaves of one step, and takes note of it.
func (s *Store) verifyStep(step int, h *hasher, now time.Time) {
	v := *s.verified.Load()
	v.Wrong += s.verifyLeaves(step, h)
	if v.Steps++; v.Steps == v.Of {
		v.Steps, v.Full = 0, now
	}
	s.verified.Store(&v)
}

// verifyLeaves reports what is wrong in the leaves of a step, and counts leaves.
func (s *Store) verifyLeaves(step int, h *hasher) (wrong uint64) {
	s.rebuild.RLock()
	defer s.rebuild.RUnlock()
	h.use(s.digestKey)
	s.engine.view(func(r keyspace.Reader) {
		for i := range keyspace.Leaf(verifyLeaves) {
			leaf := keyspace.Leaf(step*verifyLeaves) + i
			v := keyspace.VerifyLeaf(r, h.Hasher, leaf)
			if v.Sum {
				v.Keys = append(v.Keys, keyspace.VerifyHashes(r, h.Hasher, leaf)...)
			}
			if v.Wrong() {
				wrong++
				s.log.Warn("the verifier found records or indexes wrong", "data_dir", s.dir,
					"leaf", int(leaf), "records", len(v.Keys))
				s.damages.doubt(doubt{leaf, v.Keys})
			}
		}
	})
	return wrong
}
