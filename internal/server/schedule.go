package server

import (
	"hash/fnv"
	"time"

	"kvs/httpapi"
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

// keepTo makes a backup whenever one is due, in local time, until the node stops.
func (b *backups) keepTo(when config.Schedule) {
	due := dueAfter(when, time.Now(), b.node)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-b.ctx.Done():
			return
		case <-timer.C:
		}
		if now := time.Now(); !now.Before(due) {
			b.onDue(now)
			due = dueAfter(when, now, b.node)
		}
		timer.Reset(min(max(time.Until(due), 0), clockStep))
	}
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
		b.log.Info("old backups removed", "backup_path", b.dir, "removed", gone, "error", err)
	}
	if _, err := b.Begin(); err != nil && err != httpapi.ErrClosed {
		b.log.Warn("no backup now", "backup_schedule", now.Format(time.RFC3339), "error", err)
	}
}
