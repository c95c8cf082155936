package disk

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"kvs/statemachine/keyspace"
)

// script is one transaction: what it sets, nil for a delete, in order.
type script []struct {
	key   string
	value []byte
}

func (s script) run(tx keyspace.Tx) {
	for _, w := range s {
		if w.value == nil {
			tx.Delete([]byte(w.key))
		} else {
			tx.Set([]byte(w.key), w.value)
		}
	}
}

func drawScript(r *rand.Rand) script {
	s := make(script, 1+r.IntN(6))
	for i := range s {
		s[i].key = fmt.Sprint(r.IntN(5))
		if r.IntN(3) > 0 {
			s[i].value = []byte{byte(r.IntN(256))}
		}
	}
	return s
}

func content(d *Disk) map[string]string {
	out := make(map[string]string)
	for k, v := range d.Reader().Ascend(nil, nil) {
		out[string(k)] = string(v)
	}
	return out
}

// replay is the content after some of the transactions, and no others.
func replay(all []script, kept func(i int) bool) map[string]string {
	d := New()
	for i, s := range all {
		if kept(i) {
			d.Update(s.run)
		}
	}
	return content(d)
}

// TestLossEqualsReplay: whatever is lost, the disk holds what it would hold had
// the lost transactions never run. Random transactions over few keys, a random
// loss of every kind, against a replay of the survivors.
func TestLossEqualsReplay(t *testing.T) {
	for seed := range uint64(3_000) {
		r := rand.New(rand.NewPCG(seed, 1))
		d := New()
		d.Remember(8)
		var all []script
		for range 1 + r.IntN(8) {
			all = append(all, drawScript(r))
			d.Update(all[len(all)-1].run)
		}
		synced := len(all)
		lost := make(map[int]bool)
		for range r.IntN(5) {
			all = append(all, drawScript(r))
			d.Commit(all[len(all)-1].run)
		}
		at := synced - 1
		d.CrashKeeping(func() bool {
			at++
			lost[at] = r.IntN(2) == 0
			return !lost[at]
		})
		survivors := make([]int, 0, len(all)) // that are still in the history
		for i := range all {
			if !lost[i] {
				survivors = append(survivors, i)
			}
		}
		survivors = survivors[len(survivors)-d.Synced():]
		if len(survivors) > 0 && r.IntN(2) == 0 {
			age := r.IntN(len(survivors))
			d.LoseOne(age)
			lost[survivors[len(survivors)-1-age]] = true
		} else if len(survivors) > 0 {
			n := r.IntN(len(survivors) + 1)
			d.LoseTail(n)
			for _, i := range survivors[len(survivors)-n:] {
				lost[i] = true
			}
		}
		want := replay(all, func(i int) bool { return !lost[i] })
		if got := content(d); !maps.Equal(got, want) {
			t.Fatalf("seed %d: lost %v of %d: %v, want %v", seed, lost, len(all), got, want)
		}
	}
}

// TestHistoryIsBounded: no more synced transactions are remembered than asked.
func TestHistoryIsBounded(t *testing.T) {
	d := New()
	set := func(tx keyspace.Tx) { tx.Set([]byte("k"), []byte("v")) }
	d.Update(set)
	if d.Synced() != 0 {
		t.Fatal("remembers without being asked")
	}
	d.Remember(3)
	for range 5 {
		d.Update(set)
	}
	if d.Synced() != 3 {
		t.Fatalf("remembers %d", d.Synced())
	}
}
