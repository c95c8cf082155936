package keyspace_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine/keyspace"
)

// triplesPerCheck times the number of checks is the number of triples compared.
const triplesPerCheck = 2000

// tiedVersion draws from so few values that two versions often agree in their
// timestamp, their join time, or both.
func tiedVersion(rng *rand.Rand) keyspace.Version {
	v := keyspace.Version{
		TS:     []keyspace.Millis{1, 2, keyspace.TimestampMax - 1}[rng.IntN(3)],
		Joined: []keyspace.Millis{0, 1, math.MaxInt64}[rng.IntN(3)],
	}
	edges := []byte{0, 1, 0x7f, 0x80, 0xff}
	v.UUID[0] = edges[rng.IntN(len(edges))]
	v.UUID[15] = edges[rng.IntN(len(edges))]
	return v
}

// rank states the order in another way: as bytes, of which the greater win.
func rank(v keyspace.Version) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(v.TS))
	b = binary.BigEndian.AppendUint64(b, uint64(math.MaxInt64-v.Joined))
	for _, x := range v.UUID {
		b = append(b, ^x)
	}
	return b
}

// TestLessIsAStrictTotalOrder: of any two different versions exactly one loses,
// and losing is transitive. Random triples with many ties.
func TestLessIsAStrictTotalOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		for range triplesPerCheck {
			a, b, c := tiedVersion(rng), tiedVersion(rng), tiedVersion(rng)
			ab, ba := keyspace.Less(a, b), keyspace.Less(b, a)
			bc, ac := keyspace.Less(b, c), keyspace.Less(a, c)
			switch {
			case keyspace.Less(a, a):
				t.Fatalf("%v loses to itself", a)
			case ab && ba:
				t.Fatalf("%v and %v lose to each other", a, b)
			case (a != b) != (ab || ba):
				t.Fatalf("%v and %v: equal %v, but one loses %v", a, b, a == b, ab || ba)
			case ab && bc && !ac:
				t.Fatalf("%v, %v, %v: not transitive", a, b, c)
			}
		}
	})
}

// TestLessStatesTheRule: the order is that of rank, whatever was compared
// before. Random pairs with many ties.
func TestLessStatesTheRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for range triplesPerCheck {
			a, b := tiedVersion(rng), tiedVersion(rng)
			if got, want := keyspace.Less(a, b), bytes.Compare(rank(a), rank(b)) < 0; got != want {
				t.Fatalf("%v against %v: %v, the rule says %v", a, b, got, want)
			}
		}
	})
}

// TestTieBreaksAreTheDocumentedOnes: one example a rule, in words.
func TestTieBreaksAreTheDocumentedOnes(t *testing.T) {
	base := keyspace.Version{TS: 5, Joined: 5, UUID: keyspace.UUID{5}}
	newer, older, smaller := base, base, base
	newer.TS, newer.Joined, newer.UUID = 6, 9, keyspace.UUID{9}
	older.Joined, older.UUID = 4, keyspace.UUID{9}
	smaller.UUID = keyspace.UUID{4}
	for name, winner := range map[string]keyspace.Version{
		"newer timestamp": newer, "earlier joined": older, "smaller uuid": smaller,
	} {
		if !keyspace.Less(base, winner) || keyspace.Less(winner, base) {
			t.Errorf("%s must win: %v over %v", name, winner, base)
		}
	}
}
