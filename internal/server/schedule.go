package server

import (
	"fmt"
	"hash/fnv"
	"time"

	"filippo.io/age"

	"kvs/httpapi"
	"kvs/internal/backup"
	"kvs/internal/config"
)

const (
	// jitterMax bounds how long after the scheduled time a backup begins, so that the nodes
	// of a cluster do not all begin at once; and jitterPart bounds it by a part of the time to
	// the next one.
	jitterMax  = 10 * time.Minute
	jitterPart = 10
	// clockStep bounds a wait, after which the clock is looked at again: it may have been set.
	clockStep = time.Minute
)

// plan is when a node makes backups, where, and for how long it keeps them.
type plan struct {
	when config.Schedule // nil: only when it is asked to
	dir  string
	keep time.Duration
	to   []age.Recipient // none: not encrypted
	// incrementals is how many incremental backups it makes after each full one.
	incrementals int
}

func planOf(cfg config.Config) (plan, error) {
	to, err := backup.ParseRecipients(cfg.BackupRecipients)
	p := plan{dir: cfg.BackupPath, keep: cfg.BackupRetention, to: to, incrementals: cfg.BackupIncremental}
	if err != nil || !cfg.BackupEnabled {
		return p, err
	}
	when, err := config.ParseCron(cfg.BackupSchedule)
	if err != nil {
		return p, fmt.Errorf("backup_schedule: %w", err)
	}
	p.when = when
	return p, nil
}

// change makes another plan count. A backup that is being made is finished where it is.
func (b *backups) change(p plan) {
	b.plan.Store(&p)
	select {
	case b.news <- struct{}{}:
	default: // it looks at the newest anyway
	}
}

// keepToPlan makes a backup whenever one is due, in local time, until the node stops.
func (b *backups) keepToPlan() {
	b.recall()
	timer := time.NewTimer(clockStep)
	defer timer.Stop()
	var due time.Time // zero: never
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-b.news:
			due = b.nextDue(time.Now())
		case <-timer.C:
			if now := time.Now(); !due.IsZero() && !now.Before(due) {
				b.onDue(now)
				due = b.nextDue(now)
			}
		}
		wait := clockStep
		if !due.IsZero() {
			wait = min(max(time.Until(due), 0), clockStep)
		}
		timer.Reset(wait)
	}
}

func (b *backups) nextDue(now time.Time) time.Time {
	if p := b.plan.Load(); p.when != nil {
		return dueAfter(p.when, now, b.node)
	}
	return time.Time{}
}

// dueAfter is when a node next makes a backup: always the same time after the scheduled
// one.
func dueAfter(when config.Schedule, now time.Time, node string) time.Time {
	h := fnv.New64a()
	h.Write([]byte(node))
	delay := func(at time.Time) time.Duration {
		most := min(jitterMax, when.Next(at).Sub(at)/jitterPart)
		return time.Duration(h.Sum64() % uint64(max(most, 1)))
	}
	at := when.Next(now.Add(-jitterMax)) // its delay may be running
	for !at.Add(delay(at)).After(now) {
		at = when.Next(at)
	}
	return at.Add(delay(at))
}

// onDue removes what is too old, and begins a backup.
func (b *backups) onDue(now time.Time) {
	gone, err := b.prune(now)
	if gone > 0 || err != nil {
		b.log.Info("old backups removed", "backup_path", b.plan.Load().dir, "removed", gone, "error", err)
	}
	if _, err := b.begin(b.plan.Load().incrementals); err != nil && err != httpapi.ErrClosed {
		b.log.Warn("no backup now", "backup_schedule", now.Format(time.RFC3339), "error", err)
	}
}
