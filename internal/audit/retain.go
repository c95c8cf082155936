package audit

import (
	"crypto/ed25519"
	"fmt"
	"path/filepath"
)

// Checkpoint signs the log as it is, unless the newest entry is under a
// signature already.
func (l *Log) Checkpoint() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return l.failed
	}
	if l.chain.last == l.chain.signed {
		return nil
	}
	return l.fail(l.signNow(l.o.Now()))
}

// Tick does what time asks for: a checkpoint once an entry has waited for
// CheckpointEvery, and the deletion of segments that need not be kept. It is to
// be called every few seconds. An error is final, except when it says that a
// segment could not be deleted: that is tried again.
func (l *Log) Tick() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return l.failed
	}
	now := l.o.Now()
	if l.isDue(now) {
		if err := l.fail(l.signNow(now)); err != nil {
			return err
		}
	}
	if first := l.wanted(now); first > l.kept {
		// The checkpoint comes first. Without it, deleted segments look like
		// stolen ones.
		l.kept = first
		if err := l.fail(l.signNow(now)); err != nil {
			return err
		}
	}
	return l.retire()
}

// isDue says that an entry has waited long enough for a checkpoint.
func (l *Log) isDue(now Millis) bool {
	if l.chain.last == l.chain.signed {
		return false
	}
	// A clock that was set back must not put off the checkpoint for as long.
	if l.waiting == 0 || now < l.waiting {
		l.waiting = now
	}
	return now-l.waiting >= CheckpointEvery
}

func (l *Log) signNow(now Millis) error {
	if err := l.addCheckpoint(now); err != nil {
		return err
	}
	return l.flush()
}

// addCheckpoint puts a checkpoint of all entries so far at the end of what is
// to be written.
func (l *Log) addCheckpoint(now Millis) error {
	k := Checkpoint{
		Replica: l.o.Replica, First: l.kept, Number: l.chain.last, Head: l.chain.head,
		Time: max(now, 0), Kid: l.o.Kid,
	}
	signature := l.o.Sign(k.Message())
	if len(signature) != ed25519.SignatureSize {
		return fmt.Errorf("sign a checkpoint with key %q: %d bytes are no Ed25519 signature", k.Kid,
			len(signature))
	}
	k.Signature = [ed25519.SignatureSize]byte(signature)
	l.add(&line{kind: kindCheckpoint, checkpoint: k})
	l.made = append(l.made, k)
	l.waiting = 0
	return nil
}

// wanted is the first entry that is to be kept: the first of some segment. The
// one that is written to is always kept.
func (l *Log) wanted(now Millis) uint64 {
	drop := 0
	if n := l.o.RetainSegments; n > 0 {
		drop = max(0, len(l.segments)-n)
	}
	// All entries of a segment are older than the header of the next.
	for l.o.RetainAge > 0 && drop < len(l.segments)-1 &&
		l.segments[drop+1].time <= now-l.o.RetainAge {
		drop++
	}
	if drop == 0 {
		return 0
	}
	return l.segments[drop].first
}

// retire deletes the segments before the first entry that the newest checkpoint
// says is kept. The directory is synced after each, because a file system may
// otherwise let a later deletion survive a power cut and not an earlier one,
// which is a hole in the middle.
func (l *Log) retire() error {
	for len(l.segments) > 1 && l.segments[1].first <= l.chain.latest.First {
		path := l.segments[0].path
		if err := l.disk.remove(path); err != nil {
			return fmt.Errorf("audit_path %q: delete the oldest segment %s: %w", l.o.Dir,
				filepath.Base(path), err)
		}
		l.segments = l.segments[1:]
		if err := l.disk.syncDir(l.o.Dir); err != nil {
			return fmt.Errorf("audit_path %q: sync the directory after the deletion of %s: %w",
				l.o.Dir, filepath.Base(path), err)
		}
	}
	return nil
}
