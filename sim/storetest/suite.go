package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"kvs/statemachine/keyspace"
)

// Store is what the suite needs of a store.
type Store interface {
	// Update runs fn in one transaction, which is durable when it returns.
	Update(fn func(keyspace.Tx))
	// View runs fn on what is committed.
	View(fn func(keyspace.Reader))
	// Reopen ends this use of the store, with as little ceremony as the store
	// can bear, and opens what is left.
	Reopen(t *testing.T) Store
}

// Snapshotter is a Store whose views are snapshots, so that one may go on while
// an Update runs.
type Snapshotter interface {
	Store
	// Snapshots does nothing but say so.
	Snapshots()
}

// Bounds that a store must at least bear.
const (
	keyBytesMax   = 1200
	valueBytesMax = 1<<20 + 200 // a value of keyspace.ValueBytesMax and its header
)

// Run runs the suite. open returns an empty store, and cleans up after the test.
func Run(t *testing.T, open func(t *testing.T) Store) {
	tests := []struct {
		name string
		fn   func(*testing.T, Store)
	}{
		{"empty", testEmpty},
		{"own writes", testOwnWrites},
		{"bounds", testBounds},
		{"early break", testEarlyBreak},
		{"nested reads", testNestedReads},
		{"lifetime", testLifetime},
		{"values of all sizes", testValueSizes},
		{"values that change size", testValueChanges},
		{"keys of all bytes", testKeys},
		{"batch is atomic", testBatch},
		{"snapshot", testSnapshot},
		{"model", testModel},
		{"keyspace", testKeyspace},
		{"full batches", testFullBatches},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.fn(t, open(t)) })
	}
}

// failer is what testing.T and rapid.T have in common, as far as it is used.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

type row struct{ key, value string }

// collect reads a range of a view.
func collect(r keyspace.Reader, start, end string) []row {
	var rows []row
	for k, v := range r.Ascend([]byte(start), []byte(end)) {
		rows = append(rows, row{string(k), string(v)})
	}
	return rows
}

func set(tx keyspace.Tx, key, value string) { tx.Set([]byte(key), []byte(value)) }

// wantRows compares a range with what is expected.
func wantRows(t failer, r keyspace.Reader, start, end string, want ...row) {
	t.Helper()
	if got := collect(r, start, end); !slices.Equal(got, want) {
		t.Fatalf("range %q to %q: got %s, want %s", start, end, brief(got), brief(want))
	}
}

// wantValue compares one record; want "" means none.
func wantValue(t failer, r keyspace.Reader, key, want string) {
	t.Helper()
	got := r.Get([]byte(key))
	if want == "" && got != nil || want != "" && string(got) != want {
		t.Fatalf("get %.20q: got %s, want %s", key, briefValue(string(got)), briefValue(want))
	}
}

func brief(rows []row) string {
	var b bytes.Buffer
	for _, r := range rows {
		fmt.Fprintf(&b, "%.20q=%s ", r.key, briefValue(r.value))
	}
	return fmt.Sprintf("%d rows: %s", len(rows), b.String())
}

func briefValue(v string) string { return fmt.Sprintf("%.20q (%d bytes)", v, len(v)) }

// pattern is a value of n bytes that depends on a seed at every place.
func pattern(n, seed int) string {
	b := make([]byte, n)
	x := uint32(seed)*2654435761 + 1
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}
