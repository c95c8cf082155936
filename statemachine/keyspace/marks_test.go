package keyspace_test

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine/keyspace"
)

// reopen starts again on what the disk holds, with a watermark.
func (r *replica) reopen(known keyspace.Watermark, accept bool) keyspace.Loss {
	b := r.birth()
	b.Known, b.AcceptLoss = known, accept
	r.state, r.snap = keyspace.Open(r.disk.Update, b, keyspace.MutantNone)
	return r.snap.Loss
}

// TestLossIsProven: a lost transaction in the middle is a gap, with or without a
// watermark; a lost tail shows against the watermark alone; nothing lost is no
// loss. In each case every index agrees with the records that are left, clock
// and boot count do not go back, and the loss stays known until it is mended or
// accepted. Random batches on few keys, so that they overwrite each other.
func TestLossIsProven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		r := newReplica(1)
		r.disk.Remember(64)
		batches := rapid.IntRange(3, 12).Draw(t, "batches")
		for range batches {
			r.write(&keyspace.Batch{
				Now: start + keyspace.Millis(rng.IntN(50)), Writes: randomWrites(rng, 1+rng.IntN(4), 5),
			})
		}
		known := r.state.Watermark()
		var want keyspace.Loss
		switch rapid.SampledFrom([]string{"none", "tail", "gap"}).Draw(t, "loss") {
		case "tail":
			n := rapid.IntRange(1, batches).Draw(t, "lost")
			r.disk.LoseTail(n)
			want = keyspace.Loss{Kind: keyspace.LossTail, From: known.Batch - uint64(n) + 1, To: known.Batch}
		case "gap":
			age := rapid.IntRange(1, batches-1).Draw(t, "age")
			r.disk.LoseOne(age)
			lost := known.Batch - uint64(age)
			want = keyspace.Loss{Kind: keyspace.LossGap, From: lost, To: lost}
			if rapid.Bool().Draw(t, "no watermark") {
				known = keyspace.Watermark{}
			}
		}
		if got := r.reopen(known, false); got != want {
			t.Fatalf("found %v, want %v", got, want)
		}
		r.wantConsistent(t)
		if now := r.state.Watermark(); now.Boot <= known.Boot || now.HLC < known.HLC ||
			now.High < known.High || now.Batch <= known.Batch {
			t.Fatalf("%+v is not above %+v", now, known)
		}
		r.write(&keyspace.Batch{Now: start, Writes: randomWrites(rng, 2, 5)})
		if got := r.reopen(r.state.Watermark(), false); got != want {
			t.Fatalf("the next start knows of %v, want %v", got, want)
		}
		if rapid.Bool().Draw(t, "mended") {
			r.execute(&keyspace.Batch{Now: start, Whole: true})
		} else if got := r.reopen(r.state.Watermark(), true); got.Kind != keyspace.LossNone {
			t.Fatalf("an accepted loss is still %v", got)
		}
		if got := r.reopen(r.state.Watermark(), false); got.Kind != keyspace.LossNone {
			t.Fatalf("a settled loss came back as %v", got)
		}
		r.wantConsistent(t)
	})
}

// TestLossOfTheStartItself: the transaction of a start counts like any other,
// also one of a rebuild.
func TestLossOfTheStartItself(t *testing.T) {
	r := newReplica(1)
	r.disk.Remember(64)
	fill(r, 700)
	before := r.disk.Synced()
	r.execute(&keyspace.Batch{Now: start, Adopt: &adoption}) // and four steps
	steps := r.disk.Synced() - before
	if steps < 4 {
		t.Fatalf("the rebuild took %d transactions", steps)
	}
	r.open()
	r.write(&keyspace.Batch{Now: start, Writes: []keyspace.Write{{Key: "a", Value: []byte("1")}}})
	r.disk.LoseOne(3) // that of the start: two that wrote nothing follow it
	if got := r.reopen(keyspace.Watermark{}, false); got.Kind != keyspace.LossGap {
		t.Fatalf("a lost start is %v", got)
	}
	r.wantConsistent(t)
	r.execute(&keyspace.Batch{Now: start, Whole: true})
	r.disk.LoseOne(4) // the first that fills the indexes anew
	if got := r.reopen(keyspace.Watermark{}, false); got.Kind != keyspace.LossGap {
		t.Fatalf("a lost step of a rebuild is %v", got)
	}
	r.wantConsistent(t)
}

// TestMarkersWrapAround: with more transactions than markers, a whole store is
// whole, and a gap is found on either side of the wrap.
func TestMarkersWrapAround(t *testing.T) {
	r := newReplica(1)
	r.disk.Remember(64)
	const slots = 1 << 18
	idle := func(upTo uint64) {
		for r.state.Watermark().Batch < upTo {
			r.execute(&keyspace.Batch{Now: start})
		}
	}
	for _, c := range []struct {
		upTo uint64
		age  int
		want keyspace.LossKind
	}{
		{slots + 20, 0, keyspace.LossNone},
		{slots + 40, 5, keyspace.LossGap},
		{2*slots + 10, 30, keyspace.LossGap},
		{2*slots + 50, 0, keyspace.LossNone},
	} {
		idle(c.upTo)
		if c.want != keyspace.LossNone {
			r.disk.LoseOne(c.age)
		}
		got := r.reopen(keyspace.Watermark{}, false)
		lost := c.upTo - uint64(c.age)
		if got.Kind != c.want || got.Kind != keyspace.LossNone && (got.From != lost || got.To != lost) {
			t.Fatalf("after %d: %v, want %v of %d", c.upTo, got, c.want, lost)
		}
		r.execute(&keyspace.Batch{Now: start, Whole: true})
	}
}
