package sim

import (
	"strconv"
	"strings"
	"testing"

	"kvs/statemachine/keyspace"
)

// Goal: a mutual scrub of two nodes with d differences repairs them all within a
// bound of time and of messages.
// Method: each host is given d/2 records behind the other's back, and both claim
// them all, so that only the digests can tell.
func TestPairWithDifferencesIsRepaired(t *testing.T) {
	for _, c := range []struct {
		d, messages int
		within      Millis
	}{
		{0, 0, 1_000},
		{1, 14, 7_000},
		{100, 25, 8_000},
		{2_000, 200, 12_000},
	} {
		for seed := range uint64(5) {
			messages := 0
			w := differingPair(seed, c.d, func(line string) {
				if strings.Contains(line, "-> Send(") && (strings.Contains(line, "Compare(") ||
					strings.Contains(line, "LeafList(") || strings.Contains(line, "Items(")) {
					messages++
				}
			})
			healed := w.settle()
			if w.failure != nil {
				t.Fatalf("d=%d seed %d: %v", c.d, seed, w.failure)
			}
			t.Logf("d=%d seed %d: %d ms, %d messages", c.d, seed, healed, messages)
			if healed > c.within || messages > c.messages {
				t.Errorf("d=%d seed %d: %d ms, at most %d; %d messages, at most %d", c.d, seed, healed,
					c.within, messages, c.messages)
			}
			for i, h := range w.hosts {
				if got := len(h.records()); got != c.d {
					t.Errorf("d=%d seed %d: host %d ends with %d records", c.d, seed, i, got)
				}
			}
		}
	}
}

// differingPair is a world of two hosts of one cluster that claim the same d
// writes and have none of them in common. Both are down.
func differingPair(seed uint64, d int, trace func(line string)) *World {
	opt := Calm(seed, 2)
	opt.FalseClaims, opt.Trace = true, trace
	opt.Duration, opt.Settle = 20_000, 60_000
	w := newWorld(opt)
	for _, h := range w.hosts {
		h.start()
	}
	w.until(5_000)
	for _, h := range w.hosts {
		h.crash()
	}
	w.until(opt.Duration)
	var all keyspace.VV
	for i, h := range w.hosts {
		for k := i; k < d; k += 1_000 {
			w.plant(h, k, min(k+1_000, d))
		}
		all.Union(keyspace.LoadVV(h.disk.Reader()))
	}
	for _, h := range w.hosts {
		h.state.Execute(h.disk.Update, &keyspace.Batch{
			Now: h.now().Wall, Claim: &keyspace.Claim{VV: all},
		})
	}
	return w
}

// plant writes every second key of a range straight into a host's store.
func (w *World) plant(h *host, from, to int) {
	b := &keyspace.Batch{Now: h.now().Wall}
	for k := from; k < to; k += 2 {
		b.Writes = append(b.Writes, keyspace.Write{Key: "k" + strconv.Itoa(k), Value: []byte("v")})
	}
	w.model.stamped(h, b, h.state.Execute(h.disk.Update, b))
}
