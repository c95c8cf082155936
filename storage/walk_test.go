package storage

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kvs/statemachine/keyspace"
)

// walkKeys are keys that make trouble: one the beginning of another, neighbours of the
// slash, the greatest and the smallest characters.
func walkKeys(r *rand.Rand, n int) (keys []string) {
	segments := []string{"a", "b", "a!", "a0", "z~", "é", "\U0010ffff", "_s"}
	for range n {
		key := segments[r.IntN(len(segments))]
		for range r.IntN(4) {
			key += "/" + segments[r.IntN(len(segments))]
		}
		keys = append(keys, key)
	}
	return keys
}

// Goal: a walk shows what a sorted list of the keys shows, from any bound to any other,
// in both directions, whatever leaps it takes; deletes, older versions of keys and
// what lies in tables change nothing. Method: random walks beside a slice.
func TestWalkAgainstModel(t *testing.T) {
	r := openRig(t, t.TempDir(), 1)
	rnd := rand.New(rand.NewPCG(1, 2))
	model := map[string]string{} // key: value, "" deleted
	for round := range 6 {
		b := &keyspace.Batch{Now: keyspace.Millis(1000 + round)}
		for i, key := range walkKeys(rnd, 200) {
			w := keyspace.Write{Key: key, Value: fmt.Appendf(nil, "%d.%d", round, i)}
			if rnd.IntN(3) == 0 {
				w.Value, w.Delete = nil, true
			}
			b.Writes, model[key] = append(b.Writes, w), string(w.Value)
		}
		r.apply(b)
		if round == 3 {
			if err := r.engine.db.Flatten(1); err != nil {
				t.Fatal(err)
			}
		}
	}
	sorted := make([]string, 0, len(model))
	for key := range model {
		sorted = append(sorted, key)
	}
	slices.Sort(sorted)
	bound := func() string { return walkKeys(rnd, 1)[0] + []string{"", "/", "0", "\x00"}[rnd.IntN(4)] }
	for range 2000 {
		w := Walk{Back: rnd.IntN(2) == 0}
		if rnd.IntN(4) > 0 {
			w.Start = bound()
		}
		if rnd.IntN(4) > 0 {
			w.End = bound()
		}
		checkWalk(t, r.Store, w, sorted, model, rnd)
	}
}

// checkWalk walks once, leaping now and then, beside the sorted keys.
func checkWalk(t *testing.T, s *Store, w Walk, sorted []string, model map[string]string, rnd *rand.Rand) {
	t.Helper()
	var left []string
	for _, key := range sorted {
		if key >= w.Start && (w.End == "" || key < w.End) {
			left = append(left, key)
		}
	}
	if w.Back {
		slices.Reverse(left)
	}
	stop, path := rnd.IntN(40), ""
	err := s.Walk(w, func(key string, rec keyspace.Record) (string, bool) {
		path += " " + key
		if len(left) == 0 || left[0] != key || string(rec.Value) != model[key] || rec.Tombstone() != (model[key] == "") {
			t.Fatalf("%+v: visited %q, want %.100q", w, path, left)
		}
		if left = left[1:]; stop == 0 {
			left = nil
			return "", false
		}
		if stop--; rnd.IntN(5) > 0 {
			return "", true
		}
		dir, _, _ := strings.Cut(key, "/")
		to := dir + "/"
		if !w.Back {
			to = dir + "0"
		}
		left = slices.DeleteFunc(left, func(k string) bool { return w.Back && k >= to || !w.Back && k < to })
		if !w.Back && key >= to || w.Back && key < to {
			return "", true // nothing lies that way
		}
		return to, true
	})
	if err != nil || len(left) > 0 {
		t.Fatalf("%+v: %v, %.100q were not visited", w, err, left)
	}
}
