package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

// Errors of a Log.
var (
	// ErrGap says that entries are missing between the end of the log and those
	// that were to be appended. The log is as before.
	ErrGap = errors.New("audit entries are missing")

	// ErrClosed says that the log was closed.
	ErrClosed = errors.New("the audit log is closed")
)

// Log is a log that is open for writing. Writers wait for each other; reading
// and verifying go on beside them.
type Log struct {
	mu        sync.Mutex
	o         Options
	disk      disk
	lock      *os.File
	recovered Recovery

	// What is written, durable or not.
	chain    chain
	segments []begun // oldest first; the last one is written to
	file     file
	size     int64  // of the file, without pending
	pending  []byte // whole lines that are to be written
	made     []Checkpoint
	kept     uint64 // what the next checkpoint says is kept; it never decreases
	waiting  Millis // since when an entry waits for a checkpoint; 0 if none does
	failed   error  // final

	durable atomic.Pointer[position]
	latest  atomic.Pointer[Checkpoint]
}

// begun is a segment, and when it was begun.
type begun struct {
	segment
	time Millis
}

// Next is the number of the next entry that the log expects: everything before
// it is durable.
func (l *Log) Next() uint64 { return l.durable.Load().next }

// Latest is the newest checkpoint; zero if there was none yet. Deliver was not
// called for it if the process ended in between, so it is to be delivered again
// after Open.
func (l *Log) Latest() Checkpoint { return *l.latest.Load() }

// Recovered says what Open had to repair; zero if nothing.
func (l *Log) Recovered() Recovery { return l.recovered }

// Append adds entries, which are durable when it returns. Entries that the log
// has already are skipped, so a queue that was drained before a crash may be
// drained again. The others must follow without a gap; otherwise, or if one is
// not valid, none is added. Any other error is final.
func (l *Log) Append(entries []Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed != nil {
		return l.failed
	}
	entries, err := l.fresh(entries)
	if err != nil || len(entries) == 0 {
		return err
	}
	now := l.o.Now()
	if l.waiting == 0 {
		l.waiting = now
	}
	return l.fail(l.addAll(entries, now))
}

// addAll writes entries with the checkpoints between them.
func (l *Log) addAll(entries []Entry, now Millis) error {
	// 1. The thousandth entry was written and its checkpoint was cut off by a
	// crash. 2. Without this, the next entry would be the thousand and first.
	if l.isFull() {
		if err := l.addCheckpoint(now); err != nil {
			return err
		}
	}
	for i := range entries {
		if err := l.addEntry(&entries[i], now); err != nil {
			return err
		}
	}
	if l.isDue(now) {
		if err := l.addCheckpoint(now); err != nil {
			return err
		}
	}
	return l.flush()
}

// isFull says that no entry may follow without a checkpoint.
func (l *Log) isFull() bool { return l.chain.last-l.chain.signed >= EntriesPerCheckpoint }

// fresh returns the entries that the log does not have yet, if all is well.
func (l *Log) fresh(entries []Entry) ([]Entry, error) {
	for len(entries) > 0 && entries[0].Number <= l.chain.last {
		entries = entries[1:]
	}
	for i := range entries {
		e := &entries[i]
		if expected := l.chain.last + 1 + uint64(i); e.Number != expected {
			return nil, fmt.Errorf("%w: audit_path %q expects entry %d, but was given %d; the log or "+
				"the queue in data_dir is not the one that it was", ErrGap, l.o.Dir, expected, e.Number)
		}
		if err := e.Check(); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// addEntry adds an entry, with the rotation before it and the checkpoint behind
// it that are due. Nothing of it is durable yet but what rotation needs.
func (l *Log) addEntry(e *Entry, now Millis) error {
	active := l.segments[len(l.segments)-1]
	if l.size+int64(len(l.pending)) >= l.o.RotateBytes && l.chain.last >= active.first {
		if err := l.rotate(now); err != nil {
			return err
		}
	}
	l.add(&line{kind: kindEntry, entry: *e})
	if l.isFull() {
		return l.addCheckpoint(now)
	}
	return nil
}

// add puts a line at the end of what is to be written.
func (l *Log) add(next *line) {
	next.prev = l.chain.tip
	l.pending = appendLine(l.pending, next)
	l.chain.advance(next)
}

// flush makes everything that was added durable, and only then known.
func (l *Log) flush() error {
	if len(l.pending) == 0 {
		return nil
	}
	path := l.segments[len(l.segments)-1].path
	if _, err := l.file.Write(l.pending); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	if err := l.file.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", filepath.Base(path), err)
	}
	l.size += int64(len(l.pending))
	if l.pending = l.pending[:0]; cap(l.pending) > bufferKeepBytes {
		l.pending = nil
	}
	l.publish()
	return nil
}

// publish lets readers and peers know of what is durable.
func (l *Log) publish() {
	active := l.segments[len(l.segments)-1]
	l.durable.Store(&position{active.first, l.size, l.chain.last + 1, l.chain.latest.First})
	latest := l.chain.latest
	l.latest.Store(&latest)
	for _, k := range l.made {
		if l.o.Deliver != nil {
			l.o.Deliver(k)
		}
	}
	l.made = l.made[:0]
}

// rotate ends the segment with a checkpoint and begins the next.
func (l *Log) rotate(now Millis) error {
	if l.chain.kind != kindCheckpoint {
		if err := l.addCheckpoint(now); err != nil {
			return err
		}
	}
	if err := l.flush(); err != nil {
		return err
	}
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("close the segment of %d bytes: %w", l.size, err)
	}
	return l.begin(l.chain.last+1, now)
}

// begin creates the segment whose first entry is to have a number, with its
// header. The caller flushes if there is more to write at once.
func (l *Log) begin(first uint64, now Millis) error {
	s := segmentIn(l.o.Dir, first)
	f, err := l.disk.create(s.path)
	if err != nil {
		return fmt.Errorf("create a segment: %w", err)
	}
	l.file, l.size = f, 0
	if err := l.disk.syncDir(l.o.Dir); err != nil {
		return fmt.Errorf("sync the directory: %w", err)
	}
	l.segments = append(l.segments, begun{s, now})
	l.add(&line{kind: kindHeader, header: header{l.o.Replica, first, now}})
	return nil
}

// fail makes an error final, unless it is nil.
func (l *Log) fail(err error) error {
	if err != nil {
		l.failed = fmt.Errorf("audit_path %q failed, and nothing more is logged before a restart; "+
			"check the disk and its free space: %w", l.o.Dir, err)
	}
	return l.failed
}

// Close closes the log. Checkpoint should come before it, so that all entries
// are under a signature.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.failed, ErrClosed) {
		return nil
	}
	l.failed = ErrClosed
	return errors.Join(l.file.Close(), l.lock.Close())
}
