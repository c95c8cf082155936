package storage

import (
	"slices"
	"testing"

	"kvs/statemachine/keyspace"
)

// TestReservedKeysAreTold: whoever watches the system's own records hears of each
// that a batch has changed, before the batch is answered, and of nothing else; and
// that any may have changed when a batch went through all of them.
func TestReservedKeysAreTold(t *testing.T) {
	r := openRig(t, t.TempDir(), 1)
	var told [][]string
	r.reserved = func(keys []string) { told = append(told, keys) }
	write := func(writes ...keyspace.Write) {
		told = nil
		r.apply(&keyspace.Batch{Now: 1000, Writes: writes})
	}
	write(keyspace.Write{Key: "a", Value: []byte("1")})
	if len(told) > 0 {
		t.Errorf("told %q of a user's key", told)
	}
	write(keyspace.Write{Key: "_u/1", Value: []byte("1")}, keyspace.Write{Key: "b", Value: []byte("1")},
		keyspace.Write{Key: "_u/2", Value: []byte("1")})
	if len(told) != 1 || !slices.Equal(told[0], []string{"_u/1", "_u/2"}) {
		t.Errorf("told %q", told)
	}
	write(keyspace.Write{Key: "_u/1", Delete: true})
	if len(told) != 1 || !slices.Equal(told[0], []string{"_u/1"}) {
		t.Errorf("of a delete, told %q", told)
	}
	told = nil
	r.apply(&keyspace.Batch{Now: 200_000, Turn: true})
	if len(told) > 0 {
		t.Errorf("when a minute ends, told %q", told)
	}
	r.apply(&keyspace.Batch{Now: 200_001, Restore: true})
	if len(told) != 1 || told[0] != nil {
		t.Errorf("after a walk, told %q", told)
	}
}
