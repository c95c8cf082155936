package server

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"kvs/internal/config"
	"kvs/statemachine/keyspace"
	"kvs/storage"
)

// quietFor is how long nobody has to write before the store is compacted: it writes
// everything anew, beside which syncs take long.
const quietFor = 5 * time.Second

// upkeep does for the store, every gc_interval, what it needs now and then.
type upkeep struct {
	store *storage.Store
	log   *slog.Logger
	now   func() keyspace.Millis
	free  func() (disk, error)
	quiet func() bool // waits for quietFor, and says whether nobody wrote meanwhile

	every     time.Duration
	age       atomic.Int64 // revision_max_age, a time.Duration
	compacted atomic.Uint64
	failed    atomic.Uint64
	freed     atomic.Uint64 // bytes
}

func newUpkeep(s *Server) *upkeep {
	u := &upkeep{
		store: s.store, log: s.log, now: s.driver.clock.wall, free: s.driver.space.free, every: s.cfg.GCInterval,
	}
	u.quiet = func() bool { return u.pausing(s.driver.stopped) }
	u.tune(s.cfg)
	return u
}

// tune takes over what may change while the node runs.
func (u *upkeep) tune(cfg config.Config) { u.age.Store(int64(cfg.RevisionMaxAge)) }

// agedBefore is the time before which a revision is too old to be shown, 0 if none is.
func (u *upkeep) agedBefore() keyspace.Millis {
	age := time.Duration(u.age.Load())
	if age == 0 {
		return 0
	}
	now := u.now()
	return now - min(now, millis(age))
}

// run works until stopped is closed.
func (u *upkeep) run(stopped <-chan struct{}) {
	tick := time.NewTicker(u.every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := u.work(); err != nil && !errors.Is(err, storage.ErrClosed) {
				u.failed.Add(1)
				u.log.Warn("the store's upkeep failed; it is tried again", "after", u.every.String(), "error", err)
			}
		case <-stopped:
			return
		}
	}
}

func (u *upkeep) work() error {
	if before := u.agedBefore(); before > 0 {
		n, err := u.store.ForgetRevisions(before)
		if err != nil {
			return fmt.Errorf("forget revisions beyond revision_max_age: %w", err)
		}
		if n > 0 {
			u.log.Debug("revisions beyond revision_max_age are forgotten", "revisions", n)
		}
	}
	return u.compact()
}

// compact gives room back to the disk, if that is worth it, has room itself, and
// disturbs nobody.
func (u *upkeep) compact() error {
	anew, err := u.store.Compactable()
	if err != nil || anew == 0 {
		return err
	}
	if !u.may(anew) {
		return nil
	}
	freed, err := u.store.Compact()
	if err != nil {
		return err
	}
	u.compacted.Add(1)
	u.freed.Add(uint64(freed))
	u.log.Debug("the store is compacted", "bytes", anew, "freed", freed)
	return nil
}

// may says that so many bytes can be written now.
func (u *upkeep) may(anew int64) bool {
	d, err := u.free()
	return err == nil && d.Free >= 2*diskLow+uint64(anew) && u.quiet()
}

// pausing is quiet as it is outside of tests.
func (u *upkeep) pausing(stopped <-chan struct{}) bool {
	was := u.store.Commits()
	pause := time.NewTimer(quietFor)
	defer pause.Stop()
	select {
	case <-pause.C:
		return u.store.Commits() == was
	case <-stopped:
		return false
	}
}
