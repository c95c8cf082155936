package keyspace

import (
	"testing"

	"pgregory.net/rapid"
)

// genVersion draws well-formed versions, often close to each other, to the
// clock, and to the ends of the range.
func genVersion() *rapid.Generator[Version] {
	return rapid.Custom(func(t *rapid.T) Version {
		return Version{
			TS:     genNear(1).Draw(t, "ts"),
			Joined: rapid.SampledFrom([]Millis{0, 1, 2, 1 << 40}).Draw(t, "joined"),
			UUID:   UUID{rapid.Byte().Draw(t, "uuid"), 15: rapid.Byte().Draw(t, "tail")},
		}
	})
}

func genNear(low Millis) *rapid.Generator[Millis] {
	return rapid.OneOf(
		rapid.Custom(func(t *rapid.T) Millis {
			return Millis(rapid.Int64Range(int64(low), 4).Draw(t, "low"))
		}),
		rapid.Custom(func(t *rapid.T) Millis {
			return TimestampMax - Millis(rapid.Int64Range(1, 4).Draw(t, "below the end"))
		}),
	)
}

// smallestWinner searches for the first timestamp from floor on that beats cur.
func smallestWinner(floor, joined Millis, u UUID, cur *Version) Millis {
	ts := floor
	if cur != nil {
		ts = max(floor, cur.TS-2)
	}
	for cur != nil && !Less(*cur, Version{ts, joined, u}) {
		ts++
	}
	return ts
}

// TestStampIsTheSmallestThatWins: a stamp respects both clocks, beats what it
// replaces, is the smallest that does, and is refused exactly at the bound.
// Against a search upwards from the clocks.
func TestStampIsTheSmallestThatWins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := clocks{now: genNear(-2).Draw(t, "now"), hlc: genNear(0).Draw(t, "hlc")}
		joined := rapid.SampledFrom([]Millis{0, 1, 2, 1 << 40}).Draw(t, "joined")
		u := UUID{rapid.Byte().Draw(t, "uuid"), 15: rapid.Byte().Draw(t, "tail")}
		var cur *Version
		if rapid.Bool().Draw(t, "replaces") {
			v := genVersion().Draw(t, "cur")
			cur = &v
		}
		got, ok := stamp(c, joined, u, cur)
		want := smallestWinner(max(c.now, c.hlc, 1), joined, u, cur)
		if got.TS != want || got.Joined != joined || got.UUID != u {
			t.Fatalf("stamp %v, want timestamp %d", got, want)
		}
		if ok != (want < TimestampMax) {
			t.Fatalf("stamp %v: accepted %v", got, ok)
		}
		if ok && cur != nil && !Less(*cur, got) {
			t.Fatalf("stamp %v loses to %v", got, *cur)
		}
	})
}

// TestStampAtTheEndOfTimeIsRefused: nothing beats the greatest version there is,
// and a clock beyond the range stamps nothing.
func TestStampAtTheEndOfTimeIsRefused(t *testing.T) {
	last := Version{TS: TimestampMax - 1, Joined: 0, UUID: UUID{}}
	if v, ok := stamp(clocks{now: 1}, 1, UUID{1}, &last); ok {
		t.Errorf("%v beats %v", v, last)
	}
	if v, ok := stamp(clocks{now: TimestampMax}, 1, UUID{1}, nil); ok {
		t.Errorf("%v is beyond the range", v)
	}
	if v, ok := stamp(clocks{now: TimestampMax - 1}, 1, UUID{1}, nil); !ok {
		t.Errorf("%v is in range", v)
	}
}
