package flight

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"unsafe"

	"kvs/statemachine/keyspace"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// writer encodes in memory.
type writer struct {
	b      []byte
	masker *masker // nil: values are stand-ins
	// hashes says that what is written is only compared, so that nothing in it may
	// depend on what was written before.
	hashes  bool
	streams numbers[keyspace.Stream]
	lists   numbers[unsafe.Pointer]
	sums    map[unsafe.Pointer]uint64
	boxes   []reflect.Value // what was behind an interface last, by slot
	err     error           // something of the core that has no coder
}

// reader decodes what a writer has made.
type reader struct {
	b       []byte
	room    int // bytes that may still be allocated
	streams named[keyspace.Stream]
	lists   named[unsafe.Pointer]
	err     error
}

// memoryMost bounds what one value or list can claim to be long, before anything
// is allocated.
const memoryMost = 1 << 31

// ErrMalformed is what a Reader fails with on bytes that no Recorder wrote.
var ErrMalformed = errors.New("the recording is damaged")

func (r *reader) fail(why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrMalformed, why)
	}
	r.b = nil
}

// reserve allows n things of a size to be allocated.
func (r *reader) reserve(n int, size uintptr) bool {
	if r.err != nil {
		return false
	}
	if n > memoryMost || uint64(n)*uint64(size) > uint64(r.room) {
		r.fail("it claims to hold more than fits memory")
		return false
	}
	r.room -= n * int(size)
	return true
}

// bytes takes n bytes. Beyond the end they are zero.
func (r *reader) bytes(n int) []byte {
	if n > len(r.b) {
		r.fail("it ends too early")
		return make([]byte, min(n, 256))
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func (r *reader) byte() byte { return r.bytes(1)[0] }

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail("it ends within a number")
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail("it ends within a number")
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count takes a number of things of which each takes a byte or more.
func (r *reader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.b))+1 {
		r.fail("it claims to hold more than there is")
		return 0
	}
	return int(n)
}
