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
