package bench

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

const (
	// KeysMax bounds the keys of a run.
	KeysMax = 100_000_000
	// skew is the exponent of zipf: of 100,000 keys the most popular gets an eighth.
	skew = 1.1
	// spread is a prime above KeysMax: to multiply by it puts the popular keys apart.
	spread = 2_654_435_761
)

// Distributions are what Keys.Distribution may be.
var Distributions = []string{"uniform", "zipf"}

// Keys are the keys of a run, and which of them are asked for how often.
type Keys struct {
	Prefix       string // ends at a slash
	Count        int    // from 1 to KeysMax
	Distribution string // one of Distributions: all alike, or some far more often
}

// Check says what is wrong with keys, naming the field.
func (k Keys) Check() error {
	if k.Count < 1 || k.Count > KeysMax {
		return fmt.Errorf("keys must be from 1 to %d, not %d", KeysMax, k.Count)
	}
	if k.Distribution != "uniform" && k.Distribution != "zipf" {
		return fmt.Errorf("dist must be uniform or zipf, not %q", k.Distribution)
	}
	return nil
}

// Key is the i-th key. They sort by their numbers.
func (k Keys) Key(i int) string {
	digits := strconv.Itoa(i)
	return k.Prefix + "00000000"[:max(8-len(digits), 0)] + digits
}

// Choice draws the numbers of keys.
func (k Keys) Choice(r *rand.Rand) func() int {
	if k.Distribution != "zipf" || k.Count == 1 {
		return func() int { return r.IntN(k.Count) }
	}
	ranks := rand.NewZipf(r, skew, 1, uint64(k.Count-1))
	return func() int { return int(ranks.Uint64() * spread % uint64(k.Count)) }
}

// valueOverhead is the bytes of a value that are not its letters.
const valueOverhead = len(`{"v":""}`)

// ValueMin is the fewest bytes of a value.
const ValueMin = valueOverhead

// Value is a JSON object of exactly size bytes, at least ValueMin, whose letters hardly
// compress.
func Value(size int, r *rand.Rand) []byte {
	const letters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_"
	b := append(make([]byte, 0, size), `{"v":"`...)
	for len(b) < size-2 {
		b = append(b, letters[r.IntN(len(letters))])
	}
	return append(b, `"}`...)
}
