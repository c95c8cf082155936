package storetest

import (
	"slices"
	"strings"
	"testing"

	"kvs/statemachine/keyspace"
)

// testEmpty: an empty store has nothing, stays empty over an empty transaction
// and over a restart.
func testEmpty(t *testing.T, s Store) {
	s.Update(func(tx keyspace.Tx) {
		wantValue(t, tx, "da", "")
		wantRows(t, tx, "", "")
		tx.Delete([]byte("da"))
	})
	s = s.Reopen(t)
	s.View(func(r keyspace.Reader) {
		wantValue(t, r, "da", "")
		wantRows(t, r, "", "")
	})
	s.Update(func(keyspace.Tx) {})
}

// testOwnWrites: a transaction sees its own sets and deletes, by Get and in
// Ascend, over what was committed before.
func testOwnWrites(t *testing.T, s Store) {
	s.Update(func(tx keyspace.Tx) {
		for _, k := range []string{"da", "dc", "de", "dg"} {
			set(tx, k, "old "+k)
		}
	})
	s.Update(func(tx keyspace.Tx) {
		set(tx, "db", "new db")
		set(tx, "dc", "new dc")
		tx.Delete([]byte("de"))
		wantValue(t, tx, "db", "new db")
		wantValue(t, tx, "dc", "new dc")
		wantValue(t, tx, "de", "")
		want := []row{{"da", "old da"}, {"db", "new db"}, {"dc", "new dc"}, {"dg", "old dg"}}
		wantRows(t, tx, "d", "e", want...)
		tx.Delete([]byte("db"))
		set(tx, "de", "again")
		set(tx, "de", "and again")
		wantRows(t, tx, "db", "", row{"dc", "new dc"}, row{"de", "and again"}, row{"dg", "old dg"})
	})
	s.View(func(r keyspace.Reader) {
		wantRows(t, r, "", "", row{"da", "old da"}, row{"dc", "new dc"}, row{"de", "and again"},
			row{"dg", "old dg"})
	})
}

// testBounds: start is part of a range and end is not, an empty end is no
// bound, and order is bytewise with the shorter key first.
func testBounds(t *testing.T, s Store) {
	keys := []string{
		"a", "d", "d\x00", "d\x00\x00", "da", "da\xff", "db", "d\xff", "d\xff\xff", "e", "z",
	}
	rows := make([]row, len(keys))
	for i, k := range keys {
		rows[i] = row{k, "v" + k}
	}
	s.Update(func(tx keyspace.Tx) {
		for i := range rows {
			set(tx, rows[len(rows)-1-i].key, rows[len(rows)-1-i].value)
		}
	})
	bounds := append([]string{"", "b", "d\x01", "da\x00", "dz", "d\xff\x00", "zz"}, keys...)
	s.View(func(r keyspace.Reader) {
		for _, start := range bounds {
			for _, end := range bounds {
				var want []row
				for _, w := range rows {
					if w.key >= start && (end == "" || w.key < end) {
						want = append(want, w)
					}
				}
				wantRows(t, r, start, end, want...)
			}
		}
	})
}

// testEarlyBreak: leaving a range early, also by a panic in the loop, leaves the
// transaction usable.
func testEarlyBreak(t *testing.T, s Store) {
	s.Update(func(tx keyspace.Tx) {
		for i := range 50 {
			set(tx, "d"+string(rune('0'+i)), "v")
		}
		for range tx.Ascend([]byte("d"), nil) {
			break
		}
		func() {
			defer func() { recover() }()
			for range tx.Ascend([]byte("d"), nil) {
				panic("out")
			}
		}()
		set(tx, "e", "after")
	})
	s.View(func(r keyspace.Reader) {
		for range r.Ascend(nil, nil) {
			break
		}
		wantValue(t, r, "e", "after")
	})
}

// testNestedReads: Get and Ascend work inside an Ascend of the same view.
func testNestedReads(t *testing.T, s Store) {
	s.Update(func(tx keyspace.Tx) {
		for _, k := range []string{"1", "2", "3"} {
			set(tx, "d"+k, "data "+k)
			set(tx, "o"+k, k)
		}
	})
	walk := func(r keyspace.Reader) {
		seen := 0
		for _, key := range r.Ascend([]byte("o"), []byte("p")) {
			wantValue(t, r, "d"+string(key), "data "+string(key))
			for k, v := range r.Ascend([]byte("d"+string(key)), []byte("e")) {
				if string(v) != "data "+string(k[1:]) {
					t.Fatalf("%q has %q", k, v)
				}
				seen++
			}
		}
		if seen != 3+2+1 {
			t.Fatalf("saw %d records", seen)
		}
	}
	s.View(walk)
	s.Update(func(tx keyspace.Tx) { walk(tx) })
}

// testLifetime: what a view returned stays as it was until the view ends,
// whatever is read or written behind it.
func testLifetime(t *testing.T, s Store) {
	s.Update(func(tx keyspace.Tx) {
		for i := range 100 {
			set(tx, "d"+string(rune('0'+i)), pattern(1+300*(i%3), i))
		}
	})
	check := func(r keyspace.Reader, between func()) {
		var keys, values [][]byte
		for k, v := range r.Ascend([]byte("d"), []byte("e")) {
			keys, values = append(keys, k), append(values, v)
		}
		first := r.Get(keys[0])
		want := string(first)
		between()
		i := 0
		for k, v := range r.Ascend([]byte("d"), []byte("e")) {
			if i < 50 && (string(k) != string(keys[i]) || string(v) != string(values[i])) {
				t.Fatalf("row %d was overwritten", i)
			}
			i++
		}
		if string(first) != want {
			t.Fatal("a value was overwritten")
		}
	}
	s.View(func(r keyspace.Reader) { check(r, func() {}) })
	s.Update(func(tx keyspace.Tx) {
		check(tx, func() {
			for i := 50; i < 100; i++ {
				set(tx, "d"+string(rune('0'+i)), "replaced")
			}
		})
	})
}

// testKeys: keys may be long and hold any byte.
func testKeys(t *testing.T, s Store) {
	var rows []row
	for b := range 256 {
		tail := string([]byte{byte(b)})
		rows = append(rows, row{"h" + tail, "short"})
		rows = append(rows, row{"h" + strings.Repeat(tail, keyBytesMax-1), "long"})
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.key, b.key) })
	s.Update(func(tx keyspace.Tx) {
		for _, r := range rows {
			set(tx, r.key, r.value)
		}
	})
	s = s.Reopen(t)
	s.View(func(r keyspace.Reader) {
		wantRows(t, r, "h", "i", rows...)
		for _, w := range rows {
			wantValue(t, r, w.key, w.value)
		}
	})
}

// testBatch: a transaction is there as a whole after a restart.
func testBatch(t *testing.T, s Store) {
	want := make([]row, 1024)
	for i := range want {
		want[i] = row{"d" + string([]byte{byte(i >> 8), byte(i)}), pattern(512, i)}
	}
	s.Update(func(tx keyspace.Tx) {
		for _, w := range want {
			set(tx, w.key, w.value)
		}
	})
	s = s.Reopen(t)
	s.View(func(r keyspace.Reader) { wantRows(t, r, "", "", want...) })
	s.Update(func(tx keyspace.Tx) {
		for _, w := range want {
			tx.Delete([]byte(w.key))
		}
		wantRows(t, tx, "", "")
	})
	s = s.Reopen(t)
	s.View(func(r keyspace.Reader) { wantRows(t, r, "", "") })
}

// testSnapshot: a view sees nothing of an Update that runs beside it, before or
// after its commit; a view that begins afterwards sees all of it.
func testSnapshot(t *testing.T, s Store) {
	if _, ok := s.(Snapshotter); !ok {
		t.Skip("views of this store are not snapshots")
	}
	s.Update(func(tx keyspace.Tx) {
		set(tx, "da", "1")
		set(tx, "db", "1")
	})
	old := []row{{"da", "1"}, {"db", "1"}}
	s.View(func(r keyspace.Reader) {
		s.Update(func(tx keyspace.Tx) {
			set(tx, "da", "2")
			tx.Delete([]byte("db"))
			set(tx, "dc", "2")
			wantRows(t, r, "", "", old...)
			s.View(func(during keyspace.Reader) { wantRows(t, during, "", "", old...) })
		})
		wantRows(t, r, "", "", old...)
		wantValue(t, r, "da", "1")
		wantValue(t, r, "dc", "")
	})
	s.View(func(r keyspace.Reader) { wantRows(t, r, "", "", row{"da", "2"}, row{"dc", "2"}) })
}
