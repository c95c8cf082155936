package storage

import (
	"fmt"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// Perform queues an Apply or a StoreRead and returns at once. Its answer goes
// to Deliver. More effects than the queues hold are a bug of the core. After a
// failure or Close it does nothing.
func (s *Store) Perform(e statemachine.Effect) {
	if s.failure.err() != nil {
		return
	}
	switch e := e.(type) {
	case statemachine.Apply, statemachine.ReadDigest:
		select {
		case s.writes <- e:
		case <-s.quit:
		default:
			panicFull("batches", writeQueueMax, e)
		}
	case statemachine.StoreRead:
		select {
		case s.reads <- e:
		case <-s.quit:
		default:
			panicFull("reads", readQueueMax, e)
		}
	default:
		panic("storage: not for the store: " + statemachine.Print(e))
	}
}

func panicFull(what string, bound int, e statemachine.Effect) {
	panic(fmt.Sprintf("storage: more than %d %s wait: %s", bound, what, statemachine.Print(e)))
}

// runWriter applies batches in their order, and between them reads the digest
// tree, which only the writer may touch.
func (s *Store) runWriter() {
	defer s.workers.Done()
	defer close(s.pipeline.commits)
	defer s.pipeline.forget()
	for {
		select {
		case <-s.quit:
			return
		case e := <-s.writes:
			if err := guard(func() { s.carryOut(e) }); err != nil {
				s.failure.trip(err)
			}
		case o := <-s.queue.orders:
			if err := guard(func() { s.carryOutOrder(o) }); err != nil {
				s.failure.trip(err)
			}
		case a := <-s.agings:
			if err := guard(func() { s.age(a) }); err != nil {
				s.failure.trip(err)
			}
		case key := <-s.damages.keys:
			if err := guard(func() { s.quarantine(key) }); err != nil {
				s.failure.trip(err)
			}
		case found := <-s.damages.doubts:
			s.state.SuspectLeaf(found.leaf)
			if err := guard(func() { s.quarantine(found.keys...) }); err != nil {
				s.failure.trip(err)
			}
		}
		if s.failure.err() != nil {
			return
		}
	}
}

// runReader answers the other reads, each from a snapshot of its own.
func (s *Store) runReader() {
	defer s.workers.Done()
	h := hasher{}
	for {
		select {
		case <-s.quit:
			return
		case e := <-s.reads:
			if !s.answer(func() statemachine.Input { return s.read(e, &h) }) {
				return
			}
		}
	}
}

// answer delivers what a reader's fn returns, unless the disk has failed meanwhile: then
// it is not known what is durable.
func (s *Store) answer(fn func() statemachine.Input) bool {
	var in statemachine.Input
	if err := guard(func() { in = fn() }); err != nil {
		s.failure.trip(err)
	}
	if s.failure.err() != nil {
		return false
	}
	s.deliver(in)
	return true
}

// carryOut does the writer's part of one effect and hands it on.
func (s *Store) carryOut(e statemachine.Effect) {
	apply, ok := e.(statemachine.Apply)
	switch {
	case !ok:
		answer := statemachine.Answer(nil, s.state, nil, e.(statemachine.ReadDigest))
		s.pipeline.pass(&staged{answer: answer})
	case apply.Batch.Walks():
		s.walk(apply.Batch)
	default:
		s.apply(apply.Batch)
	}
}

// apply carries out a batch in as many transactions as it takes. The last one
// carries the answer.
func (s *Store) apply(b *keyspace.Batch) {
	out := new(keyspace.Applied)
	for done := false; !done; {
		first := len(out.Outcomes)
		tx := s.pipeline.begin()
		done = s.state.Apply(tx, b, out)
		s.journalBatch(tx, b, out, first)
		c := &staged{
			txn: tx.txn, writes: tx.writes, reserved: tx.reserved, digest: s.digestNow(), queued: s.queue.next,
			records: len(out.Outcomes) - first, binding: binds(b),
		}
		if done {
			c.answer = statemachine.Applied{Result: out}
		}
		if s.state.Suspects() {
			s.mend(c, out)
		} else {
			s.pipeline.pass(c)
		}
	}
}

// binds says that a batch changes who this replica is. Others act on that at once, so a
// loss of power must not take it back.
func binds(b *keyspace.Batch) bool { return b.Adopt != nil || b.Join != 0 || b.Rejoin }

// walk carries out a batch that iterates over what is stored: with an empty
// pipeline. An adoption rebuilds indexes in several transactions of its own,
// without the reader.
func (s *Store) walk(b *keyspace.Batch) {
	s.pipeline.drain()
	if b.Adopt != nil || b.Turn {
		s.rebuild.Lock()
		defer s.rebuild.Unlock()
	}
	out := s.state.Execute(s.engine.update, b)
	s.digestKey = s.state.DigestKey()
	d := s.digestNow()
	s.digest.Store(&d)
	if s.barrier.async && binds(b) {
		s.makeDurable()
	}
	if !b.Turn && b.Purge == nil { // those take away only what nobody sees any more
		s.reserved(nil)
	}
	s.pipeline.pass(&staged{answer: statemachine.Applied{Result: out}})
}

func (s *Store) read(e statemachine.StoreRead, h *hasher) (in statemachine.Input) {
	s.rebuild.RLock()
	defer s.rebuild.RUnlock()
	h.use(s.digestKey)
	s.engine.view(func(r keyspace.Reader) {
		in = statemachine.Answer(r, nil, h.Hasher, e)
	})
	return in
}

// hasher is the reader's own, renewed when the digest key changes.
type hasher struct {
	*keyspace.Hasher
	key keyspace.DigestKey
}

func (h *hasher) use(key keyspace.DigestKey) {
	if h.Hasher == nil || h.key != key {
		h.Hasher, h.key = keyspace.NewHasher(key), key
	}
}
