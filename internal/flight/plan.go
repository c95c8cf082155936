package flight

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"unsafe"
)

// coder writes and reads the memory of one type. take expects zeroed memory.
type coder struct {
	put  func(w *writer, p unsafe.Pointer)
	take func(r *reader, p unsafe.Pointer)
	zero func(p unsafe.Pointer) bool
}

// plan holds the coders of all types that can be reached from its roots.
type plan struct {
	coders map[reflect.Type]*coder
	sets   map[reflect.Type]*set
	slots  int // of a writer, one for each type of a set
	// special are the types that are not written as they lie in memory.
	special map[reflect.Type]func() coder
}

// leftOut are fields that the core does not read, or that do not outlive a step.
// Whoever makes it read one sees that replays differ.
var leftOut = map[string]bool{
	"statemachine.Node.out":      true,
	"keyspace.Applied.News":      true,
	"keyspace.Applied.Conflicts": true,
}

// of returns the coder of a type. It panics on kinds that the core has none of: a
// state with a channel or a function cannot be recorded.
func (pl *plan) of(t reflect.Type) *coder {
	if c, ok := pl.coders[t]; ok {
		return c
	}
	c := new(coder)
	pl.coders[t] = c
	if s, ok := pl.special[t]; ok {
		*c = s()
		return c
	}
	switch t.Kind() {
	case reflect.Bool:
		*c = boolCoder()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		*c = intCoder(t)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		*c = uintCoder(t)
	case reflect.String:
		*c = stringCoder()
	case reflect.Array:
		*c = pl.arrayCoder(t)
	case reflect.Slice:
		*c = pl.sliceCoder(t)
	case reflect.Struct:
		*c = pl.structCoder(t)
	case reflect.Pointer:
		*c = pl.pointerCoder(t)
	case reflect.Map:
		*c = pl.mapCoder(t)
	case reflect.Interface:
		*c = pl.setCoder(t)
	default:
		panic(fmt.Sprintf("flight: a %v cannot be recorded", t))
	}
	return c
}

func boolCoder() coder {
	return coder{
		put:  func(w *writer, p unsafe.Pointer) { w.b = append(w.b, *(*byte)(p)) },
		take: func(r *reader, p unsafe.Pointer) { *(*bool)(p) = r.byte() != 0 },
		zero: func(p unsafe.Pointer) bool { return !*(*bool)(p) },
	}
}

// integer makes a coder out of how to load and store one.
func integer[T ~int | ~int8 | ~int16 | ~int32 | ~int64]() coder {
	return coder{
		put:  func(w *writer, p unsafe.Pointer) { w.b = binary.AppendVarint(w.b, int64(*(*T)(p))) },
		take: func(r *reader, p unsafe.Pointer) { *(*T)(p) = T(r.varint()) },
		zero: func(p unsafe.Pointer) bool { return *(*T)(p) == 0 },
	}
}

func natural[T ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64]() coder {
	return coder{
		put:  func(w *writer, p unsafe.Pointer) { w.b = binary.AppendUvarint(w.b, uint64(*(*T)(p))) },
		take: func(r *reader, p unsafe.Pointer) { *(*T)(p) = T(r.uvarint()) },
		zero: func(p unsafe.Pointer) bool { return *(*T)(p) == 0 },
	}
}

func intCoder(t reflect.Type) coder {
	switch t.Size() {
	case 1:
		return integer[int8]()
	case 2:
		return integer[int16]()
	case 4:
		return integer[int32]()
	}
	return integer[int64]()
}

func uintCoder(t reflect.Type) coder {
	switch t.Size() {
	case 1:
		return natural[uint8]()
	case 2:
		return natural[uint16]()
	case 4:
		return natural[uint32]()
	}
	return natural[uint64]()
}

func stringCoder() coder {
	return coder{
		put: func(w *writer, p unsafe.Pointer) {
			s := *(*string)(p)
			w.b = append(binary.AppendUvarint(w.b, uint64(len(s))), s...)
		},
		take: func(r *reader, p unsafe.Pointer) { *(*string)(p) = string(r.bytes(r.count())) },
		zero: func(p unsafe.Pointer) bool { return *(*string)(p) == "" },
	}
}

func (pl *plan) arrayCoder(t reflect.Type) coder {
	n, size := t.Len(), t.Elem().Size()
	if t.Elem().Kind() == reflect.Uint8 {
		return coder{
			put: func(w *writer, p unsafe.Pointer) { w.b = append(w.b, unsafe.Slice((*byte)(p), n)...) },
			take: func(r *reader, p unsafe.Pointer) {
				copy(unsafe.Slice((*byte)(p), n), r.bytes(n))
			},
			zero: func(p unsafe.Pointer) bool { return allZero(unsafe.Slice((*byte)(p), n)) },
		}
	}
	elem := pl.of(t.Elem())
	return coder{
		put: func(w *writer, p unsafe.Pointer) {
			for i := range n {
				elem.put(w, unsafe.Add(p, uintptr(i)*size))
			}
		},
		take: func(r *reader, p unsafe.Pointer) {
			for i := range n {
				elem.take(r, unsafe.Add(p, uintptr(i)*size))
			}
		},
		zero: func(p unsafe.Pointer) bool {
			for i := range n {
				if !elem.zero(unsafe.Add(p, uintptr(i)*size)) {
					return false
				}
			}
			return true
		},
	}
}

func allZero(b []byte) bool { return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) }

// field is one that is recorded.
type field struct {
	*coder
	name string
	at   uintptr
}

func (pl *plan) fields(t reflect.Type) (fs []field) {
	for i := range t.NumField() {
		f := t.Field(i)
		if !leftOut[t.String()+"."+f.Name] {
			fs = append(fs, field{pl.of(f.Type), f.Name, f.Offset})
		}
	}
	return fs
}

// structCoder writes which fields are not zero, one a bit, and then those.
func (pl *plan) structCoder(t reflect.Type) coder {
	fs := pl.fields(t)
	size := (len(fs) + 7) / 8
	return coder{
		put: func(w *writer, p unsafe.Pointer) {
			at := len(w.b)
			for range size {
				w.b = append(w.b, 0)
			}
			for i := range fs {
				f := &fs[i]
				if q := unsafe.Add(p, f.at); !f.zero(q) {
					w.b[at+i/8] |= 1 << (i % 8)
					f.put(w, q)
				}
			}
		},
		take: func(r *reader, p unsafe.Pointer) {
			mask := r.bytes(size)
			for i := range fs {
				if r.err == nil && mask[i/8]&(1<<(i%8)) != 0 {
					fs[i].take(r, unsafe.Add(p, fs[i].at))
				}
			}
		},
		zero: func(p unsafe.Pointer) bool {
			for i := range fs {
				if !fs[i].zero(unsafe.Add(p, fs[i].at)) {
					return false
				}
			}
			return true
		},
	}
}

// slice is how a slice lies in memory.
type slice struct {
	data     unsafe.Pointer
	len, cap int
}

// sliceCoder tells a nil slice from an empty one.
func (pl *plan) sliceCoder(t reflect.Type) coder {
	if t.Elem().Kind() == reflect.Uint8 {
		return valueCoder()
	}
	elem, size := pl.of(t.Elem()), t.Elem().Size()
	return coder{
		put: func(w *writer, p unsafe.Pointer) {
			s := (*slice)(p)
			if s.data == nil {
				w.b = append(w.b, 0)
				return
			}
			w.b = binary.AppendUvarint(w.b, uint64(s.len)+1)
			for i := range s.len {
				elem.put(w, unsafe.Add(s.data, uintptr(i)*size))
			}
		},
		take: func(r *reader, p unsafe.Pointer) {
			n := r.count() - 1
			if n < 0 || !r.reserve(n, size) {
				return
			}
			v := reflect.MakeSlice(t, n, n)
			reflect.NewAt(t, p).Elem().Set(v)
			for i := 0; i < n && r.err == nil; i++ {
				elem.take(r, unsafe.Add(v.UnsafePointer(), uintptr(i)*size))
			}
		},
		zero: func(p unsafe.Pointer) bool { return (*slice)(p).data == nil },
	}
}

// pointerCoder writes what it points to: nothing of the core changes that
// another pointer leads to, so it does not matter that copies are no longer one.
func (pl *plan) pointerCoder(t reflect.Type) coder {
	elem := pl.of(t.Elem())
	return coder{
		put: func(w *writer, p unsafe.Pointer) {
			to := *(*unsafe.Pointer)(p)
			if to == nil {
				w.b = append(w.b, 0)
				return
			}
			w.b = append(w.b, 1)
			elem.put(w, to)
		},
		take: func(r *reader, p unsafe.Pointer) {
			if r.byte() == 0 || !r.reserve(1, t.Elem().Size()) {
				return
			}
			to := reflect.New(t.Elem()).UnsafePointer()
			elem.take(r, to)
			*(*unsafe.Pointer)(p) = to
		},
		zero: func(p unsafe.Pointer) bool { return *(*unsafe.Pointer)(p) == nil },
	}
}

// mapCoder writes a map in the order of its encoded keys.
func (pl *plan) mapCoder(t reflect.Type) coder {
	key, elem := pl.of(t.Key()), pl.of(t.Elem())
	at := func(p unsafe.Pointer) reflect.Value { return reflect.NewAt(t, p).Elem() }
	return coder{
		put: func(w *writer, p unsafe.Pointer) {
			whole := w.b
			var pairs []string
			for k, v := range at(p).Seq2() {
				w.b = nil
				key.put(w, addressed(k))
				elem.put(w, addressed(v))
				pairs = append(pairs, string(w.b))
			}
			slices.Sort(pairs)
			w.b = binary.AppendUvarint(whole, uint64(len(pairs)))
			for _, pair := range pairs {
				w.b = append(w.b, pair...)
			}
		},
		take: func(r *reader, p unsafe.Pointer) {
			n := r.count()
			if !r.reserve(n, t.Key().Size()+t.Elem().Size()) {
				return
			}
			m := reflect.MakeMapWithSize(t, n)
			for i := 0; i < n && r.err == nil; i++ {
				k, v := reflect.New(t.Key()), reflect.New(t.Elem())
				key.take(r, k.UnsafePointer())
				elem.take(r, v.UnsafePointer())
				m.SetMapIndex(k.Elem(), v.Elem())
			}
			at(p).Set(m)
		},
		zero: func(p unsafe.Pointer) bool { return at(p).IsNil() },
	}
}

// addressed copies a value to where it has an address.
func addressed(v reflect.Value) unsafe.Pointer {
	to := reflect.New(v.Type())
	to.Elem().Set(v)
	return to.UnsafePointer()
}
