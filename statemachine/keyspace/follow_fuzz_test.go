package keyspace_test

import (
	"bytes"
	"testing"

	"kvs/statemachine/keyspace"
)

// FuzzFeedCursor: whatever a follower brings as its cursor, it is read as it is written
// or refused, and following from it ends, with nothing but what is stored.
func FuzzFeedCursor(f *testing.F) {
	r := newReplica(1)
	for _, w := range []keyspace.Write{
		{Key: "a", Value: []byte("1")}, {Key: "b", Value: []byte("2"), TTL: 50_000}, {Key: "c", Delete: true},
	} {
		r.write(&keyspace.Batch{Now: start, Writes: []keyspace.Write{w}})
	}
	stored := map[string]bool{"a": true, "b": true, "c": true}
	how := func() *keyspace.Follow { return &keyspace.Follow{Me: keyspace.ReplicaID{1}, Now: start + 60_000} }
	for limit := range 4 {
		var c keyspace.Cursor
		keyspace.Changes(r.disk.Reader(), &c, how(), func(keyspace.Change) bool { limit--; return limit > 0 })
		f.Add(c.Append(nil, keyspace.ClusterID{}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, known, ok := keyspace.ParseCursor(b, keyspace.ClusterID{}, nil)
		if !ok || !known {
			return
		}
		if again := c.Append(nil, keyspace.ClusterID{}); !bytes.Equal(again, b) {
			t.Fatalf("%x is read and written as %x", b, again)
		}
		for range 20 {
			seen := 0
			p := keyspace.Changes(r.disk.Reader(), &c, how(), func(x keyspace.Change) bool {
				if !stored[x.Key] {
					t.Fatalf("shows %q", x.Key)
				}
				seen++
				return seen < 2
			})
			if p != keyspace.ChangesMore {
				return
			}
		}
		t.Fatalf("following from %x does not end", b)
	})
}

// FuzzSession: whatever a client brings as its session, it is read as it is written or
// refused, and can be asked about.
func FuzzSession(f *testing.F) {
	r := newReplica(1)
	es := r.write(&keyspace.Batch{Now: start, Writes: []keyspace.Write{{Key: "a", Value: []byte("1")}}})
	var s keyspace.Session
	f.Add(s.Append(nil, keyspace.ClusterID{}))
	s.Saw(es[0].Dot, es[0].Ver.TS, keyspace.Stream.Hash)
	f.Add(s.Append(nil, keyspace.ClusterID{}))
	vv := r.vv()
	f.Fuzz(func(t *testing.T, b []byte) {
		s, ok := keyspace.ParseSession(b, keyspace.ClusterID{})
		if !ok {
			return
		}
		if again := s.Append(nil, keyspace.ClusterID{}); !bytes.Equal(again, b) {
			t.Fatalf("%x is read and written as %x", b, again)
		}
		vv.Shows(&s, keyspace.Stream.Hash)
		s.Saw(es[0].Dot, es[0].Ver.TS, keyspace.Stream.Hash)
		if len(s.Marks) > keyspace.SessionStreamsMax {
			t.Fatalf("%d streams", len(s.Marks))
		}
	})
}
