package storetest

import (
	"testing"

	"kvs/statemachine/keyspace"
)

// sizes are lengths of values, among them all that lie where a store may begin
// to treat a value in another way.
func sizes() []int {
	out := []int{1, 2, 100, 4096, 64 << 10, 1<<19 + 1}
	for _, d := range []int{-200, -140, -123, -122, -6, -5, -1, 0, 1, 122, 123, 200} {
		out = append(out, 1<<20+d)
	}
	return out
}

// testValueSizes: a value of any size comes back by Get and by Ascend, inside
// the transaction, behind it, and after a restart.
func testValueSizes(t *testing.T, s Store) {
	var rows []row
	for i, n := range sizes() {
		rows = append(rows, row{"d" + string(rune('A'+i)), pattern(n, i)})
	}
	for i, w := range rows {
		s.Update(func(tx keyspace.Tx) {
			set(tx, w.key, w.value)
			wantValue(t, tx, w.key, w.value)
			wantRows(t, tx, "d", "e", rows[:i+1]...)
		})
	}
	s = s.Reopen(t)
	s.View(func(r keyspace.Reader) {
		wantRows(t, r, "", "", rows...)
		for _, w := range rows {
			wantValue(t, r, w.key, w.value)
		}
	})
}

// testValueChanges: a value may grow, shrink and go, within a transaction and
// across, and nothing of an older one shows.
func testValueChanges(t *testing.T, s Store) {
	lengths := []int{10, valueBytesMax, 1 << 20, 10, valueBytesMax, 0, valueBytesMax, 0, 10}
	put := func(tx keyspace.Tx, n, seed int) {
		if n == 0 {
			tx.Delete([]byte("da"))
			return
		}
		set(tx, "da", pattern(n, seed))
	}
	check := func(r keyspace.Reader, n, seed int) {
		wantValue(t, r, "da", pattern(n, seed))
		if n == 0 {
			wantRows(t, r, "", "")
			return
		}
		wantRows(t, r, "", "", row{"da", pattern(n, seed)})
	}
	for i, n := range lengths {
		s.Update(func(tx keyspace.Tx) { put(tx, n, i) })
		s.View(func(r keyspace.Reader) { check(r, n, i) })
		if i%3 == 1 {
			s = s.Reopen(t)
		}
	}
	for i, n := range lengths[1:] {
		s.Update(func(tx keyspace.Tx) {
			put(tx, lengths[i], i)
			put(tx, n, i+100)
			check(tx, n, i+100)
		})
		s.View(func(r keyspace.Reader) { check(r, n, i+100) })
	}
}
