package audit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// Record is an entry as it stands in the log.
type Record struct {
	Entry

	// Prev and Hash are the hashes of the line before and of this one.
	Prev, Hash Hash

	// Line is the line itself, without its newline: JSON, and exactly what is
	// hashed. It is valid until visit returns.
	Line []byte
}

// Read visits entries in their order, from the one after number since on: at
// most limit of them, and until visit returns false. It begins later if older
// ones were deleted. Every entry is checked to have the hash that it says and to
// follow from the line before it; Verify checks more. At a last line that is cut
// off it ends, since somebody may be writing it.
func Read(dir string, since uint64, limit int, visit func(Record) bool) error {
	return read(dir, nil, since, limit, visit)
}

// Read is the function of that name, for a log that is being written to: it
// shows what is durable.
func (l *Log) Read(since uint64, limit int, visit func(Record) bool) error {
	return read(l.o.Dir, func() position { return *l.durable.Load() }, since, limit, visit)
}

func read(dir string, durable func() position, since uint64, limit int,
	visit func(Record) bool,
) error {
	p := pager{dir: dir, since: since, left: limit, visit: visit}
	return retry(durable, func() error {
		files, err := viewOf(dir, durable)
		if err != nil {
			return err
		}
		from := 0
		for i, s := range files.segments {
			if p.since < numberMax && s.first <= p.since+1 {
				from = i
			}
		}
		for i := from; i < len(files.segments) && p.left > 0; i++ {
			if err := p.segment(files, i); err != nil {
				return err
			}
		}
		return nil
	})
}

// pager is one walk through a log.
type pager struct {
	dir   string
	since uint64 // the last entry that was visited, or is not to be
	left  int    // how many may be visited; 0 once visit has had enough
	visit func(Record) bool
}

// segment visits what is asked for of one segment.
func (p *pager) segment(files view, i int) error {
	s, limit := files.segments[i], files.limit(i)
	f, err := openSegment(p.dir, s)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	var offset int64
	if err == nil {
		limit = min(limit, info.Size())
		offset, err = seek(f, limit, p.since)
	}
	if err != nil {
		return fmt.Errorf("audit_path %q: read %s: %w", p.dir, filepath.Base(s.path), err)
	}
	lines := newLineReader(io.NewSectionReader(f, offset, limit-offset))
	var tip Hash
	for p.left > 0 {
		raw, err := lines.next()
		if errors.Is(err, io.EOF) || errors.Is(err, errTorn) && i == len(files.segments)-1 {
			return nil
		}
		if err == nil {
			tip, err = p.line(raw, tip, lines.count == 1)
		}
		if finding := (*Finding)(nil); errors.As(err, &finding) {
			return finding.at(s.path, 0)
		}
		if errors.Is(err, errLong) || errors.Is(err, errTorn) {
			return found(p.since+1, p.since+1, "a line %v", err).at(s.path, 0)
		}
		if err != nil {
			return fmt.Errorf("audit_path %q: read %s: %w", p.dir, filepath.Base(s.path), err)
		}
	}
	return nil
}

// line visits the entry in a line, if it is one that is asked for, and returns
// the line's hash. Of the first line that is read, nothing is known of what is
// before it.
func (p *pager) line(raw []byte, tip Hash, isFirst bool) (Hash, error) {
	l, err := parseLine(raw)
	if err != nil {
		return tip, found(p.since+1, p.since+1, "a line %v", err)
	}
	if !isFirst && l.prev != tip {
		return tip, found(max(p.since, 1), p.since+1, "a line does not follow from the one before it")
	}
	if l.kind == kindEntry && l.entry.Number > p.since {
		p.since = l.entry.Number
		if p.left--; !p.visit(Record{l.entry, l.prev, l.hash, raw}) {
			p.left = 0
		}
	}
	return l.hash, nil
}

// seek returns where a line begins that is not behind the entry after since, but
// near it, by halving: a page in the middle of a large segment does not read all
// that is before it. In a damaged file it may return an earlier line.
func seek(f io.ReaderAt, size int64, since uint64) (int64, error) {
	// The line at low is not behind the entry; none that begins at high or later
	// is needed to get to it.
	low, high := int64(0), size
	chunk := make([]byte, LineBytesMax+64)
	for high-low > LineBytesMax {
		middle := low + (high-low)/2
		n, err := f.ReadAt(chunk, middle)
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		// Behind the newline there is room for the number.
		end := bytes.IndexByte(chunk[:min(n, LineBytesMax)], '\n')
		if end < 0 {
			return low, nil
		}
		begin := middle + int64(end) + 1
		if begin >= high {
			high = middle
			continue
		}
		number, ok := lineNumber(chunk[end+1 : n])
		switch {
		case !ok:
			return low, nil
		case number <= since:
			low = begin
		default:
			high = middle
		}
	}
	return low, nil
}
