package sim

import (
	"testing"

	"kvs/statemachine/keyspace"
)

// Goal: when vectors lie, the digests tell, and a scrub repairs every record.
// Method: one host is cut off while the others write and delete; then it is made
// to claim all that they claim, so that push and delta see nothing to do.
func TestScrubRepairsFalseClaim(t *testing.T) {
	for seed := range uint64(10) {
		opt := Calm(seed, 3)
		opt.FalseClaims = true
		opt.Keys = 1_000
		w := newWorld(opt)
		w.begin()
		w.until(5_000)
		odd := w.hosts[2]
		for _, h := range w.hosts[:2] {
			w.net.sever(h, odd)
			w.net.sever(odd, h)
		}
		w.until(opt.Duration)
		odd.state.Execute(odd.disk.Update, &keyspace.Batch{
			Now: odd.now().Wall, Claim: &keyspace.Claim{VV: w.hosts[0].node.Status().VV},
		})
		before := len(odd.records())
		w.settle()
		if w.failure != nil {
			t.Fatalf("seed %d: %v", seed, w.failure)
		}
		if w.count.divergences == 0 || w.count.repairs == 0 || len(odd.records()) <= before {
			t.Errorf("seed %d: %d divergences, %d repairs, %d records of %d before: nothing to repair?",
				seed, w.count.divergences, w.count.repairs, len(odd.records()), before)
		}
	}
}
