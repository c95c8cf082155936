package sim

import "math/rand/v2"

// faults draws what goes wrong, and when.
type faults struct {
	w   *World
	rng *rand.Rand
}

// begin starts every kind of fault that the options ask for.
func (f *faults) begin() {
	f.every(f.w.opt.CutEvery, f.partition)
	f.every(f.w.opt.CrashEvery, f.crash)
	f.every(f.w.opt.JumpEvery, f.jump)
	f.every(f.w.opt.DisasterEvery, f.disaster)
	f.every(f.w.opt.DisasterEvery/2, f.backUp)
	f.every(f.w.opt.OperateEvery, f.w.operators.act)
	f.every(f.w.opt.AskEvery, f.w.askers.act)
	f.every(f.w.opt.TuneEvery, f.w.askers.tune)
	f.every(f.w.opt.PauseEvery, f.pause)
	f.every(f.w.opt.WildEvery, f.derail)
	f.every(f.w.opt.ClogEvery, f.clog)
	f.every(f.w.opt.SlowEvery, f.slowDown)
	f.every(f.w.opt.SurgeEvery, f.surge)
	f.every(f.w.opt.RotEvery, f.rot)
	f.every(f.w.opt.MistakeEvery, f.mistake)
}

// every repeats do at random intervals until the fault phase ends.
func (f *faults) every(mean Millis, do func()) {
	if mean <= 0 {
		return
	}
	f.w.queue.plan(f.w.now+1+exponential(f.rng, mean), func() {
		if f.w.now < f.w.opt.Duration {
			do()
			f.every(mean, do)
		}
	})
}

// partition cuts the hosts into two groups, or one host off, or one link; in
// both directions or in one.
func (f *faults) partition() {
	n := len(f.w.hosts)
	if n < 2 {
		return
	}
	side := make([]bool, n)
	switch f.rng.IntN(3) {
	case 0:
		side[f.rng.IntN(n)] = true
	case 1:
		for i := range side {
			side[i] = f.rng.IntN(2) == 0
		}
	default:
		f.drawCut(f.rng.IntN(n), f.rng.IntN(n))
		return
	}
	for a := range n {
		for b := range n {
			if side[a] && !side[b] {
				f.drawCut(a, b)
			}
		}
	}
	f.w.count.partitions++
}

func (f *faults) drawCut(a, b int) {
	if a == b {
		return
	}
	ha, hb := f.w.hosts[a], f.w.hosts[b]
	oneWay := f.rng.IntN(1000) < f.w.opt.OneWayPermille
	if f.rng.IntN(2) == 0 {
		ha, hb = hb, ha
	}
	heal := 1 + exponential(f.rng, f.w.opt.CutFor)
	f.w.act(ActCut, of(ha, hb), truth(oneWay), int64(heal))
}

// cut cuts a link for a while, or its one direction.
func (f *faults) cut(ha, hb *host, oneWay bool, heal Millis) {
	f.w.net.sever(ha, hb)
	f.w.markIf(MarkOneWay, oneWay)
	if !oneWay {
		f.w.net.sever(hb, ha)
	}
	era := f.w.era
	f.w.queue.push(f.w.now+heal, func() {
		if f.w.era != era {
			return // healed with all others
		}
		f.w.net.reopen(ha, hb)
		if !oneWay {
			f.w.net.reopen(hb, ha)
		}
	})
}

// crash cuts the power of a host: now, or in the middle of its next batch, when
// most is at stake.
func (f *faults) crash() {
	h := f.w.hosts[f.rng.IntN(len(f.w.hosts))]
	if !h.up || h.doomed {
		return
	}
	if f.rng.IntN(2) == 0 {
		h.doomed = true
		return
	}
	f.down(h)
}

func (f *faults) down(h *host) {
	f.w.act(ActCrash, of(h), int64(1+exponential(f.rng, f.w.opt.DownFor)), 0)
}

// crashFor cuts the power of a host for a while.
func (f *faults) crashFor(h *host, down Millis) {
	if !h.up {
		return
	}
	f.w.count.crashes++
	h.crash()
	era := f.w.era
	f.w.queue.push(f.w.now+down, func() {
		if !h.up && f.w.era == era {
			h.start()
		}
	})
}

// jump sets a clock to another time within SkewMax.
func (f *faults) jump() {
	if f.w.opt.SkewMax > 0 {
		h := f.w.hosts[f.rng.IntN(len(f.w.hosts))]
		f.w.act(ActSkew, of(h), int64(f.skew()))
	}
}

func (f *faults) skew() Millis {
	return Millis(f.rng.Int64N(2*int64(f.w.opt.SkewMax)+1)) - f.w.opt.SkewMax
}

// truth is 1 for true.
func truth(is bool) int64 {
	if is {
		return 1
	}
	return 0
}
