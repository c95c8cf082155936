package flight

import (
	"encoding/binary"
	"hash/maphash"
	"unsafe"

	"kvs/statemachine/keyspace"
)

// masker hides what clients have stored. Equal bytes have equal marks within one
// run, which is all that the core can tell of them.
type masker struct{ first, second maphash.Seed }

func newMasker() *masker { return &masker{maphash.MakeSeed(), maphash.MakeSeed()} }

// markBytes is the length of a mark. A shorter value has a mark of its own length,
// so that a stand-in of the same length can carry it.
const markBytes = 8

// mark hides a value. Without a masker it is a stand-in already, and the mark is
// what it begins with.
func (m *masker) mark(value []byte) (mark [markBytes]byte, n int) {
	n = min(len(value), markBytes)
	if m == nil {
		copy(mark[:], value)
		return mark, n
	}
	binary.LittleEndian.PutUint64(mark[:], maphash.Bytes(m.first, value))
	return mark, n
}

// valueCoder writes a length and a mark, and reads a stand-in: as many bytes, of
// which the first are the mark.
func valueCoder() coder {
	return coder{
		put: func(w *writer, p unsafe.Pointer) {
			value := *(*[]byte)(p)
			if value == nil {
				w.b = append(w.b, 0)
				return
			}
			w.b = binary.AppendUvarint(w.b, uint64(len(value))+1)
			mark, n := w.masker.mark(value)
			w.b = append(w.b, mark[:n]...)
		},
		take: func(r *reader, p unsafe.Pointer) {
			n := int(min(r.uvarint(), memoryMost)) - 1
			if n < 0 || !r.reserve(n, 1) {
				return
			}
			value := make([]byte, n)
			copy(value, r.bytes(min(n, markBytes)))
			*(*[]byte)(p) = value
		},
		zero: func(p unsafe.Pointer) bool { return *(*[]byte)(p) == nil },
	}
}

// valueHashCoder hides the hash of a value, which would betray a short one.
func valueHashCoder() coder {
	return coder{
		put: func(w *writer, p unsafe.Pointer) {
			h := *(*keyspace.ValHash)(p)
			if m := w.masker; m != nil {
				plain := *(*keyspace.ValHash)(p)
				binary.LittleEndian.PutUint64(h[:8], maphash.Bytes(m.first, plain[:]))
				binary.LittleEndian.PutUint64(h[8:], maphash.Bytes(m.second, plain[:]))
			}
			w.b = append(w.b, h[:]...)
		},
		take: func(r *reader, p unsafe.Pointer) { copy((*keyspace.ValHash)(p)[:], r.bytes(16)) },
		zero: func(p unsafe.Pointer) bool { return *(*keyspace.ValHash)(p) == keyspace.ValHash{} },
	}
}
