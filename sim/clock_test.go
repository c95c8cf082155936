package sim

import "testing"

// Goal: a clock a year ahead does no harm once its node knows two peers, and
// none to others before. Method: five hosts, one of which starts a year ahead;
// clients begin two seconds after the last start, and again after a restart of
// that host. No write is stamped further ahead than the limit.
func TestClockAYearAhead(t *testing.T) {
	for seed := range uint64(10) {
		opt := Calm(seed, 5)
		w := newWorld(opt)
		bad := w.hosts[2]
		bad.setSkew(year)
		for i, h := range w.hosts {
			w.queue.push(Millis(i)*100, h.start)
		}
		for _, end := range []Millis{30_000, opt.Duration} {
			w.until(w.now + 2_500)
			w.opt.Duration = end // of writes
			w.queue.push(w.now+1, w.clients.begin)
			w.until(end)
			if end < opt.Duration {
				bad.crash()
				bad.start()
			}
		}
		for _, wr := range w.model.writes {
			if ahead := wr.ver.TS - epoch - w.now; ahead > opt.Core.MaxSkew {
				t.Fatalf("seed %d: %s was stamped %d ms ahead", seed, wr.key, ahead)
			}
		}
		if w.settle(); w.failure != nil || w.count.checkedStamps == 0 {
			t.Fatalf("seed %d: %v, %d stamps judged", seed, w.failure, w.count.checkedStamps)
		}
	}
}
