package flight

import (
	"encoding/binary"
	"hash/crc32"
	"reflect"
	"unsafe"

	"kvs/statemachine/keyspace"
)

// What comes again and again in vectors is written once a segment and then by its
// number. A table that is full begins anew, on both sides at the same moment.

// tableMax bounds a table.
const tableMax = 1024

// numbers is the writer's side: 0 is nothing, 1 something new, and so on.
type numbers[K comparable] map[K]uint64

// of returns the number of k, 1 if it has to be written out.
func (ns *numbers[K]) of(k K) uint64 {
	if n, ok := (*ns)[k]; ok {
		return n
	}
	if *ns == nil || len(*ns) == tableMax {
		*ns = make(numbers[K])
	}
	(*ns)[k] = uint64(len(*ns)) + 2
	return 1
}

// named is the reader's side.
type named[V any] []V

func (vs *named[V]) add(v V) {
	if len(*vs) == tableMax {
		*vs = nil
	}
	*vs = append(*vs, v)
}

func (vs named[V]) of(n uint64) (v V, ok bool) {
	if n < 2 || n-2 >= uint64(len(vs)) {
		return v, false
	}
	return vs[n-2], true
}

const streamBytes = int(unsafe.Sizeof(keyspace.Stream{}))

func streamCoder() coder {
	return coder{
		put: func(w *writer, p unsafe.Pointer) {
			s := *(*keyspace.Stream)(p)
			if !w.hashes {
				n := w.streams.of(s)
				w.b = binary.AppendUvarint(w.b, n)
				if n != 1 {
					return
				}
			}
			w.b = append(append(w.b, s.Replica[:]...), s.Epoch[:]...)
		},
		take: func(r *reader, p unsafe.Pointer) {
			s := (*keyspace.Stream)(p)
			if n := r.uvarint(); n != 1 {
				var ok bool
				if *s, ok = r.streams.of(n); !ok {
					r.fail("a stream that was not named before")
				}
				return
			}
			b := r.bytes(streamBytes)
			copy(s.Epoch[:], b[copy(s.Replica[:], b):])
			r.streams.add(*s)
		},
		zero: func(p unsafe.Pointer) bool { return *(*keyspace.Stream)(p) == keyspace.Stream{} },
	}
}

// listCoder writes a list of streams that are over. Vectors share it, and nobody
// changes it, so that its address stands for it.
func listCoder(elem func() *coder) func() coder {
	return func() coder {
		return coder{
			put: func(w *writer, p unsafe.Pointer) {
				list := *(*unsafe.Pointer)(p)
				switch {
				case list == nil:
					w.b = append(w.b, 0)
				case w.hashes:
					w.b = binary.AppendUvarint(w.b, w.sumOf(list, elem()))
				default:
					n := w.lists.of(list)
					w.b = binary.AppendUvarint(w.b, n)
					if n == 1 {
						elem().put(w, list)
					}
				}
			},
			take: func(r *reader, p unsafe.Pointer) {
				n := r.uvarint()
				if n == 0 {
					return
				}
				list, ok := r.lists.of(n)
				switch {
				case ok:
				case n == 1:
					list = reflect.New(reflect.TypeFor[keyspace.Retired]()).UnsafePointer()
					elem().take(r, list)
					r.lists.add(list)
				default:
					r.fail("a list that was not written before")
					return
				}
				*(*unsafe.Pointer)(p) = list
			},
			zero: func(p unsafe.Pointer) bool { return *(*unsafe.Pointer)(p) == nil },
		}
	}
}

// sumOf hashes a list, once.
func (w *writer) sumOf(list unsafe.Pointer, elem *coder) uint64 {
	if sum, ok := w.sums[list]; ok {
		return sum
	}
	if w.sums == nil || len(w.sums) == tableMax {
		w.sums = make(map[unsafe.Pointer]uint64)
	}
	whole := w.b
	w.b = nil
	elem.put(w, list)
	sum := uint64(crc32.Checksum(w.b, castagnoli))
	w.b = whole
	w.sums[list] = sum
	return sum
}
