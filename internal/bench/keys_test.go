package bench

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
)

// draws counts how often each of n keys is drawn.
func draws(distribution string, n, times int) (counts []int) {
	counts = make([]int, n)
	choose := Keys{Count: n, Distribution: distribution}.Choice(rand.New(rand.NewPCG(1, 2)))
	for range times {
		counts[choose()]++
	}
	return counts
}

// Goal: uniform asks for all keys alike; zipf for few of them far more often, which lie
// apart from each other.
func TestDistributions(t *testing.T) {
	const n, times = 1000, 200_000
	even := draws("uniform", n, times)
	if slices.Min(even) < times/n/2 || slices.Max(even) > times/n*2 {
		t.Errorf("uniform: from %d to %d, want about %d", slices.Min(even), slices.Max(even), times/n)
	}
	skewed := draws("zipf", n, times)
	if most := slices.Max(skewed); most < times/8 {
		t.Errorf("zipf: the most popular key was drawn %d times of %d", most, times)
	}
	sorted := slices.Sorted(slices.Values(skewed))
	first := slices.Index(skewed, sorted[n-1])
	second := slices.Index(skewed, sorted[n-2])
	if d := first - second; d > -10 && d < 10 {
		t.Errorf("the most popular keys are neighbours: %d and %d", first, second)
	}
	if drawn := draws("zipf", 1, 10); drawn[0] != 10 {
		t.Errorf("one key: %v", drawn)
	}
}

// Goal: keys sort by their numbers, and none is another's.
func TestKeysSort(t *testing.T) {
	k := Keys{Prefix: "p/"}
	last := ""
	for _, i := range []int{0, 1, 9, 10, 12345, 99_999_999} {
		if key := k.Key(i); key <= last || len(key) != 10 {
			t.Errorf("%q after %q", key, last)
		} else {
			last = key
		}
	}
}

// Goal: values have the size that was asked for, and are JSON.
func TestValues(t *testing.T) {
	for _, size := range []int{ValueMin, 9, 200, 5000} {
		v := Value(size, rand.New(rand.NewPCG(1, 2)))
		if len(v) != size || !json.Valid(v) {
			t.Errorf("%d bytes, want %d: %s", len(v), size, v)
		}
	}
}

// Goal: keys and workloads that cannot be are refused.
func TestBadWorkloads(t *testing.T) {
	good := Workload{Name: "mixed", Keys: Keys{Count: 1, Distribution: "zipf"}, Size: 200, Reads: 0.5, Page: 10}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for what, spoil := range map[string]func(*Workload){
		"name": func(w *Workload) { w.Name = "x" }, "size": func(w *Workload) { w.Size = ValueMin - 1 },
		"reads": func(w *Workload) { w.Reads = 1.1 }, "page": func(w *Workload) { w.Page = 0 },
		"keys": func(w *Workload) { w.Keys.Count = 0 }, "dist": func(w *Workload) { w.Keys.Distribution = "" },
	} {
		bad := good
		if spoil(&bad); bad.Check() == nil {
			t.Errorf("a bad %s passes", what)
		}
	}
}
