package storage

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// Under Async Badger writes its logs through mapped memory and syncs none of them.
// A barrier makes durable all that was committed before it began: it syncs every
// log of the directory, because Badger's own Sync leaves out those that are full and
// wait to become tables. Tables need none: Badger syncs one, and the MANIFEST that
// names it, before it removes the log that it was made of.

// barrierEvery is the time between two barriers, and so the most that a loss of
// power takes.
const barrierEvery = time.Second

// barrier is what is committed, and what of it is durable.
type barrier struct {
	async bool
	// pass is held by whoever makes one.
	pass sync.Mutex
	wake chan struct{} // somebody waits for one

	mu        sync.Mutex // taken within pass, if both are
	committed progress
	told      []chan struct{} // closed once what is committed is durable

	durable progress // guarded by pass
}

// progress is how far a store had come at one moment.
type progress struct {
	reached keyspace.Watermark
	queued  uint64           // the number of the next entry of the queue
	batch   keyspace.BatchID // the newest that the core was told of, 0 none in this run
	vv      keyspace.VV      // as of it
}

// note takes note of a commit. Where every commit syncs, what it queued is durable.
func (s *Store) note(c *staged) {
	b := &s.barrier
	if !b.async {
		s.queue.durable.Store(c.queued)
		if c.told != nil {
			close(c.told)
		}
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.committed.queued = c.queued
	if c.told != nil {
		b.told = append(b.told, c.told)
		select {
		case b.wake <- struct{}{}:
		default:
		}
	}
}

// noteAnswer takes note of what the core knows to be applied.
func (b *barrier) noteAnswer(a statemachine.Applied) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.committed.batch, b.committed.vv = a.Result.Batch, a.Result.VV
}

// runBarriers makes one from time to time, and when somebody waits for it.
func (s *Store) runBarriers() {
	defer s.workers.Done()
	tick := time.NewTicker(barrierEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.quit:
			return
		case <-tick.C:
		case <-s.barrier.wake:
		}
		s.makeDurable()
	}
}

// makeDurable is one barrier. Its failure is one of the disk, and final.
func (s *Store) makeDurable() {
	b := &s.barrier
	b.pass.Lock()
	defer b.pass.Unlock()
	b.mu.Lock()
	now, told := b.committed, b.told
	now.reached = s.digest.Load().reached
	b.told = nil
	b.mu.Unlock()
	was := b.durable
	idle := now.reached == was.reached && now.batch == was.batch && len(told) == 0
	if idle || s.failure.err() != nil {
		return
	}
	if err := syncLogs(s.dir); err != nil {
		s.failure.trip(fmt.Errorf("make a second of writes durable: %w", err))
		return
	}
	b.durable = now
	s.queue.durable.Store(now.queued)
	for _, t := range told {
		close(t)
	}
	if now.batch != was.batch {
		s.deliver(statemachine.Synced{Batch: now.batch, VV: now.vv})
	}
}

// watermark is what is durable by now, for the sidecar.
func (s *Store) watermark() keyspace.Watermark {
	if !s.barrier.async {
		return s.digest.Load().reached
	}
	s.barrier.pass.Lock()
	defer s.barrier.pass.Unlock()
	return s.barrier.durable.reached
}

// syncLogs syncs the logs of a directory, the oldest first: whatever moment the power
// fails at, a newer one is not kept without what the older had been given before.
func syncLogs(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var logs []string
	for _, e := range entries {
		if n := e.Name(); strings.HasSuffix(n, ".mem") || strings.HasSuffix(n, ".vlog") {
			logs = append(logs, n)
		}
	}
	slices.SortFunc(logs, func(a, b string) int { // their numbers have five digits at least
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	})
	for _, name := range logs {
		if err := syncFile(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

// syncFile syncs a file, what was written to it through mapped memory too. One that is
// gone has become a table.
func syncFile(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
