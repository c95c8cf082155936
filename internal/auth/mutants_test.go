package auth

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
)

// TestB14TokenMutants: no change of a good token, or of one that was signed for something
// else, is accepted, and none costs memory that stays.
func TestB14TokenMutants(t *testing.T) {
	count := 100_000
	if testing.Short() {
		count = 10_000
	}
	w := newWorld(t)
	valid, _ := w.mint()
	seeds := [][]byte{
		[]byte(valid), []byte(forge(w.key, goodHeader(w.key), with("exp", nil))),
		[]byte(forge(testKey(2), goodHeader(w.key), with())),
		[]byte(b64(`{"alg":"none","typ":"JWT"}`) + "." + b64(with()) + "."),
	}
	random := rand.New(rand.NewPCG(14, 14))
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	w.want(valid, nil) // it is known from here on, and no other token with it
	reasons := map[string]int{}
	for range count {
		token := slices.Clone(seeds[random.IntN(len(seeds))])
		for range 1 + random.IntN(3) {
			at := random.IntN(len(token))
			switch random.IntN(4) {
			case 0:
				token[at] = byte(random.IntN(256))
			case 1:
				token[at] = "ABCDefgh0189-_.="[random.IntN(16)]
			case 2:
				token = append(token[:at], token[min(at+1+random.IntN(8), len(token)):]...)
			case 3:
				token = slices.Insert(token, at, token[at:min(at+random.IntN(200), len(token))]...)
			}
			if len(token) == 0 {
				token = []byte{'.'}
			}
		}
		if string(token) == valid {
			continue
		}
		_, err := w.v.Verify(token)
		if err == nil || Reason(err) == "" {
			t.Fatalf("%q: %v", token, err)
		}
		if _, known := w.v.Recall(token); known {
			t.Fatalf("%q is known after it was refused", token)
		}
		reasons[Reason(err)]++
	}
	w.want(valid, nil)
	if _, known := w.v.Recall([]byte(valid)); !known {
		t.Error("a token that was just verified is not known")
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if after.HeapAlloc > before.HeapAlloc+20<<20 {
		t.Errorf("the heap has %d bytes, before it had %d", after.HeapAlloc, before.HeapAlloc)
	}
	if len(reasons) < 3 || reasons[Reason(ErrSignature)] < count/100 {
		t.Errorf("reasons: %v", reasons)
	}
}
