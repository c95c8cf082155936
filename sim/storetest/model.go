package storetest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine/keyspace"
)

// model is a store and a plain map that must always agree.
type model struct {
	t     *testing.T
	store Store
	want  map[string]string
}

// testModel: any sequence of transactions and restarts leaves the store equal to
// a sorted map, seen from inside the transactions and from outside.
func testModel(t *testing.T, s Store) {
	rapid.Check(t, func(rt *rapid.T) {
		s.Update(func(tx keyspace.Tx) {
			for _, r := range collect(tx, "", "") {
				tx.Delete([]byte(r.key))
			}
		})
		m := &model{t: t, store: s, want: make(map[string]string)}
		defer func() { s = m.store }()
		rt.Repeat(map[string]func(*rapid.T){
			"":       m.check,
			"update": m.update,
			"reopen": m.reopen,
		})
	})
}

func (m *model) check(rt *rapid.T) {
	m.store.View(func(r keyspace.Reader) { m.compare(rt, r) })
}

func (m *model) reopen(rt *rapid.T) {
	if rapid.IntRange(0, 39).Draw(rt, "rarely") == 0 {
		m.store = m.store.Reopen(m.t)
	}
}

func (m *model) update(rt *rapid.T) {
	length := genLength().Draw(rt, "length") // of the first value: one may be great
	m.store.Update(func(tx keyspace.Tx) {
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			key := genKey().Draw(rt, "key")
			switch rapid.IntRange(0, 4).Draw(rt, "what") {
			case 0:
				tx.Delete([]byte(key))
				delete(m.want, key)
			case 1:
				m.compare(rt, tx)
			default:
				m.want[key] = pattern(length, len(m.want))
				set(tx, key, m.want[key])
				length = rapid.IntRange(1, 300).Draw(rt, "next length")
			}
		}
	})
}

// compare reads one key and one range.
func (m *model) compare(rt *rapid.T, r keyspace.Reader) {
	key := genKey().Draw(rt, "get")
	wantValue(rt, r, key, m.want[key])
	start, end := genBound().Draw(rt, "start"), genBound().Draw(rt, "end")
	var want []row
	for _, k := range slices.Sorted(maps.Keys(m.want)) {
		if k >= start && (end == "" || k < end) {
			want = append(want, row{k, m.want[k]})
		}
	}
	wantRows(rt, r, start, end, want...)
}

// genKey draws from few keys, so that they meet often.
func genKey() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		class := rapid.SampledFrom([]string{"d", "h", "x"}).Draw(t, "class")
		tail := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 'a', 0xff}), 0, 3).Draw(t, "tail")
		if rapid.IntRange(0, 15).Draw(t, "long") == 0 {
			class += strings.Repeat("k", keyBytesMax-4)
		}
		return class + string(tail)
	})
}

// genBound draws a bound of a range, which need not be a key.
func genBound() *rapid.Generator[string] {
	return rapid.OneOf(genKey(), rapid.SampledFrom([]string{"", "a", "d", "e", "i", "x", "y"}))
}

// genLength draws the length of a value, now and then a great one.
func genLength() *rapid.Generator[int] {
	return rapid.Custom(func(t *rapid.T) int {
		if rapid.IntRange(0, 40).Draw(t, "great") == 0 {
			great := []int{64 << 10, 1<<20 - 6, 1<<20 - 5, valueBytesMax}
			return rapid.SampledFrom(great).Draw(t, "n")
		}
		return rapid.IntRange(1, 300).Draw(t, "n")
	})
}
