package flight

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"unsafe"

	"kvs/statemachine"
)

// Goal: what is added to a sealed set of the core is recorded too. Method: the
// methods that seal them, as the sources have them.
func TestSetsAreComplete(t *testing.T) {
	sealed := map[string]reflect.Type{
		"input": reflect.TypeFor[statemachine.Input](), "effect": reflect.TypeFor[statemachine.Effect](),
		"event": reflect.TypeFor[statemachine.Event](), "Kind": reflect.TypeFor[statemachine.Message](),
	}
	found := map[reflect.Type][]string{}
	files, err := filepath.Glob("../../statemachine/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || sealed[f.Name.Name] == nil {
				continue
			}
			if of, ok := f.Recv.List[0].Type.(*ast.Ident); ok {
				found[sealed[f.Name.Name]] = append(found[sealed[f.Name.Name]], of.Name)
			}
		}
	}
	for set, want := range found {
		var got []string
		for _, m := range members()[set] {
			got = append(got, m.Name())
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%v: recorded are %v, the core has %v", set, got, want)
		}
	}
	if len(found) != len(sealed) {
		t.Errorf("only %v are sealed", found)
	}
}

// Goal: what is written of any input, effect and node is read again. Method:
// every type filled at random, written, and read.
func TestRoundTrip(t *testing.T) {
	l := theLayout()
	types := []reflect.Type{reflect.TypeFor[statemachine.Node]()}
	for _, set := range []reflect.Type{reflect.TypeFor[statemachine.Input](), reflect.TypeFor[statemachine.Effect]()} {
		for range 20 {
			types = append(types, members()[set]...)
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, typ := range types {
		before := reflect.New(typ)
		fill(before.Elem(), rng)
		c := l.of(typ)
		first := writer{}
		c.put(&first, before.UnsafePointer())
		after := reflect.New(typ)
		r := reader{b: first.b, room: MemoryMax}
		c.take(&r, after.UnsafePointer())
		if r.err != nil || len(r.b) > 0 {
			t.Fatalf("%v: %v, %d bytes left", typ, r.err, len(r.b))
		}
		if !reflect.DeepEqual(before.Interface(), after.Interface()) {
			t.Errorf("%v: reads as another", typ)
		}
	}
}

// fill sets everything that v holds, private fields too.
func fill(v reflect.Value, rng *rand.Rand) {
	v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(rng.Int64() >> rng.IntN(64))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(rng.Uint64() >> rng.IntN(64))
	case reflect.String:
		v.SetString(string(make([]byte, rng.IntN(20))))
	case reflect.Array, reflect.Struct, reflect.Slice, reflect.Pointer, reflect.Map, reflect.Interface:
		fillParts(v, rng)
	}
}

func fillParts(v reflect.Value, rng *rand.Rand) {
	t := v.Type()
	switch v.Kind() {
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), rng)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !leftOut[t.String()+"."+t.Field(i).Name] {
				fill(v.Field(i), rng)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(t, rng.IntN(4), 4))
		for i := range v.Len() {
			fill(v.Index(i), rng)
		}
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		fill(v.Elem(), rng)
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		for range rng.IntN(4) {
			key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			fill(key, rng)
			fill(elem, rng)
			v.SetMapIndex(key, elem)
		}
	case reflect.Interface:
		ms := members()[t]
		x := reflect.New(ms[rng.IntN(len(ms))]).Elem()
		fill(x, rng)
		v.Set(x)
	}
}
