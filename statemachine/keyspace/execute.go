package keyspace

// Update runs fn inside one durable transaction. It returns once the
// transaction would survive a power cut, and stops the executor if it cannot.
type Update func(fn func(Tx))

// Open starts the state on a store: Start, then any rebuild that was cut short.
func Open(update Update, birth Birth, mutant Mutant) (s *State, snap Snapshot) {
	update(func(tx Tx) { s = Start(tx, birth, mutant) })
	s.finishRebuild(update)
	s.FinishMend(update)
	update(func(tx Tx) { snap = s.Snapshot(tx) })
	return s, snap
}

// Execute applies one batch, and the rebuild that an adoption or the end of a copy asks
// for.
func (s *State) Execute(update Update, b *Batch) (out *Applied) {
	out = new(Applied)
	for done := false; !done; {
		update(func(tx Tx) { done = s.Apply(tx, b, out) })
	}
	if b.Adopt != nil || b.Turn || s.owed != nil && !s.transfer.takesChunks() {
		s.finishRebuild(update)
		s.report(out)
	}
	if s.Suspects() {
		s.FinishMend(update)
		s.report(out)
	}
	return out
}

// FinishMend carries out a pending Mend, and returns the keys that are damaged.
func (s *State) FinishMend(update Update) (damaged []string) {
	if s.Suspects() {
		update(func(tx Tx) { damaged = s.Mend(tx) })
	}
	return damaged
}

func (s *State) finishRebuild(update Update) {
	for done := false; !done; {
		update(func(tx Tx) { done = s.Rebuild(tx) })
	}
}
