package keyspace

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

func genStream() *rapid.Generator[Stream] {
	return rapid.Custom(func(t *rapid.T) Stream {
		return Stream{
			Replica: ReplicaID{rapid.Byte().Draw(t, "replica")},
			Epoch:   Epoch{7: rapid.Byte().Draw(t, "epoch")},
		}
	})
}

func genSeq() *rapid.Generator[Seq] {
	return rapid.Custom(func(t *rapid.T) Seq {
		return Seq(rapid.Uint64Range(1, seqMax-1).Draw(t, "seq"))
	})
}

// TestUUIDIsVersion8: version and variant bits are those of RFC 9562 section
// 5.8, in every UUID and in its printed form.
func TestUUIDIsVersion8(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := uuidFor(genStream().Draw(t, "stream"), genSeq().Draw(t, "seq"))
		s := u.String()
		if u[6]>>4 != 8 || u[8]>>6 != 2 || len(s) != 36 || s[14] != '8' {
			t.Fatalf("%s is no UUIDv8", s)
		}
	})
}

// TestUUIDIsUniqueAndDescends: different dots have different UUIDs, and within
// a stream the later number has the smaller one.
func TestUUIDIsUniqueAndDescends(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s1, s2 := genStream().Draw(t, "s1"), genStream().Draw(t, "s2")
		n1, n2 := genSeq().Draw(t, "n1"), genSeq().Draw(t, "n2")
		u1, u2 := uuidFor(s1, n1), uuidFor(s2, n2)
		if (u1 == u2) != (s1 == s2 && n1 == n2) {
			t.Fatalf("%s and %s for %v and %v", u1, u2, Dot{s1, n1}, Dot{s2, n2})
		}
		next := uuidFor(s1, n1+1)
		if bytes.Compare(next[:], u1[:]) >= 0 {
			t.Fatalf("%s for %d, then %s", u1, n1, next)
		}
	})
}

// TestLaterWriteOfOneMillisecondWins: two writes of one node in one millisecond
// need no later timestamp for the second to win.
func TestLaterWriteOfOneMillisecondWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, n := genStream().Draw(t, "stream"), genSeq().Draw(t, "seq")
		first, _ := stamp(clocks{now: 1000}, 7, uuidFor(s, n), nil)
		second, ok := stamp(clocks{now: 1000}, 7, uuidFor(s, n+1), &first)
		if !ok || second.TS != first.TS || !Less(first, second) {
			t.Fatalf("%v, then %v", first, second)
		}
	})
}
