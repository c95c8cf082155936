package audit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Errors of Open that name the directory and what to do about it.
var (
	// ErrInUse says that another process writes to the directory.
	ErrInUse = errors.New("audit_path is in use by another process")

	// ErrForeign says that the directory holds the log of another node.
	ErrForeign = errors.New("audit_path holds the log of another node")
)

// Recovery is what Open cut off: what a crash left of lines whose Append never
// returned.
type Recovery struct {
	// File is the segment that was cut; empty if none was.
	File string

	// Bytes is how much of it was cut off. Removed says that nothing was left,
	// not even the header, so that the file was deleted.
	Bytes   int64
	Removed bool
}

// Open opens a log for writing, or begins one. It verifies the newest segment
// and repairs what a crash left at its end; Verify does more. An error that is
// ErrTampered leaves the directory as it is: move it away to begin a new log,
// with Options.First.
func Open(o Options) (*Log, error) { return open(o, osDisk{}) }

func open(o Options, d disk) (*Log, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	l := &Log{o: o, disk: d}
	if err := l.prepareDir(); err != nil {
		return nil, err
	}
	if err := l.load(); err != nil {
		if l.file != nil {
			err = errors.Join(err, l.file.Close())
		}
		return nil, errors.Join(err, l.lock.Close())
	}
	l.publish()
	return l, nil
}

// prepareDir creates the directory if need be, and locks it.
func (l *Log) prepareDir() error {
	dir := l.o.Dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("audit_path %q cannot be created: %w", dir, err)
	}
	if err := l.disk.syncDir(filepath.Dir(dir)); err != nil {
		return fmt.Errorf("audit_path %q: sync the directory above: %w", dir, err)
	}
	lock, err := lockDir(dir)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%w: %q; stop that one, or set another audit_path", ErrInUse, dir)
	}
	if err != nil {
		return fmt.Errorf("audit_path %q cannot be locked: %w", dir, err)
	}
	l.lock = lock
	return nil
}

// load finds the end of the log and makes it one that can be written to.
func (l *Log) load() error {
	list, err := segments(l.o.Dir)
	if err != nil {
		return err
	}
	for len(list) > 0 {
		last := len(list) - 1
		found, err := l.scan(list[last])
		if err != nil {
			return err
		}
		if found.good > 0 && !found.isUnborn(list) {
			return l.resume(list, found)
		}
		// Not even the header is there, or nothing but it in a log that was
		// being created: nothing was ever written to it.
		if err := l.discard(list[last], found); err != nil {
			return err
		}
		list = list[:last]
	}
	if l.o.Acknowledged >= l.o.First {
		return l.short(l.o.First - 1)
	}
	return l.create()
}

// tail is what scan finds out about a segment.
type tail struct {
	chain chain
	head  line  // the header
	good  int64 // how many bytes of it verify
	size  int64
}

// isUnborn says that a log was being created and lacks its first checkpoint.
func (t *tail) isUnborn(list []segment) bool {
	return len(list) == 1 && t.chain.start > 1 && t.chain.kind == kindHeader &&
		t.head.prev == Hash{}
}

// short is the error for a log that ends too early.
func (l *Log) short(last uint64) error {
	return found(last+1, l.o.Acknowledged, "the log ends with entry %d, but entry %d was written "+
		"before; it was cut off, or is an old copy. To go on with a new log, move away audit_path %q",
		last, l.o.Acknowledged, l.o.Dir)
}

// scan verifies a segment by itself. It returns an error for what a crash cannot
// have done, and says how much is to be cut off otherwise.
func (l *Log) scan(s segment) (t tail, err error) {
	f, err := os.Open(s.path)
	if err != nil {
		return t, fmt.Errorf("audit_path %q: %w", l.o.Dir, err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return t, fmt.Errorf("audit_path %q: %w", l.o.Dir, err)
	}
	t.size = info.Size()
	t.chain.last = s.first - 1
	bad, torn, err := t.read(f, s)
	if err != nil {
		return t, fmt.Errorf("audit_path %q: read %s: %w", l.o.Dir, filepath.Base(s.path), err)
	}
	if t.good > 0 && t.chain.replica != l.o.Replica {
		return t, fmt.Errorf("%w: %q is of replica %s, this is %s; set another audit_path", ErrForeign,
			l.o.Dir, t.chain.replica, l.o.Replica)
	}
	lost := l.o.Acknowledged > t.chain.last
	switch {
	case bad != nil && !torn && (l.o.Acknowledged == 0 || lost):
		return t, fmt.Errorf("audit_path %q: %w", l.o.Dir, bad)
	case lost:
		return t, l.short(t.chain.last)
	}
	return t, nil
}

// read reads up to the end or the first line that does not verify, and says
// whether that one is just cut off.
func (t *tail) read(f io.Reader, s segment) (bad *Finding, torn bool, err error) {
	lines := newLineReader(f)
	for {
		raw, err := lines.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil, t.good == 0, nil
		case errors.Is(err, errTorn):
			return found(t.chain.last+1, t.chain.last+1, "%v", err), true, nil
		case errors.Is(err, errLong):
			bad = found(t.chain.last+1, t.chain.last+1, "this line %v", err)
		case err != nil:
			return nil, false, err
		case t.good == 0:
			t.head, bad = t.chain.open(raw, s.first)
		default:
			_, bad = t.chain.next(raw)
		}
		if bad != nil {
			return bad.at(s.path, lines.count), false, nil
		}
		t.good = lines.offset
	}
}

// discard deletes a last segment that nothing was ever written to.
func (l *Log) discard(s segment, t tail) error {
	if err := l.disk.remove(s.path); err != nil {
		return fmt.Errorf("audit_path %q: delete a segment without entries: %w", l.o.Dir, err)
	}
	if err := l.disk.syncDir(l.o.Dir); err != nil {
		return fmt.Errorf("audit_path %q: sync the directory: %w", l.o.Dir, err)
	}
	l.recovered = Recovery{s.path, t.size, true}
	return nil
}

// create begins a log.
func (l *Log) create() error {
	l.chain, l.kept = chain{}, l.o.First
	now := l.o.Now()
	err := l.begin(l.o.First, now)
	// A log that begins later than at entry 1 has to say that nothing is missing.
	if err == nil && l.o.First > 1 {
		err = l.addCheckpoint(now)
	}
	if err == nil {
		err = l.flush()
	}
	if err != nil {
		return fmt.Errorf("audit_path %q: begin a log: %w", l.o.Dir, err)
	}
	return nil
}

// resume goes on at the end of the last segment.
func (l *Log) resume(list []segment, t tail) error {
	last := list[len(list)-1]
	if err := l.complete(list, &t); err != nil {
		return fmt.Errorf("audit_path %q: %w", l.o.Dir, err)
	}
	l.chain, l.kept, l.size = t.chain, max(t.chain.latest.First, 1), t.good
	for _, s := range list {
		time, err := beginning(s)
		if err != nil {
			return fmt.Errorf("audit_path %q: read the header of %s: %w", l.o.Dir,
				filepath.Base(s.path), err)
		}
		l.segments = append(l.segments, begun{s, time})
	}
	f, err := l.disk.reopen(last.path)
	if err != nil {
		return fmt.Errorf("audit_path %q: %w", l.o.Dir, err)
	}
	l.file = f
	if t.good < t.size {
		if err := f.Truncate(t.good); err != nil {
			return fmt.Errorf("audit_path %q: cut the end off %s: %w", l.o.Dir,
				filepath.Base(last.path), err)
		}
		l.recovered = Recovery{last.path, t.size - t.good, false}
	}
	// What a process wrote before it was killed is in memory and perhaps not on
	// the disk, but from now on it counts as durable.
	if err := f.Sync(); err != nil {
		return fmt.Errorf("audit_path %q: sync %s: %w", l.o.Dir, filepath.Base(last.path), err)
	}
	return nil
}

// complete finds in the segment before what a segment without a checkpoint of
// its own does not say: the newest checkpoint and the hash of the last entry.
func (l *Log) complete(list []segment, t *tail) error {
	if t.chain.latest != (Checkpoint{}) {
		return nil
	}
	if len(list) == 1 {
		if t.chain.start > 1 {
			return found(1, t.chain.start-1, "there is neither a checkpoint nor a segment before").at(
				list[0].path, 0)
		}
		return nil
	}
	before := list[len(list)-2]
	raw, err := lastLine(before)
	if err != nil {
		return err
	}
	k, err := parseLine(raw)
	if err != nil || k.kind != kindCheckpoint || k.hash != t.head.prev ||
		k.checkpoint.Number != t.chain.start-1 {
		return found(t.chain.start-1, t.chain.start-1, "the last line is not the checkpoint that the "+
			"next segment follows from").at(before.path, 0)
	}
	t.chain.latest = k.checkpoint
	t.chain.latest.Replica = t.chain.replica
	if t.chain.last < t.chain.start {
		t.chain.head = k.checkpoint.Head
	}
	return nil
}

// beginning is the time in the header of a segment.
func beginning(s segment) (Millis, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	raw, err := newLineReader(f).next()
	if err != nil {
		return 0, err
	}
	var c chain
	l, bad := c.open(raw, s.first)
	if bad != nil {
		return 0, bad.at(s.path, 1)
	}
	return l.header.time, nil
}

// lastLine is the last line of a segment, without its newline; what there is of
// it if it is too long or cut off.
func lastLine(s segment) ([]byte, error) {
	f, err := os.Open(s.path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(info.Size(), LineBytesMax))
	if _, err := f.ReadAt(b, info.Size()-int64(len(b))); err != nil {
		return nil, err
	}
	return afterNewline(b), nil
}
