package storage

import (
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// Batches pass through two stages, so that the processor works while the disk
// syncs: runWriter applies a batch to a transaction, runCommitter commits it and
// delivers the answer. One batch may be in each. The order is that of Perform
// in both, and nothing is answered before the commit is through.
//
// What the batch before has written cannot be read from Badger until its commit
// is through. So a staged transaction is opened before that commit begins, and
// reads its predecessor's writes from memory: those of users' records alone,
// because Apply looks up nothing else.

// staged is a transaction between the stages.
type staged struct {
	txn    *badger.Txn // nil: an answer only, to be given in its turn
	writes map[string][]byte
	done   atomic.Bool // committed

	reserved []string      // keys of the system's own records among writes
	binding  bool          // durable before anybody is told, under Async too, like what is in reserved
	records  int           // writes and entries
	queued   uint64        // the number of the next entry of the queue
	told     chan struct{} // nil, or closed once it is durable, by a barrier or the commit

	digest digest
	answer statemachine.Input // nil: none yet
}

// stagedTx is the keyspace.Tx of a staged transaction. It serves Apply; what
// iterates, or looks up other classes, runs in an update.
type stagedTx struct {
	tx
	writes map[string][]byte // of records; nil values are deletes
	before map[string][]byte // those of the transaction before

	reserved []string // keys of the system's own records among writes
}

// Get implements keyspace.Tx for users' records, and refuses other classes.
func (t *stagedTx) Get(key []byte) []byte {
	if !keyspace.IsData(key) {
		panic(fmt.Sprintf("storage: a staged transaction looks up %q", key))
	}
	if value, ok := t.writes[string(key)]; ok {
		return value
	}
	if value, ok := t.before[string(key)]; ok {
		return value
	}
	return t.tx.Get(key)
}

// Ascend implements keyspace.Tx by refusing.
func (t *stagedTx) Ascend(start, _ []byte) iter.Seq2[[]byte, []byte] {
	panic(fmt.Sprintf("storage: a staged transaction iterates from %q", start))
}

// Set implements keyspace.Tx.
func (t *stagedTx) Set(key, value []byte) {
	t.note(key, value)
	t.tx.Set(key, value)
}

// Delete implements keyspace.Tx.
func (t *stagedTx) Delete(key []byte) {
	t.note(key, nil)
	t.tx.Delete(key)
}

// note keeps what is written of records.
func (t *stagedTx) note(key, value []byte) {
	if !keyspace.IsData(key) {
		return
	}
	t.writes[string(key)] = value
	if keyspace.IsReserved(key[1:]) {
		t.reserved = append(t.reserved, keyspace.UserKey(key))
	}
}

// pipeline is the writer's end of the two stages.
type pipeline struct {
	engine  *engine
	commits chan *staged
	idle    chan struct{} // holds a token while no commit is under way
	last    *staged       // handed on last, nil if it is known to be durable
	next    *badger.Txn   // opened before last was committed
}

// begin returns the transaction for the next batch.
func (p *pipeline) begin() *stagedTx {
	if p.last != nil && p.last.done.Load() {
		p.forget()
	}
	t := &stagedTx{writes: make(map[string][]byte)}
	t.splits, t.small, t.report = p.engine.splits, p.engine.small, p.engine.report
	if p.last != nil {
		t.txn, t.before, p.next = p.next, p.last.writes, nil
		return t
	}
	t.txn = p.engine.db.NewTransaction(true)
	return t
}

// pass hands a transaction and its answer to the committer. It waits while the
// one before is being committed.
func (p *pipeline) pass(c *staged) {
	if c.txn != nil {
		// The successor's view is opened between two commits: it has all of the
		// one before, and does not wait for this one, which it reads from memory.
		<-p.idle
		p.forget()
		p.next = p.engine.db.NewTransaction(true)
		p.last = c
	}
	p.commits <- c
}

// forget drops what was kept for the successor of a transaction that is durable.
func (p *pipeline) forget() {
	if p.next != nil {
		p.next.Discard()
	}
	p.last, p.next = nil, nil
}

// drain waits until everything handed on is durable, or has failed.
func (p *pipeline) drain() {
	<-p.idle
	p.idle <- struct{}{}
	p.forget()
}

// runCommitter is the second stage.
func (s *Store) runCommitter() {
	defer s.workers.Done()
	for c := range s.pipeline.commits {
		if err := s.commit(c); err != nil {
			s.failure.trip(err)
		}
		if s.failure.err() == nil && c.answer != nil {
			if a, ok := c.answer.(statemachine.Applied); ok && s.news != nil {
				s.news(a.Result.News, a.Result.VV)
			}
			s.deliver(c.answer)
			if a, ok := c.answer.(statemachine.Applied); ok {
				s.barrier.noteAnswer(a)
			}
		}
	}
}

func (s *Store) commit(c *staged) error {
	if c.txn == nil {
		return nil
	}
	defer func() { s.pipeline.idle <- struct{}{} }()
	defer c.txn.Discard()
	if s.failure.err() != nil {
		return nil // a failed commit is the last
	}
	began := time.Now()
	if err := c.txn.Commit(); err != nil {
		return fmt.Errorf("commit a batch: %w", err)
	}
	s.committed(c.records, began)
	c.done.Store(true)
	s.note(c)
	if s.barrier.async && (c.binding || len(c.reserved) > 0) {
		s.makeDurable()
	}
	if len(c.reserved) > 0 {
		s.reserved(c.reserved)
	}
	d := c.digest // a copy: readers must not keep the batch alive
	s.digest.Store(&d)
	return nil
}
