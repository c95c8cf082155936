package flight

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// members lists the types of each sealed set. Their order is their number, and so
// part of the fingerprint.
func members() map[reflect.Type][]reflect.Type {
	return map[reflect.Type][]reflect.Type{
		reflect.TypeFor[statemachine.Input](): typesOf(
			statemachine.Tick{}, statemachine.PeerUp{}, statemachine.Reached{}, statemachine.PeerDown{},
			statemachine.Received{}, statemachine.ClientWrites{}, statemachine.Applied{},
			statemachine.DigestRead{}, statemachine.LeafRead{}, statemachine.DotsRead{},
			statemachine.RecordsRead{}, statemachine.CopyRead{}, statemachine.KeyRead{},
			statemachine.Damaged{}, statemachine.SetMode{}, statemachine.SetConfig{},
			statemachine.SyncNow{}, statemachine.Leave{}, statemachine.Forget{}, statemachine.Diff{},
			statemachine.Lookup{}, statemachine.Await{}, statemachine.PeerRead{}, statemachine.Synced{}),
		reflect.TypeFor[statemachine.Effect](): typesOf(
			statemachine.Dial{}, statemachine.Disconnect{}, statemachine.Send{}, statemachine.Apply{},
			statemachine.ReadDigest{}, statemachine.ReadLeaf{}, statemachine.ReadDots{},
			statemachine.ReadRecords{}, statemachine.ReadCopy{}, statemachine.ReadKey{},
			statemachine.Restart{}, statemachine.Respond{}, statemachine.Stored{}, statemachine.Done{},
			statemachine.Notify{}),
		reflect.TypeFor[statemachine.Message](): typesOf(
			statemachine.Hello{}, statemachine.Welcome{}, statemachine.Table{}, statemachine.Digest{},
			statemachine.Push{}, statemachine.Ack{}, statemachine.Need{}, statemachine.Delta{},
			statemachine.Compare{}, statemachine.LeafList{}, statemachine.Items{}, statemachine.Reports{},
			statemachine.AskRetired{}, statemachine.RetiredList{}, statemachine.Refuse{},
			statemachine.Open{}, statemachine.Opened{}, statemachine.Fetch{}, statemachine.Chunk{},
			statemachine.Get{}, statemachine.Got{}, statemachine.Ping{}, statemachine.PingAck{},
			statemachine.PingReq{}, statemachine.Suspicion{}, statemachine.Graft{}, statemachine.Prune{}),
		reflect.TypeFor[statemachine.Event](): typesOf(
			statemachine.MemberChanged{}, statemachine.ClusterChosen{}, statemachine.PeerRefused{},
			statemachine.CaughtUp{}, statemachine.Diverged{}, statemachine.Repaired{},
			statemachine.Departed{}, statemachine.Rejoining{}, statemachine.CopyChanged{},
			statemachine.SettledAlone{}, statemachine.Unplaced{}, statemachine.DataLost{},
			statemachine.LossMended{}, statemachine.RecordDamaged{}, statemachine.RecordMended{},
			statemachine.ReachChanged{}, statemachine.ClockSkewed{}),
		reflect.TypeFor[rand.Source](): typesOf(&rand.ChaCha8{}),
	}
}

func typesOf(values ...any) (ts []reflect.Type) {
	for _, v := range values {
		ts = append(ts, reflect.TypeOf(v))
	}
	return ts
}

// layout is what all recorders and readers share.
type layout struct {
	node, input, effect *coder
	effects             *set
	state               []field // of a node
	fingerprint         string
	of                  func(reflect.Type) *coder
}

var theLayout = sync.OnceValue(func() *layout {
	var list *coder
	pl := &plan{coders: make(map[reflect.Type]*coder), sets: make(map[reflect.Type]*set)}
	pl.special = map[reflect.Type]func() coder{
		reflect.TypeFor[keyspace.ValHash]():  valueHashCoder,
		reflect.TypeFor[keyspace.Stream]():   streamCoder,
		reflect.TypeFor[*keyspace.Retired](): listCoder(func() *coder { return list }),
	}
	list = pl.of(reflect.TypeFor[keyspace.Retired]())
	l := &layout{
		node:   pl.of(reflect.TypeFor[statemachine.Node]()),
		input:  pl.of(reflect.TypeFor[statemachine.Input]()),
		effect: pl.of(reflect.TypeFor[statemachine.Effect]()),
		state:  pl.fields(reflect.TypeFor[statemachine.Node]()),
	}
	l.effects = pl.sets[reflect.TypeFor[statemachine.Effect]()]
	l.fingerprint, l.of = pl.fingerprint(), pl.of
	return l
})

// fingerprint tells builds apart whose cores lie differently in memory.
func (pl *plan) fingerprint() string {
	var lines []string
	for t := range pl.coders {
		line := t.String() + " " + t.Kind().String()
		switch t.Kind() {
		case reflect.Struct:
			for i := range t.NumField() {
				line += " " + t.Field(i).Name + ":" + t.Field(i).Type.String()
			}
		case reflect.Array:
			line += fmt.Sprint(" ", t.Len())
		case reflect.Interface:
			line += fmt.Sprint(pl.sets[t].types)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:8])
}

// set codes one of several types behind an interface.
type set struct {
	types   []reflect.Type
	coders  []*coder
	numbers map[reflect.Type]int
	slot    int // of a writer, for the first of types
}

func (pl *plan) setCoder(t reflect.Type) coder {
	s := &set{types: members()[t], numbers: make(map[reflect.Type]int)}
	if s.types == nil {
		panic(fmt.Sprintf("flight: nobody lists what can be behind a %v", t))
	}
	pl.sets[t] = s
	s.slot, pl.slots = pl.slots, pl.slots+len(s.types)
	for i, m := range s.types {
		s.coders = append(s.coders, pl.of(m))
		s.numbers[m] = i + 1
	}
	at := func(p unsafe.Pointer) reflect.Value { return reflect.NewAt(t, p).Elem() }
	return coder{
		put: func(w *writer, p unsafe.Pointer) { s.put(w, at(p).Elem()) },
		take: func(r *reader, p unsafe.Pointer) {
			if v := s.take(r); v.IsValid() {
				at(p).Set(v)
			}
		},
		zero: func(p unsafe.Pointer) bool { return at(p).IsNil() },
	}
}

func (s *set) put(w *writer, v reflect.Value) {
	if !v.IsValid() {
		w.b = append(w.b, 0)
		return
	}
	n, ok := s.numbers[v.Type()]
	if !ok {
		w.err = fmt.Errorf("the recorder does not know the type %v", v.Type())
		w.b = append(w.b, 0)
		return
	}
	w.b = binary.AppendUvarint(w.b, uint64(n))
	s.coders[n-1].put(w, w.boxed(s.slot+n-1, v))
}

// boxed copies a value to where it has an address, the same for all of its type:
// no type of a set lies within itself.
func (w *writer) boxed(slot int, v reflect.Value) unsafe.Pointer {
	for len(w.boxes) <= slot {
		w.boxes = append(w.boxes, reflect.Value{})
	}
	b := &w.boxes[slot]
	if !b.IsValid() {
		*b = reflect.New(v.Type()).Elem()
	}
	b.Set(v)
	return b.Addr().UnsafePointer()
}

func (s *set) take(r *reader) reflect.Value {
	n := r.uvarint()
	if n == 0 {
		return reflect.Value{}
	}
	if n > uint64(len(s.types)) {
		r.fail("something of an unknown kind")
		return reflect.Value{}
	}
	t := s.types[n-1]
	if !r.reserve(1, t.Size()) {
		return reflect.Value{}
	}
	v := reflect.New(t)
	s.coders[n-1].take(r, v.UnsafePointer())
	return v.Elem()
}

// name is the kind with a number, "nothing" if there is none.
func (s *set) name(number int) string {
	if number < 1 || number > len(s.types) {
		return "nothing"
	}
	return s.types[number-1].Name()
}
