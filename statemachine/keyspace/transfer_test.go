package keyspace_test

import (
	"slices"
	"testing"

	"kvs/statemachine/keyspace"
)

// Goal: a copy takes the system's own records in its first pass, whatever their age:
// a replica that serves after it must know who may read what. Every record belongs to
// exactly one of the two passes.
func TestCopyTakesRightsFirst(t *testing.T) {
	r := newReplica(1)
	write := func(now keyspace.Millis, keys ...string) {
		b := &keyspace.Batch{Now: now, MaxSkew: 1000}
		for _, k := range keys {
			b.Writes = append(b.Writes, keyspace.Write{Key: k, Value: []byte("1")})
		}
		if n := len(r.write(b)); n != len(keys) {
			t.Fatalf("%d of %d writes won", n, len(keys))
		}
	}
	write(start, "_acl/a", "_auth/keys/k", "a", "z")
	cutoff := start + 1_000_000
	write(cutoff, "b", "_acl/b")
	for phase, want := range map[keyspace.Phase][]string{
		keyspace.PhaseRecent: {"_acl/a", "_acl/b", "_auth/keys/k", "b"},
		keyspace.PhaseRest:   {"a", "z"},
	} {
		page := keyspace.ReadCopy(r.disk.Reader(), phase, cutoff, "", 100, 1<<20)
		var got []string
		for _, e := range page.Entries {
			got = append(got, e.Key)
		}
		if !page.Done || !slices.Equal(got, want) {
			t.Errorf("pass %v: %q, want %q", phase, got, want)
		}
	}
}

// Goal: the leaves that a copy touches are on disk once it has all chunks, and before
// that a start sums them up from the records; other writes in between make no difference.
func TestCopyWritesItsLeavesAtTheEnd(t *testing.T) {
	source := adopted(3_000)
	r := newReplica(2)
	r.execute(&keyspace.Batch{Now: start, Join: 78, Adopt: &adoption})
	r.execute(&keyspace.Batch{Now: start, Transfer: &keyspace.Transfer{Phase: keyspace.PhaseWhole, Reconcile: true}})
	after, leaves := "", 0
	for chunk, done := 0, false; !done; chunk++ {
		page := keyspace.ReadCopy(source.disk.Reader(), keyspace.PhaseWhole, 0, after, 100, 1<<20)
		r.execute(&keyspace.Batch{Now: start, Entries: page.Entries, Chunk: &keyspace.Chunk{
			Phase: keyspace.PhaseWhole, After: after, To: page.To, Done: page.Done, Reconcile: true,
			View: page.VV, Stamps: page.Stamps,
		}})
		after, done = page.To, page.Done
		if chunk == 10 {
			r.write(&keyspace.Batch{Now: start, Writes: []keyspace.Write{{Key: "other", Value: []byte("1")}}})
			r.execute(&keyspace.Batch{Now: start, Turn: true})
		}
		if chunk == 6 {
			leaves = len(r.rows('m'))
		}
		if chunk%7 == 6 {
			r.open()
		}
		r.wantConsistent(t)
	}
	if written := len(r.rows('m')); leaves > 0 || written < 2_000 {
		t.Errorf("%d leaves were written during the copy and %d in the end", leaves, written)
	}
	if _, pending := r.rows('s')["sb"]; pending {
		t.Error("the leaves of the copy are not on disk at its end")
	}
	before := r.root()
	r.open()
	if r.root() != before {
		t.Error("the stored leaves are not those of the records")
	}
}
