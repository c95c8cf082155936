package sim

import (
	"strconv"
	"testing"

	"kvs/statemachine"
)

// latecomer is a world in which two hosts have records that are too old to be
// copied first, and a third one joins. Its copy takes small steps, and the others
// write again meanwhile.
func latecomer(seed uint64) *World {
	opt := Calm(seed, 3)
	opt.Duration, opt.Settle = 29_500, 60_000
	opt.Keys, opt.WriteEvery, opt.DeletePermille = 2_000, 10, 100
	opt.Core.Horizon = 15_000
	opt.Core.ChunkEntries = 4
	opt.LatencyMean = 10
	opt.ReadEvery = 5
	w := newWorld(opt)
	for i, at := range []Millis{1, 300, 30_000} {
		w.queue.push(at, w.hosts[i].start)
	}
	w.queue.push(1, w.clients.begin)
	w.queue.push(1_000, w.inspect)
	w.queue.push(30_000, func() {
		w.opt.Duration = 45_000
		w.queue.push(w.now+1, w.readers.begin)
		w.queue.push(w.now+2_500, w.clients.begin)
	})
	return w
}

// Goal: a host that serves clients while its older records are still on their way
// never says that a key is absent which the others have. Method: a latecomer is
// read from all the while; in every second world its source crashes meanwhile.
func TestLatecomerNeverDeniesAKey(t *testing.T) {
	var found, absent, refused int
	for seed := range uint64(6) {
		w := latecomer(seed)
		if seed%2 == 1 {
			for i, at := range []Millis{36_500, 39_000} {
				w.queue.push(at, func() { w.hosts[i].crash() })
				w.queue.push(at+1_500, w.hosts[i].start)
			}
		}
		w.until(45_000)
		found, absent, refused = found+w.readers.found, absent+w.readers.absent, refused+w.readers.refused
		if w.settle(); w.failure != nil {
			t.Errorf("seed %d: %v", seed, w.failure)
		}
		if n := len(w.readers.open); n > 0 {
			t.Errorf("seed %d: %d reads without an answer", seed, n)
		}
	}
	t.Logf("%d found, %d absent, %d refused", found, absent, refused)
	if found < 150 || absent < 50 || refused < 10 {
		t.Errorf("too little was read: %d found, %d absent, %d refused", found, absent, refused)
	}
}

// Goal: the oracle of reads can fail. Method: the records that all hosts have are
// asked for, and an answer is made up.
func TestReadOracleNoticesADenial(t *testing.T) {
	w := latecomer(1)
	w.until(20_000)
	h := w.hosts[0]
	for k := range w.opt.Keys {
		key := "k" + strconv.Itoa(k)
		if !w.readers.everywhere(key) {
			continue
		}
		w.readers.answered(h, statemachine.Done{Request: w.readers.ask(h, reading{key, true})})
		if w.failure == nil || w.failure.Oracle != "read" {
			t.Fatalf("%v", w.failure)
		}
		return
	}
	t.Fatal("no key is everywhere")
}
