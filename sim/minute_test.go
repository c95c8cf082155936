package sim

import "testing"

// Goal: scrubs between hosts whose clocks differ by minutes repair nothing, as
// nothing is missing. Method: three hosts with clocks less than four minutes
// apart, records that expire within a minute, and a scrub every two seconds, for
// 20 minutes without a fault.
func TestScrubsBetweenSkewedClocksRepairNothing(t *testing.T) {
	for seed := range uint64(4) {
		opt := Calm(seed, 3)
		opt.Duration, opt.Settle = 20*60_000, 120_000
		opt.WriteEvery, opt.Keys, opt.TTLPermille = 300, 2_000, 900
		opt.Core.Sync = 2_000
		w := newWorld(opt)
		for i, skew := range []Millis{-100_000, 20_000, 100_000} {
			w.hosts[i].setSkew(skew + Millis(seed)*5_000)
		}
		w.begin()
		w.until(opt.Duration)
		var scrubs, entries, repaired, skewed uint64
		for _, h := range w.hosts {
			s := h.node.Status().Stats
			scrubs += s.Scrubs
			entries += s.ScrubEntries
			repaired += s.Repaired
			skewed += s.ScrubsSkewed
		}
		if w.failure != nil || repaired != 0 || entries != 0 || skewed != 0 || scrubs < 1_000 {
			t.Errorf("seed %d: %v; %d scrubs sent %d records, repaired %d, %d gave up", seed, w.failure,
				scrubs, entries, repaired, skewed)
		}
		for _, h := range w.hosts {
			h.setSkew(0)
		}
		if w.settle(); w.failure != nil {
			t.Errorf("seed %d: %v", seed, w.failure)
		}
	}
}
