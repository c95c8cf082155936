package sim

import (
	"encoding/json"
	"math/rand/v2"
	"runtime"
	"testing"

	"kvs/internal/auth"
)

// Goal: rights that were set anywhere hold everywhere: in worlds with all faults,
// what every host decides by the production code is what the newest records say
// that it claims.
func TestS11RightsReplicate(t *testing.T) {
	seeds := uint64(150)
	if testing.Short() {
		seeds = 40
	}
	rep := Campaign{Seeds: seeds, Parallel: runtime.GOMAXPROCS(0), Options: Guarded}.Run()
	for _, f := range rep.Failures {
		t.Errorf("seed %d: %v", f.Seed, f.Failure)
	}
	w := newWorld(Guarded(3))
	w.begin()
	w.until(w.opt.Duration)
	w.settle()
	if w.failure != nil || w.rights.allowed < 500 || w.rights.denied < 500 {
		t.Errorf("%v; %d decisions allow, %d deny", w.failure, w.rights.allowed, w.rights.denied)
	}
}

// Goal: the oracle's words and the production code agree on every decision, so
// that a difference in a world is one of records. Method: random records of all
// kinds, all questions.
func TestLawAgreesWithDecide(t *testing.T) {
	w := &World{}
	r := newRights(w, rand.New(rand.NewPCG(1, 12)))
	allowed := 0
	for range 2_000 {
		records, ought := map[string]record{}, law{}
		for _, key := range r.keys {
			if r.rng.IntN(4) == 0 {
				continue
			}
			text, err := json.Marshal(r.draw(key))
			if err != nil {
				t.Fatal(err)
			}
			records[key] = record{value: string(text)}
			ought.take(key, string(text))
		}
		is := decider(records)
		for _, user := range people {
			for _, grant := range grants {
				for op := auth.OpRead; op <= auth.OpSetACL; op++ {
					for _, place := range places {
						a, b := is(user, grant, op, place), ought.allows(user, grant, op, place)
						if a != b {
							t.Fatalf("user %s, grant %v, %v of %s: %v, by the law %v; %v", user, grant, op, place, a, b, records)
						}
						if a {
							allowed++
						}
					}
				}
			}
		}
	}
	if allowed < 10_000 {
		t.Errorf("only %d decisions allow", allowed)
	}
}
