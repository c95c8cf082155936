package keyspace_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine/keyspace"
)

// missing is what ReadDots must return in all its pages, from a scan of the
// records.
func (r *replica) missing(not keyspace.VV) []keyspace.Entry {
	out := slices.DeleteFunc(r.entries(), func(e keyspace.Entry) bool { return not.Contains(e.Dot) })
	slices.SortFunc(out, func(a, b keyspace.Entry) int { return a.Dot.Compare(b.Dot) })
	return out
}

// wantPages reads page after page and compares them with a scan.
func wantPages(t failer, r *replica, not keyspace.VV, entriesMax, bytesMax int) {
	t.Helper()
	want := r.missing(not)
	var after keyspace.Dot
	for {
		p := keyspace.ReadDots(r.disk.Reader(), not, after, entriesMax, bytesMax)
		wantPage(t, r, &p, entriesMax, bytesMax)
		if len(p.Entries) > len(want) {
			t.Fatalf("a page of %d entries, %d are left", len(p.Entries), len(want))
		}
		for i, e := range p.Entries {
			if e.Dot != want[i].Dot || e.Key != want[i].Key || e.Header != want[i].Header ||
				string(e.Value) != string(want[i].Value) {
				t.Fatalf("behind %v comes %v, want %v", after, e.Dot, want[i].Dot)
			}
		}
		want = want[len(p.Entries):]
		if p.Done {
			break
		}
		if len(p.Entries) == 0 || p.Last != p.Entries[len(p.Entries)-1].Dot {
			t.Fatalf("a page that is not the last has %d entries and ends at %v", len(p.Entries), p.Last)
		}
		after = p.Last
	}
	if len(want) > 0 {
		t.Fatalf("%d entries never came, the first is %v", len(want), want[0].Dot)
	}
}

// wantPage checks the bounds of one page, and that it says which vector it saw.
func wantPage(t failer, r *replica, p *keyspace.Page, entriesMax, bytesMax int) {
	t.Helper()
	bytes := 0
	for i := range p.Entries {
		bytes += p.Entries[i].Size()
	}
	if n := len(p.Entries); n > entriesMax || n > 1 && bytes > bytesMax {
		t.Fatalf("a page of %d entries and %d bytes, at most %d and %d", n, bytes, entriesMax, bytesMax)
	}
	if !p.VV.Equal(r.vv()) {
		t.Fatalf("a page of %v says %v", r.vv(), p.VV)
	}
}

// subset draws a vector from the dots of some entries and a little more.
func subset(rng *rand.Rand, all []keyspace.Entry) keyspace.VV {
	var not keyspace.VV
	if rng.IntN(8) == 0 || len(all) == 0 {
		return not
	}
	for range rng.IntN(2 * len(all)) {
		d := all[rng.IntN(len(all))].Dot
		if rng.IntN(10) == 0 {
			d.Seq += keyspace.Seq(rng.IntN(3))
		}
		if not.Admits(d) {
			not.Add(d)
		}
	}
	return not
}

// TestReadDotsSendsExactlyWhatIsMissing: all pages together are the stored
// entries whose dots are not in the vector, in the order of their dots, within
// the bounds of a page. Random stores, vectors and bounds.
func TestReadDotsSendsExactlyWhatIsMissing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		rounds, keys := rapid.IntRange(1, 30).Draw(t, "rounds"), rapid.IntRange(1, 30).Draw(t, "keys")
		all := history(rng, rounds, keys)
		r := newReplica(9)
		for _, e := range all {
			if rng.IntN(4) > 0 {
				r.merge(e)
			}
		}
		entriesMax := rapid.IntRange(1, 8).Draw(t, "entries")
		bytesMax := rapid.SampledFrom([]int{1, 700, 2000, 5000, 1 << 20}).Draw(t, "bytes")
		for range 3 {
			wantPages(t, r, subset(rng, all), entriesMax, bytesMax)
		}
	})
}

// TestReadDotsSendsWhatCouldNotBeClaimed: an entry is sent even though its dot
// found no room in the vector. One stream with more gaps than a vector holds.
func TestReadDotsSendsWhatCouldNotBeClaimed(t *testing.T) {
	origin, r := newReplica(1), newReplica(2)
	for i := range 3 * keyspace.GapsMax {
		es := origin.write(&keyspace.Batch{Now: start, Writes: []keyspace.Write{
			{Key: be64(uint64(i))[6:7] + "/" + string(rune('a'+i)), Value: []byte("v")},
		}})
		if i%2 == 1 {
			r.merge(es...)
		}
	}
	unclaimed := 0
	for _, e := range r.entries() {
		if !r.vv().Contains(e.Dot) {
			unclaimed++
		}
	}
	if want := keyspace.GapsMax / 2; unclaimed != want {
		t.Fatalf("%d entries are not claimed, want %d", unclaimed, want)
	}
	wantPages(t, r, keyspace.VV{}, 7, 1<<20)
	wantPages(t, r, r.vv(), 7, 1<<20)
	p := keyspace.ReadDots(r.disk.Reader(), r.vv(), keyspace.Dot{}, 1000, 1<<20)
	if len(p.Entries) != unclaimed {
		t.Fatalf("%d entries beyond the vector, want %d", len(p.Entries), unclaimed)
	}
}
