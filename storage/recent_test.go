package storage

import (
	"fmt"
	"testing"

	"kvs/statemachine/keyspace"
)

// Goal: the index of times has each value of a user once, at the time of its newest
// version, in both orders and between any places; what was deleted, replaced or the
// system's is not in it, and what is forgotten neither.
func TestRecent(t *testing.T) {
	r := openRig(t, t.TempDir(), 1)
	write := func(now keyspace.Millis, ws ...keyspace.Write) {
		r.apply(&keyspace.Batch{Now: now, Writes: ws})
	}
	put := func(key string) keyspace.Write { return keyspace.Write{Key: key, Value: []byte(key)} }
	write(1000, put("b"), put("a"), put("_acl/a"), put("gone"))
	write(1255, put("c"), put("a"), keyspace.Write{Key: "gone", Delete: true})
	write(1256, put("d"), keyspace.Write{Key: "short", Value: []byte("1"), TTL: 1})
	for _, c := range []struct {
		from, until Place
		order       Order
		want        string
	}{
		{Place{}, Place{}, OldestFirst, "1000 b, 1255 a, 1255 c, 1256 d, 1256 short, "},
		{Place{}, Place{}, NewestFirst, "1256 short, 1256 d, 1255 c, 1255 a, 1000 b, "},
		{Place{1255, "b"}, Place{1256, "short"}, OldestFirst, "1255 c, 1256 d, "},
		{Place{1255, "b"}, Place{1256, "short"}, NewestFirst, "1256 d, 1255 c, "},
		{Place{1000, ""}, Place{1256, ""}, NewestFirst, "1255 c, 1255 a, 1000 b, "},
		{Place{1257, ""}, Place{}, OldestFirst, ""},
	} {
		got := ""
		err := r.Recent(c.from, c.until, c.order, func(key string, rec keyspace.Record) bool {
			got += fmt.Sprintf("%d %s, ", rec.Ver.TS, key)
			return true
		})
		if err != nil || got != c.want {
			t.Errorf("%v to %v in order %d: %q, %v, want %q", c.from, c.until, c.order, got, err, c.want)
		}
	}
	vv := r.apply(&keyspace.Batch{Now: 10 * 60_000, Turn: true}).VV
	if out := r.apply(&keyspace.Batch{Now: 10 * 60_000, Purge: &keyspace.Purge{
		Frontier: vv, Before: 9 * 60_000, Settled: 9,
	}}); len(out.Purged) != 2 {
		t.Errorf("forgotten are %v", out.Purged)
	}
	first := ""
	if err := r.Recent(Place{}, Place{}, NewestFirst, func(key string, _ keyspace.Record) bool {
		first = key
		return false
	}); err != nil || first != "d" {
		t.Errorf("the newest is %q, %v", first, err)
	}
}
