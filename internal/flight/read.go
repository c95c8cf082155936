package flight

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unsafe"

	"kvs/statemachine"
)

// MemoryMax is the default bound of what one step or checkpoint may allocate.
const MemoryMax = 1 << 30

// ErrOtherCore is what a recording fails with whose core has other types than
// this build's.
var ErrOtherCore = errors.New("the recording was made by another version")

// Reader reads a recording, segment by segment.
type Reader struct {
	// Memory is the most that one step or checkpoint may allocate, in bytes.
	Memory int

	in      *bufio.Reader
	kind    kind // of a block that was read and not used, 0 for none
	payload []byte
}

// NewReader reads a recording from in.
func NewReader(in io.Reader) *Reader {
	return &Reader{Memory: MemoryMax, in: bufio.NewReaderSize(in, 64<<10)}
}

// Begins says that a file with these first bytes is a recording.
func Begins(head []byte) bool {
	return len(head) >= blockHeadBytes && head[0] <= blockMax>>24 && kind(head[8]) == kindHeader
}

// Segment is a part of a recording that stands for itself.
type Segment struct {
	Header
	// Node is the core as it was when the segment began.
	Node *statemachine.Node

	from *Reader
	r    reader
	err  error // of all steps from now on
}

// Step is one step as it was recorded.
type Step struct {
	At    statemachine.Time
	Input statemachine.Input
	Marks []Mark // one an effect
	// Returned says that the step did. If it did not, it is the last of a process
	// that crashed in it.
	Returned bool
}

// next reads a block, or returns the one that was put back.
func (f *Reader) next() (kind, []byte, error) {
	if k := f.kind; k != 0 {
		f.kind = 0
		return k, f.payload, nil
	}
	return readBlock(f.in)
}

// Next reads the next segment up to its first step. It skips the steps that are
// left of the one before, and fails with io.EOF at the end.
func (f *Reader) Next() (*Segment, error) {
	k, payload, err := f.next()
	for ; err == nil && k == kindSteps; k, payload, err = f.next() {
	}
	if err != nil {
		return nil, err
	}
	s := &Segment{from: f}
	if k != kindHeader {
		return nil, fmt.Errorf("%w: a block of kind %q where a segment begins", ErrMalformed, k)
	}
	if err := json.Unmarshal(payload, &s.Header); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if s.Core != theLayout().fingerprint {
		return nil, fmt.Errorf("%w, %q with a core %q; this one is %q", ErrOtherCore, s.Version, s.Core, theLayout().fingerprint)
	}
	return s, s.checkpoint()
}

// checkpoint reads the state that the segment begins with.
func (s *Segment) checkpoint() error {
	var state []byte
	for {
		k, payload, err := s.from.next()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err == nil && k == kindState && len(state)+len(payload) <= blockMax {
			state = append(state, payload...)
			continue
		}
		if err == nil {
			s.from.kind, s.from.payload = k, payload
		}
		break
	}
	s.Node = new(statemachine.Node)
	s.r = reader{b: state, room: s.from.Memory}
	theLayout().node.take(&s.r, unsafe.Pointer(s.Node))
	return s.ended()
}

// ended says whether what was read is all there is.
func (s *Segment) ended() error {
	if s.r.err == nil && len(s.r.b) > 0 {
		s.r.fail("there is more than belongs to it")
	}
	return s.r.err
}

// Next reads the next step, and fails with io.EOF behind the last.
func (s *Segment) Next() (Step, error) {
	if s.err == nil {
		var step Step
		if step, s.err = s.step(); s.err == nil {
			return step, nil
		}
	}
	return Step{}, s.err
}

func (s *Segment) step() (step Step, err error) {
	for len(s.r.b) == 0 {
		k, payload, err := s.from.next()
		if err != nil {
			return step, err
		}
		if k != kindSteps {
			s.from.kind, s.from.payload = k, payload
			return step, io.EOF
		}
		s.r.b = payload
	}
	r := &s.r
	r.room = s.from.Memory
	step.At = statemachine.Time{Mono: statemachine.Millis(r.varint()), Wall: statemachine.Millis(r.varint())}
	theLayout().input.take(r, unsafe.Pointer(&step.Input))
	if r.err == nil && step.Input == nil {
		r.fail("a step without an input")
	}
	if r.err == nil && len(r.b) == 0 {
		return step, nil // it did not return
	}
	step.Returned = true
	n := r.count()
	for i := 0; i < n && r.err == nil; i++ {
		number := int(r.byte())
		hash := r.bytes(4)
		step.Marks = append(step.Marks, Mark{number, uint32(hash[0])<<24 | uint32(hash[1])<<16 | uint32(hash[2])<<8 | uint32(hash[3])})
	}
	return step, r.err
}
