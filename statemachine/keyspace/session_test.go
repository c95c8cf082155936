package keyspace_test

import (
	"encoding/base64"
	"math/rand/v2"
	"slices"
	"testing"

	"kvs/statemachine/keyspace"
)

// TestSessionOfTenNodes: what a client of ten nodes carries is at most 256 characters,
// with numbers that years of writing come to, and is read as it was written.
func TestSessionOfTenNodes(t *testing.T) {
	var s keyspace.Session
	for i := range byte(10) {
		d := keyspace.Dot{Stream: keyspace.Stream{Replica: keyspace.ReplicaID{i}, Epoch: keyspace.Epoch{i}}, Seq: 1<<40 + keyspace.Seq(i)}
		s.Saw(d, start, keyspace.Stream.Hash)
	}
	b := s.Append(nil, keyspace.ClusterID{1})
	if n := base64.RawURLEncoding.EncodedLen(len(b)); n > 256 {
		t.Errorf("%d characters", n)
	}
	back, ok := keyspace.ParseSession(b, keyspace.ClusterID{1})
	if !ok || back.Stamp != s.Stamp || !slices.Equal(back.Marks, s.Marks) {
		t.Errorf("%v, %v", back, ok)
	}
	if _, ok := keyspace.ParseSession(b, keyspace.ClusterID{2}); ok {
		t.Error("another cluster's session is taken")
	}
	for i := range b {
		_, _ = keyspace.ParseSession(b[:i], keyspace.ClusterID{1}) // must not panic
	}
}

// TestSessionIsBounded: of more streams than it remembers, those stay of which it has
// seen the most.
func TestSessionIsBounded(t *testing.T) {
	var s keyspace.Session
	for i := range 3 * keyspace.SessionStreamsMax {
		s.Saw(keyspace.Dot{
			Stream: keyspace.Stream{Epoch: keyspace.Epoch{byte(i), byte(i >> 8)}}, Seq: keyspace.Seq(1 + i),
		}, start, keyspace.Stream.Hash)
	}
	if len(s.Marks) != keyspace.SessionStreamsMax {
		t.Errorf("%d streams", len(s.Marks))
	}
	for _, m := range s.Marks {
		if m.Seq < 2*keyspace.SessionStreamsMax {
			t.Errorf("remembers number %d", m.Seq)
		}
	}
}

// TestShows: a vector shows a session what it has seen just if it holds every dot up to
// each of its marks.
func TestShows(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		var v keyspace.VV
		var s keyspace.Session
		seen := make(map[keyspace.Stream]keyspace.Seq)
		for range rng.IntN(12) {
			d := keyspace.Dot{Stream: keyspace.Stream{Epoch: keyspace.Epoch{byte(rng.IntN(3))}}, Seq: 1 + keyspace.Seq(rng.IntN(4))}
			if rng.IntN(2) == 0 {
				v.Add(d)
				continue
			}
			s.Saw(d, start, keyspace.Stream.Hash)
			seen[d.Stream] = max(seen[d.Stream], d.Seq)
		}
		want := true
		for stream, seq := range seen {
			for n := keyspace.Seq(1); n <= seq; n++ {
				want = want && v.Contains(keyspace.Dot{Stream: stream, Seq: n})
			}
		}
		if got := v.Shows(&s, keyspace.Stream.Hash); got != want {
			t.Fatalf("%v shows %v: %t, want %t", v, s.Marks, got, want)
		}
		if got := s.ShownBy(v.Heads(keyspace.Stream.Hash)); got != want {
			t.Fatalf("the heads of %v show %v: %t, want %t", v, s.Marks, got, want)
		}
	}
}
