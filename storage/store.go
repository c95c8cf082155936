package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// ErrClosed says that the store is closed or closing.
var ErrClosed = errors.New("the store is closed")

// Options say where a store lives and whom it answers.
type Options struct {
	// Dir belongs to the store alone. It is created with mode 0700.
	Dir string
	// Compression is the level from 1 to 19 at which values are compressed that get smaller
	// by it, 0 for none. What is there stays readable whatever it is.
	Compression int
	// Birth holds the random bytes that a start needs.
	Birth keyspace.Birth
	// Async answers a batch once it is committed. A barrier each second makes durable what
	// was committed before it, and delivers Synced; a loss of power takes what is newer.
	Async bool
	// Logger gets Badger's own log at debug and warn; nil drops it.
	Logger *slog.Logger
	// Deliver gets the answers to what Perform was given, from two goroutines.
	// Answers to effects of the writer arrive in their order. Close waits for a
	// running call, so it must not wait for Close.
	Deliver func(statemachine.Input)
	// Reserved gets the keys of the system's own records (keyspace.IsReserved) that
	// a batch has changed, in order: once that is durable, and before it is answered.
	// Without keys any of them may have changed. It must not call the store's Close.
	// nil drops it.
	Reserved func(keys []string)
	// Journal says what is queued with a batch of writes; nil queues nothing.
	Journal Journal
	// News gets what each batch has stored, in order, and the vector after it, once that is
	// durable and before it is answered. It keeps what it is given. nil drops it.
	News func(stored []keyspace.Entry, vv keyspace.VV)
	// Committed gets how many writes and entries each durable commit held, and how long
	// it took. nil drops it.
	Committed func(records int, took time.Duration)
	// Fatal gets the first failure of the disk, once, from any goroutine, and
	// perhaps while Open still runs. Nothing is answered afterwards; the process
	// is to exit.
	Fatal func(error)
}

// Store is an open data directory.
type Store struct {
	engine   *engine
	failure  *failure
	deliver  func(statemachine.Input)
	reserved func(keys []string)
	measure  func(records int, took time.Duration)
	news     func(stored []keyspace.Entry, vv keyspace.VV)
	snapshot keyspace.Snapshot
	state    *keyspace.State // the writer's
	digest   atomic.Pointer[digest]
	dir      string
	log      *slog.Logger
	sidecar  sidecar // as written last; runSidecar's, and Close's after it
	barrier  barrier

	journal      Journal
	queue        queue
	movedAtStart uint64

	pipeline pipeline
	damages  damages
	agings   chan aging
	commits  atomic.Uint64
	verified atomic.Pointer[Verification]

	writes  chan statemachine.Effect
	reads   chan statemachine.StoreRead
	quit    chan struct{}
	workers sync.WaitGroup
	close   sync.Once

	// rebuild keeps the reader away while an adoption rebuilds the indexes that
	// hang on the digest key, in several transactions. It guards digestKey.
	rebuild   sync.RWMutex
	digestKey keyspace.DigestKey

	// open is read-locked by every View and Range, and locked for good by
	// Close: Badger unmaps its files.
	open       sync.RWMutex
	keys       sync.Pool // *[]byte, for the stored keys of View
	dataPrefix []byte    // in front of a user's key in a stored one
}

// digest is what Digest returns after one batch, and what was reached with it.
type digest struct {
	root    [32]byte
	live    uint64
	reached keyspace.Watermark
}

// Open opens or creates the store of a directory. It refuses a directory that
// another process holds (ErrInUse), that a newer version wrote (ErrNewer), that
// holds anything else (ErrForeign), that is damaged beyond opening (ErrCorrupt), or that
// has lost writes while there is no other member to ask for them (ErrLoss).
func Open(o Options) (*Store, error) {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := prepareDir(o.Dir); err != nil {
		return nil, err
	}
	if err := preflight(o.Dir); err != nil {
		return nil, err
	}
	f := &failure{dir: o.Dir, report: o.Fatal}
	s := &Store{
		failure: f, deliver: o.Deliver, reserved: o.Reserved, dir: o.Dir, log: log,
		journal: o.Journal, news: o.News, measure: o.Committed,
		writes: make(chan statemachine.Effect, writeQueueMax),
		reads:  make(chan statemachine.StoreRead, readQueueMax),
		quit:   make(chan struct{}),
		keys:   sync.Pool{New: func() any { return new([]byte) }},

		dataPrefix: keyspace.DataKey(""),
	}
	if s.reserved == nil {
		s.reserved = func([]string) {}
	}
	s.barrier.async, s.barrier.wake = o.Async, make(chan struct{}, 1)
	s.queue.orders = make(chan queueOrder, queueOrdersMax)
	s.agings = make(chan aging)
	s.damages.keys = make(chan string, damagesMax)
	s.damages.doubts = make(chan doubt, damagesMax)
	s.verified.Store(&Verification{Of: verifySteps})
	var err error
	options := badgerOptions(o.Dir, badgerLog{log, f.trip})
	options.SyncWrites = !o.Async
	if s.engine, err = openEngineWith(options, newCompressor(o.Compression), s.damages.report); err != nil {
		return nil, explainOpen(o.Dir, err)
	}
	if err := s.start(o.Birth); err != nil {
		return nil, err
	}
	s.digestKey = s.state.DigestKey()
	s.pipeline = pipeline{engine: s.engine, commits: make(chan *staged), idle: make(chan struct{}, 1)}
	s.pipeline.idle <- struct{}{}
	if o.Async {
		s.workers.Add(1)
		go s.runBarriers()
	}
	s.workers.Add(5)
	go s.runWriter()
	go s.runCommitter()
	go s.runReader()
	go s.runSidecar()
	go s.runVerifier(binary.BigEndian.Uint64(o.Birth.Boot[:]))
	return s, nil
}

// start opens the state, and checks it against the sidecar of the run before.
func (s *Store) start(birth keyspace.Birth) error {
	known, err := readSidecar(s.dir)
	if err != nil {
		s.log.Warn("no proof that nothing is lost", "data_dir", s.dir, "error", err)
	}
	birth.Known, birth.AcceptLoss = known.Watermark, accepts(s.dir)
	s.sidecar.machine = machineStart()
	birth.Unsynced = s.sinceThen(known)
	err = guard(func() {
		s.state, s.snapshot = keyspace.Open(s.engine.update, birth, keyspace.MutantNone)
		s.engine.view(s.queue.load)
		s.movedAtStart = s.queue.moved.Load()
	})
	if err = errors.Join(err, s.failure.err()); err != nil {
		// Left as it is, like Close does after a failure.
		return fmt.Errorf("start on data_dir %q: %w", s.dir, err)
	}
	d := s.digestNow()
	s.digest.Store(&d)
	s.barrier.committed.queued = s.queue.next
	if s.barrier.async {
		// The run before may have left more than it has synced, if only its process
		// ended; and nobody may hear of this start before it is sure to be remembered.
		s.makeDurable()
	}
	if err := settle(s.dir, birth.AcceptLoss, &s.snapshot); err != nil {
		return errors.Join(err, s.engine.db.Close())
	}
	s.sidecar.open = s.barrier.async
	s.noteSidecar()
	return s.failure.err()
}

// sinceThen says whether the run before may have lost what it had not synced: its machine
// was restarted while it ran.
func (s *Store) sinceThen(known sidecar) (unsynced bool) {
	if known.machine == s.sidecar.machine || known.machine == "" {
		return false
	}
	if !known.open {
		s.log.Info("the machine was restarted since the last run", "data_dir", s.dir)
		return false
	}
	s.log.Warn("the machine was restarted while this node ran with durability async: what it stored in its "+
		"last second may be gone, acknowledged writes too; other members give back what they have",
		"data_dir", s.dir)
	return true
}

// Snapshot is what the store held when it was opened.
func (s *Store) Snapshot() keyspace.Snapshot { return s.snapshot }

// Digest returns the root of the digest tree and the number of live records
// after the newest committed batch.
func (s *Store) Digest() (root [32]byte, live uint64, err error) {
	if err := s.enter(); err != nil {
		return root, 0, err
	}
	defer s.leave()
	d := s.digest.Load()
	return d.root, d.live, nil
}

func (s *Store) digestNow() digest {
	return digest{root: s.state.Tree().Root(), live: s.state.Live(), reached: s.state.Watermark()}
}

// Close ends the running batch and the running reads, drops what is still
// queued, and closes the directory. After a failure it leaves the directory as
// it is, for the next process to recover: Badger would retry for ever.
func (s *Store) Close() (err error) {
	s.close.Do(func() {
		close(s.quit)
		s.workers.Wait()
		s.open.Lock() // for good: enter fails from here on
		if s.barrier.async {
			s.makeDurable() // so that the sidecar says where it ends
		}
		s.noteSidecar()
		if err = s.failure.err(); err != nil {
			return
		}
		if err = s.engine.db.Close(); err != nil {
			err = fmt.Errorf("close the store: %w", err)
			return
		}
		err = s.closeSidecar()
	})
	return err
}

// enter begins a read on a caller's goroutine. TryRLock fails only if Close
// holds the lock or waits for it, so a read inside a read cannot deadlock.
func (s *Store) enter() error {
	if !s.open.TryRLock() {
		return ErrClosed
	}
	if err := s.failure.err(); err != nil {
		s.open.RUnlock()
		return fmt.Errorf("the store has failed: %w", err)
	}
	return nil
}

func (s *Store) leave() { s.open.RUnlock() }
