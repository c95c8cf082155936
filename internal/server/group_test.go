package server

import (
	"fmt"
	"testing"

	"kvs/httpapi"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// Goal: writes that come together go to the core together, in their order, and what one
// batch cannot hold goes with the next. Method: the queue of a driver without a core.
func TestWritesThatComeTogetherShareAGroup(t *testing.T) {
	const many = 2*keyspace.BatchWritesMax + 100
	d := newDriver(nil)
	writes := make([]*pendingWrite, many)
	for i := range writes {
		writes[i] = &pendingWrite{write: keyspace.Write{Key: fmt.Sprintf("%04d", i)}}
	}
	alone := &pendingWrite{write: keyspace.Write{Key: "alone"}}
	writes[0].with = writes[1:]
	for _, w := range []*pendingWrite{writes[0], alone} {
		if err := d.submit(w); err != nil {
			t.Fatal(err)
		}
	}
	want := append(writes, alone)
	for _, size := range []int{keyspace.BatchWritesMax, keyspace.BatchWritesMax, 101} {
		d.groups = 0
		if !d.worthAGroup() {
			t.Fatal("nothing has gathered")
		}
		group := d.takeGroup().Writes
		if len(group) != size {
			t.Fatalf("a group of %d, want %d", len(group), size)
		}
		for i := range group {
			if group[i].Write.Key != want[i].write.Key {
				t.Fatalf("%s stands where %s should", group[i].Write.Key, want[i].write.Key)
			}
		}
		want = want[size:]
	}
}

// Goal: each of several writes has its own fate, in its place, and all are durable when
// WriteAll returns.
func TestWriteAll(t *testing.T) {
	s := startNode(t, "a")
	var ws []httpapi.Write
	for i := range 1500 {
		w := httpapi.Write{Key: fmt.Sprintf("k%04d", i), Value: fmt.Appendf(nil, "%d", i)}
		if i%3 == 0 {
			w.If = []httpapi.Match{{Any: true}}
		}
		ws = append(ws, w)
	}
	for i, fate := range s.api().WriteAll(ws) {
		if (fate.Err == httpapi.ErrPrecondition) != (i%3 == 0) || (fate.Timestamp != 0) != (i%3 != 0) {
			t.Fatalf("write %d: %+v", i, fate)
		}
		value, err := get(s, ws[i].Key)
		if (err == nil) != (i%3 != 0) || err == nil && value != fmt.Sprint(i) {
			t.Fatalf("%s: %q, %v", ws[i].Key, value, err)
		}
	}
	if fates := s.api().WriteAll(nil); len(fates) != 0 {
		t.Errorf("fates of nothing: %v", fates)
	}
	if err := s.api().SetMode(true); err != nil {
		t.Fatal(err)
	}
	for i, fate := range s.api().WriteAll(ws[:3]) {
		if fate.Err != httpapi.ErrReadOnly {
			t.Errorf("write %d to a node that is read-only: %v", i, fate.Err)
		}
	}
	if got := s.Status().Mode; got != statemachine.ModeReadOnly {
		t.Errorf("mode %v", got)
	}
}
