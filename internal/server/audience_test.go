package server

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// Goal: a key calls just those who wait for it, each once until it waits again.
// Method: random followers of few prefixes come, go, are called and wait again.
func TestAudience(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	word := func() string { return strings.Repeat("a", rng.IntN(3)) + strings.Repeat("b", rng.IntN(3)) }
	var a audience
	waits := map[*follower]bool{} // false: was called
	var all []*follower
	for range 20_000 {
		switch rng.IntN(5) {
		case 0:
			w := &follower{prefix: word()}
			a.add(w)
			waits[w] = true
			all = append(all, w)
		case 1:
			if len(all) > 0 {
				i := rng.IntN(len(all))
				a.remove(all[i])
				delete(waits, all[i])
				all = slices.Delete(all, i, i+1)
			}
		case 2:
			for _, w := range all {
				if !waits[w] && rng.IntN(2) == 0 {
					a.quiet(w)
					waits[w] = true
				}
			}
		default:
			key := word() + word()
			called := map[*follower]bool{}
			a.call(key, func(w *follower) {
				if called[w] || !waits[w] {
					t.Fatalf("%q is called twice by %q", w.prefix, key)
				}
				called[w] = true
			})
			for _, w := range all {
				if want := waits[w] && strings.HasPrefix(key, w.prefix); called[w] != want {
					t.Fatalf("%q calls %q: %t, want %t", key, w.prefix, called[w], want)
				}
				waits[w] = waits[w] && !called[w]
			}
		}
	}
}
