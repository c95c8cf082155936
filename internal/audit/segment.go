package audit

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	namePrefix = "audit-"
	nameSuffix = ".log"
	nameDigits = 20
)

// segment is one file of the log.
type segment struct {
	first uint64 // the number of its first entry, which its name says
	path  string
}

func segmentIn(dir string, first uint64) segment {
	name := fmt.Sprintf("%s%0*d%s", namePrefix, nameDigits, first, nameSuffix)
	return segment{first, filepath.Join(dir, name)}
}

// segments lists the files of a log in their order. Other files are not ours.
func segments(dir string) (out []segment, err error) {
	entries, err := os.ReadDir(dir) // sorted by name, so by number
	if err != nil {
		return nil, fmt.Errorf("audit_path %q cannot be read: %w", dir, err)
	}
	for _, e := range entries {
		digits, found := strings.CutPrefix(e.Name(), namePrefix)
		digits, suffix := strings.CutSuffix(digits, nameSuffix)
		first, err := strconv.ParseUint(digits, 10, 63)
		if found && suffix && err == nil && len(digits) == nameDigits {
			out = append(out, segment{first, filepath.Join(dir, e.Name())})
		}
	}
	return out, nil
}

// Errors of lineReader.
var (
	errLong = fmt.Errorf("is longer than %d bytes", LineBytesMax)
	errTorn = errors.New("is cut off in the middle; a crash leaves this too, and opening the log " +
		"repairs it")
)

// lineReader takes a file apart into lines, in bounded memory.
type lineReader struct {
	r      *bufio.Reader
	offset int64 // where the next line begins
	count  int   // how many lines were read
}

func newLineReader(r io.Reader) *lineReader {
	return &lineReader{r: bufio.NewReaderSize(r, LineBytesMax)}
}

// next returns a line without its newline, which is valid until the next call;
// io.EOF behind the last; errTorn if what is left has no newline.
func (r *lineReader) next() ([]byte, error) {
	b, err := r.r.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, errLong
	case errors.Is(err, io.EOF) && len(b) > 0:
		return nil, errTorn
	case err != nil:
		return nil, err
	}
	r.offset += int64(len(b))
	r.count++
	return b[:len(b)-1], nil
}

// view is the part of a log that a reader may see. Sizes hold for the last
// segment only: the others are complete.
type view struct {
	segments []segment
	size     int64 // of the last segment; negative for all that is there
}

// position is how far a log is durable.
type position struct {
	first uint64 // the segment that is written to
	size  int64  // how much of it is durable
	next  uint64 // the number of the next entry
	kept  uint64 // the first entry that the newest checkpoint says is kept
}

// viewOf lists what may be read of a directory. A live log says how far it is
// durable; durable is nil for a directory that nobody writes to.
//
// The files are listed before the log is asked. The other way round, retention
// could delete a file in between, and the checkpoint that allows it would be
// behind the end of the view: an honest log that looks cut off at the front.
func viewOf(dir string, durable func() position) (view, error) {
	list, err := segments(dir)
	if err != nil || durable == nil {
		return view{list, -1}, err
	}
	upTo := durable()
	for len(list) > 0 && list[len(list)-1].first > upTo.first {
		list = list[:len(list)-1]
	}
	if len(list) > 0 && list[len(list)-1].first == upTo.first {
		return view{list, upTo.size}, nil
	}
	return view{list, -1}, nil
}

// wholeFile is the limit of a file that may be read to its end.
const wholeFile = math.MaxInt64

// limit is how many bytes may be read of the segment with an index.
func (v view) limit(i int) int64 {
	if i == len(v.segments)-1 && v.size >= 0 {
		return v.size
	}
	return wholeFile
}

// goneError says that a segment that was listed is not there any more.
type goneError struct {
	segment
	err error
}

// Error says which file it is.
func (e *goneError) Error() string {
	return fmt.Sprintf("segment %s: %v", filepath.Base(e.path), e.err)
}

// Unwrap is the system's error.
func (e *goneError) Unwrap() error { return e.err }

// openSegment opens a listed segment for reading.
func openSegment(dir string, s segment) (*os.File, error) {
	f, err := os.Open(s.path)
	if errors.Is(err, os.ErrNotExist) {
		err = &goneError{s, err}
	}
	if err != nil {
		return nil, fmt.Errorf("audit_path %q: %w", dir, err)
	}
	return f, nil
}

// retry calls do again as long as retention deletes segments in front of it. A
// live log has announced each of them in a checkpoint before, so any other that
// has gone was removed by somebody else: that is a finding. It ends, because a
// segment that is gone is not listed again. Of a directory that no log of this
// process writes to, nothing more is known than that the segment went while it
// was read.
func retry(durable func() position, do func() error) (err error) {
	for tries := 0; ; tries++ {
		err = do()
		var gone *goneError
		switch {
		case !errors.As(err, &gone):
			return err
		case durable == nil && tries == viewTriesMax:
			return err
		case durable != nil && gone.first >= durable().kept:
			return found(gone.first, gone.first, "the file was removed while it was read, and no "+
				"checkpoint says that it was to be deleted").at(gone.path, 0)
		}
	}
}

// afterNewline is the last line of what ends with a whole line, without its
// newline.
func afterNewline(b []byte) []byte {
	b = bytes.TrimSuffix(b, []byte("\n"))
	return b[bytes.LastIndexByte(b, '\n')+1:]
}
