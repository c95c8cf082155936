package keyspace_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"kvs/statemachine/keyspace"
)

// Goal: a write is carried out if and only if its conditions hold for what the writes
// before it have left, those of its own batch included; one that is not stores
// nothing and uses no number. Method: random batches against a map.
func TestConditionsAgainstAMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	r := newReplica(1)
	held := map[string]keyspace.UUID{}
	expires := map[string]keyspace.Millis{}
	unmet, stored := 0, uint64(0)
	for now := start; now < start+3000; now++ {
		b := &keyspace.Batch{Now: now, MaxSkew: 1000}
		for range 1 + rng.IntN(3) {
			w := keyspace.Write{Key: string(rune('a' + rng.IntN(3))), Delete: rng.IntN(4) == 0}
			if !w.Delete {
				w.Value, w.TTL = []byte("v"), keyspace.Millis(rng.IntN(3)*rng.IntN(20))
			}
			for range rng.IntN(3) {
				m := keyspace.Match{Any: rng.IntN(3) == 0, Not: rng.IntN(2) == 0}
				for _, k := range []string{"a", "b", "c"}[rng.IntN(3):] {
					m.Versions = append(m.Versions, held[k])
				}
				w.If = append(w.If, m)
			}
			b.Writes = append(b.Writes, w)
		}
		out := r.execute(b)
		for i, w := range b.Writes {
			id, live := held[w.Key]
			live = live && (expires[w.Key] == 0 || now < expires[w.Key])
			want := !slices.ContainsFunc(w.If, func(m keyspace.Match) bool {
				return (live && (m.Any || slices.Contains(m.Versions, id))) == m.Not
			})
			o := out.Outcomes[i]
			if (o.Kind == keyspace.Won) != want || o.Existed != live || live && o.Prev.UUID != id {
				t.Fatalf("at %d: %v of %+v, want %v; live %v", now, o, w, want, live)
			}
			if want {
				stored++
			}
			switch {
			case !want:
				unmet++
			case w.Delete:
				delete(held, w.Key)
			default:
				held[w.Key], expires[w.Key] = o.Header.Ver.UUID, o.Header.Expires
			}
		}
	}
	if sets := r.vv().Sets(); unmet < 500 || len(sets) != 1 || uint64(sets[0].Head) != stored {
		t.Errorf("%d conditions were unmet, %d writes stored, vector %v", unmet, stored, r.vv())
	}
}
