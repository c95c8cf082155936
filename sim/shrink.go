package sim

import (
	"maps"
	"slices"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// shrinkSlack is how much later than the best run so far a smaller one may fail: some
// oracles look only every few seconds.
const shrinkSlack Millis = 6_000

// saltsMax is how many other random words are tried at first for what a script leaves
// out, and saltsMore later.
const (
	saltsMax  = 16
	saltsMore = 4
)

// Shrinker looks for the smallest script that fails the oracle which a run failed:
// with fewer nodes, faults, operations and fates of messages, shorter and sooner. It
// takes away as much as it can at a time, and keeps what still fails (Zeller's delta
// debugging). What a script leaves out happens in the plainest way, so taking away one
// thing does not change the draws of all others.
type Shrinker struct {
	Stop  func() bool // asked before each try; nil never stops
	Tried int         // scripts played

	oracle string
	best   Script
	failed Result
}

// Shrink shrinks the script of a run that failed. The result is the smallest script
// and what its run came to.
func (s *Shrinker) Shrink(from Script, r Result) (Script, Result) {
	s.oracle, s.best, s.failed = r.Failure.Oracle, from, r
	s.best.Failed = s.oracle
	if s.try(s.best) {
		salts := saltsMax
		for size := -1; size != s.size() && !s.stopped(); salts = saltsMore {
			size = s.size()
			s.fewerNodes()
			s.plainFates(salts)
			s.fewerActs()
			s.fewerFates()
			s.smallerActs()
			s.sooner()
		}
	}
	if s.best.Until > 0 {
		s.best.Until = s.failed.Failure.At
	}
	return s.best, s.failed
}

func (s *Shrinker) stopped() bool { return s.Stop != nil && s.Stop() }

// size is what must get smaller in each round, or the rounds end.
func (s *Shrinker) size() int {
	n := len(s.best.Fates) + s.best.Options.Nodes
	for i := range s.best.Acts {
		n += len(s.best.Acts[i].Args) + 1
	}
	return n
}

// try keeps a script if it fails as the run did, without what was never come to.
func (s *Shrinker) try(c Script) bool {
	if s.stopped() {
		return false
	}
	s.Tried++
	w := c.world()
	r := guard(c.Options, func() *World { return w })
	if r.Failure == nil || r.Failure.Oracle != s.oracle {
		return false
	}
	c.Acts, c.Fates = w.script.wrote.Acts, w.script.wrote.Fates
	if at := r.Failure.At; at < c.Options.Duration {
		c.Until = at + shrinkSlack
	}
	if !c.sound() {
		return false
	}
	s.best, s.failed = c, r
	return true
}

// sound says that the run fails because of the rule that is broken in it, if one is:
// it passes that oracle with the rule in force.
func (s *Script) sound() bool {
	if s.Options.Mutant == keyspace.MutantNone {
		return true
	}
	f := s.soundly().Failure
	return f == nil || f.Oracle != s.Failed
}

// soundly plays the script with all rules in force.
func (s *Script) soundly() Result {
	c := *s
	c.Options.Mutant = keyspace.MutantNone
	return c.Play()
}

// fewerNodes takes away one node after the other, with all that is done to it, or
// lets that be done to another.
func (s *Shrinker) fewerNodes() {
	for h := s.best.Options.Nodes - 1; h >= 0 && s.best.Options.Nodes > 1; h-- {
		if s.try(s.best.without(h)) {
			continue
		}
		heir := 0
		if h == 0 {
			heir = s.best.Options.Nodes - 1
		}
		c := s.best.moved(h, heir)
		s.try(c.without(h))
	}
}

// plainFates lets all fates be plain, or all of a kind.
func (s *Shrinker) plainFates(salts int) {
	if len(s.best.Fates) == 0 {
		return
	}
	for salt := range uint64(salts) {
		for _, c := range []Script{s.best, s.best.midway()} {
			c.Fates, c.Options.Seed = nil, c.Options.Seed+salt
			if s.try(c) {
				return
			}
		}
	}
	for _, kind := range s.best.fateKinds() {
		s.try(s.best.keeping(func(f *Fate) bool { return f.Kind != kind }))
	}
	s.try(s.best.keeping(func(f *Fate) bool { return !f.delays() }))
	s.try(s.best.keeping(func(f *Fate) bool { return !f.faulty() }))
}

// midway is the script with every crash in the middle of a batch.
func (s *Script) midway() Script {
	c := *s
	c.Acts = slices.Clone(s.Acts)
	for i := range c.Acts {
		if c.Acts[i].Kind == ActCrash {
			c.Acts[i].Args = []int64{c.Acts[i].Args[0], 1}
		}
	}
	return c
}

// fewerActs takes away acts: half of them, a quarter, and so on. Without a write, there
// is a push less: so the later ones are tried with the fates of those before them too.
func (s *Shrinker) fewerActs() {
	s.fewer(func() int { return len(s.best.Acts) }, func(from, to int) Script {
		c := s.best
		c.Acts = slices.Delete(slices.Clone(c.Acts), from, to)
		return c
	})
	for i := len(s.best.Acts) - 1; i >= 0 && len(s.best.Fates) > 0 && !s.stopped(); i-- {
		if i < len(s.best.Acts) && s.best.Acts[i].Kind == ActWrite {
			s.try(s.best.unwritten(i))
		}
	}
}

// unwritten is the script without a write, and with the fates of what is pushed after
// it moved up by one.
func (s *Script) unwritten(i int) Script {
	c, a := *s, s.Acts[i]
	c.Acts = slices.Delete(slices.Clone(c.Acts), i, i+1)
	c.Fates = slices.Clone(c.Fates)
	for k := range c.Fates {
		f := &c.Fates[k]
		pushed := f.Message == statemachine.KindPush && f.From == a.Hosts[0]
		acked := f.Message == statemachine.KindAck && f.To == a.Hosts[0]
		if f.at >= a.At && f.Nth > 0 && (pushed || acked) {
			f.Nth--
		}
	}
	return c
}

// fewerFates lets fewer things have a fate of their own.
func (s *Shrinker) fewerFates() {
	s.fewer(func() int { return len(s.best.Fates) }, func(from, to int) Script {
		c := s.best
		c.Fates = slices.Delete(slices.Clone(c.Fates), from, to)
		return c
	})
}

// fewer takes away runs of things, ever shorter ones, from the last to the first: what
// comes late matters least.
func (s *Shrinker) fewer(count func() int, without func(from, to int) Script) {
	for size := (count() + 1) / 2; size > 0 && !s.stopped(); size /= 2 {
		for to := count(); to > 0; {
			from := max(0, to-size)
			s.try(without(from, to))
			to = min(from, count())
		}
	}
}

// smallerActs makes bursts single writes, and each figure 0, or at least half of what
// it was.
func (s *Shrinker) smallerActs() {
	for i := 0; i < len(s.best.Acts) && !s.stopped(); i++ {
		s.smallerBurst(i)
		for k := 0; i < len(s.best.Acts) && k < len(s.best.Acts[i].Args); k++ {
			was := s.best.Acts[i].Args[k]
			if was == 0 || s.try(s.best.setting(i, k, 0)) {
				continue
			}
			for was > 1_000 || was < -1_000 {
				was = was / 2 / 100 * 100
				if !s.try(s.best.setting(i, k, was)) || i >= len(s.best.Acts) {
					break
				}
			}
		}
	}
}

func (s *Shrinker) smallerBurst(i int) {
	per := len(actForms[ActWrite].fields)
	if s.best.Acts[i].Kind != ActWrite {
		return
	}
	for k := len(s.best.Acts[i].Args) - per; k >= 0 && i < len(s.best.Acts); k -= per {
		if a := &s.best.Acts[i]; len(a.Args) > per && k < len(a.Args) {
			c := s.best.changing(i)
			c.Acts[i].Args = slices.Delete(c.Acts[i].Args, k, k+per)
			s.try(c)
		}
	}
}

// sooner shortens the waits before acts, and what comes after the last.
func (s *Shrinker) sooner() {
	c := s.best.changing(0)
	for i := range c.Acts {
		c.Acts[i].After = 0
	}
	s.try(c)
	for i := 0; i < len(s.best.Acts) && !s.stopped(); i++ {
		for _, keep := range []Millis{0, 100, 1_000} {
			before := Millis(0)
			if i > 0 {
				before = s.best.Acts[i-1].At
			}
			wait := s.best.Acts[i].At - before
			if wait <= keep || s.try(s.best.earlier(i, wait-keep)) {
				break
			}
		}
	}
	if s.best.Until == 0 && len(s.best.Acts) > 0 {
		c := s.best
		c.Options.Duration = c.Acts[len(c.Acts)-1].At + 1_000
		if c.Options.Duration < s.best.Options.Duration {
			s.try(c)
		}
	}
}

// changing is a copy of the script of which one act may be changed.
func (s *Script) changing(i int) Script {
	c := *s
	c.Acts = slices.Clone(s.Acts)
	if i < len(c.Acts) {
		c.Acts[i].Args = slices.Clone(c.Acts[i].Args)
	}
	return c
}

func (s *Script) setting(i, k int, v int64) Script {
	c := s.changing(i)
	c.Acts[i].Args[k] = v
	return c
}

// earlier is the script with an act, and all behind it, so much sooner.
func (s *Script) earlier(i int, by Millis) Script {
	c := s.changing(i)
	for ; i < len(c.Acts); i++ {
		c.Acts[i].At -= by
	}
	return c
}

// without is the script without a host, whose name the last one gets.
func (s *Script) without(h int) Script {
	c, last := *s, s.Options.Nodes-1
	c.Options.Nodes--
	c.Acts, c.Fates = nil, nil
	for _, a := range s.Acts {
		if !a.touches(h) {
			a.Hosts = renamed(a.Hosts, last, h)
			c.Acts = append(c.Acts, a)
		}
	}
	for _, f := range s.Fates {
		if f.From != h && f.To != h {
			both := renamed([]int{f.From, f.To}, last, h)
			f.From, f.To = both[0], both[1]
			c.Fates = append(c.Fates, f)
		}
	}
	gone := func(o int) bool { return o == h }
	c.Core = renamed(slices.DeleteFunc(slices.Clone(s.Core), gone), last, h)
	c.Dead = renamed(slices.DeleteFunc(slices.Clone(s.Dead), gone), last, h)
	return c
}

// moved is the script with all that is done to one host alone done to another.
func (s *Script) moved(from, to int) Script {
	c := *s
	c.Acts = slices.Clone(s.Acts)
	for i := range c.Acts {
		if len(c.Acts[i].Hosts) == 1 {
			c.Acts[i].Hosts = renamed(c.Acts[i].Hosts, from, to)
		}
	}
	return c
}

func renamed(hosts []int, from, to int) []int {
	out := slices.Clone(hosts)
	for i := range out {
		if out[i] == from {
			out[i] = to
		}
	}
	return out
}

// keeping is the script with some of its fates.
func (s *Script) keeping(keep func(*Fate) bool) Script {
	c := *s
	c.Fates = nil
	for i := range s.Fates {
		if keep(&s.Fates[i]) {
			c.Fates = append(c.Fates, s.Fates[i])
		}
	}
	return c
}

// fateKinds lists the kinds of the script's fates.
func (s *Script) fateKinds() []FateKind {
	kinds := map[FateKind]bool{}
	for i := range s.Fates {
		kinds[s.Fates[i].Kind] = true
	}
	return slices.Sorted(maps.Keys(kinds))
}

// delays says that a message arrives, once.
func (f *Fate) delays() bool { return f.Kind == FateSend && len(f.Values) == 1 }

// faulty says that a message is lost, or arrives twice; or that a dial fails, or a
// crash loses what was not synced.
func (f *Fate) faulty() bool {
	switch f.Kind {
	case FateSend:
		return len(f.Values) != 1
	case FateDial:
		return len(f.Values) == 1 && f.Values[0] < 0
	case FateKept:
		return len(f.Values) == 1 && f.Values[0] == 0
	}
	return false
}

// Count is how many operations and how many faults a script has. A message that is
// lost or doubled is a fault, a late one is not.
func (s *Script) Count() (operations, faults int) {
	for i := range s.Acts {
		if actForms[s.Acts[i].Kind].fault {
			faults++
		} else {
			operations += s.Acts[i].Count()
		}
	}
	for i := range s.Fates {
		if s.Fates[i].faulty() {
			faults++
		}
	}
	return operations, faults
}
