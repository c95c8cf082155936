package sim

import (
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// rot damages a record of a random host of which another running host has a copy,
// and lets the store notice, as a reader or the verifier would.
func (w *World) rot() bool {
	h := w.hosts[w.faults.rng.IntN(len(w.hosts))]
	other := w.hosts[w.faults.rng.IntN(len(w.hosts))]
	if !h.up || !other.up || h == other || h.busy {
		return false
	}
	mine, theirs := h.records(), other.records()
	keys := sortedKeys(mine)
	if len(keys) == 0 {
		return false
	}
	key := keys[w.faults.rng.IntN(len(keys))]
	if mine[key] != theirs[key] {
		return false
	}
	h.disk.Damage(keyspace.DataKey(key))
	delete(h.witness.high, key)
	h.state.Suspect(key)
	h.state.FinishMend(h.disk.Update)
	h.step(statemachine.Damaged{Key: key})
	return true
}

// Goal: damage on one disk at a time costs nothing. Method: records rot all the
// time while clients write, the network loses and cuts, and hosts crash; a record
// rots only where another host has it. In the end all hosts are equal, nothing
// acknowledged is lost, nothing is damaged, and all claims can be made again.
func TestRotIsMended(t *testing.T) {
	rotten := 0
	for seed := range uint64(30) {
		opt := Calm(seed, 3)
		opt.FalseClaims = true // damage makes them, and digests tell
		opt.Keys, opt.WriteEvery = 30, 60
		opt.LossPermille, opt.CutEvery, opt.CutFor = 100, 8_000, 4_000
		if seed%2 == 0 {
			opt.CrashEvery, opt.DownFor = 10_000, 2_000
		}
		opt.Core.Sync = 2_000
		opt.Settle = 180_000
		w := newWorld(opt)
		w.begin()
		for at := Millis(2_000); at < opt.Duration; at += 300 {
			w.queue.push(at, func() {
				if w.rot() {
					rotten++
				}
			})
		}
		w.until(opt.Duration)
		// A damaged tombstone shows in no digest, so convergence does not wait for
		// it: the peers are asked again within a minute, if the answer was lost.
		w.calm = true
		w.net.heal()
		w.until(w.now + 70_000)
		w.settle()
		for _, h := range w.hosts {
			page := keyspace.ReadDots(h.disk.Reader(), keyspace.VV{}, keyspace.Dot{}, 10_000, 1<<30)
			if w.failure == nil && (page.Holes || h.node.Status().Damaged > 0) {
				w.fail("rot", "host %d has holes: %v, damaged: %d", h.index, page.Holes, h.node.Status().Damaged)
			}
		}
		if w.failure != nil {
			t.Errorf("seed %d: %v", seed, w.failure)
		}
	}
	if rotten < 300 {
		t.Errorf("only %d records rotted", rotten)
	}
}
