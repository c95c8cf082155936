package statemachine_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// wantIdle checks that a Tick before the deadline does nothing. It leaves the
// clock of the host where the tick put it.
func wantIdle(t *rapid.T, h *host) {
	deadline := h.node.Deadline()
	room := min(deadline-1-h.now.Mono, 1_000)
	if room < 0 {
		return
	}
	before := h.node.Status()
	after := statemachine.Millis(rapid.Int64Range(0, int64(room)).Draw(t, "early"))
	if got := h.tick(after); len(got) > 0 || h.node.Deadline() != deadline {
		t.Fatalf("a tick %d ms before the deadline: %d effects, deadline %d, then %d",
			deadline-h.now.Mono, len(got), deadline, h.node.Deadline())
	}
	now := h.node.Status()
	for i := range before.Members {
		if before.Members[i].Self {
			before.Members[i].Seen = now.Members[i].Seen
		}
	}
	same := cmp.Comparer(func(a, b keyspace.VV) bool { return a.Equal(b) })
	if diff := cmp.Diff(before, now, same); diff != "" {
		t.Fatalf("a tick before the deadline changed the node:\n%s", diff)
	}
}

// TestEarlyTickDoesNothing: in whatever state a node is, a Tick before its
// Deadline has no effect and changes nothing. Random lives of a node with peers
// that come, go, push and claim.
func TestEarlyTickDoesNothing(t *testing.T) {
	p := newStore('p').adopt()
	es := p.put("x", "y", "z")
	digest := digestOf(p)
	rapid.Check(t, func(t *rapid.T) {
		h := newHost(t, newStore('a').adopt(), seeded("x:1"))
		t.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) { wantIdle(t, h) },
			"due": func(*rapid.T) {
				h.tick(max(0, min(h.node.Deadline(), math.MaxInt32)-h.now.Mono))
			},
			"peer up":   func(*rapid.T) { h.step(statemachine.PeerUp{Hello: hello('p', nil)}) },
			"peer down": func(*rapid.T) { h.step(statemachine.PeerDown{Peer: id('p')}) },
			"write":     func(*rapid.T) { h.write(1, "k") },
			"store":     func(*rapid.T) { h.settle() },
			"push":      func(*rapid.T) { h.hear('p', statemachine.Push{Entries: es[:1]}) },
			"digest":    func(*rapid.T) { h.hear('p', digest) },
			"divergence": func(*rapid.T) {
				h.hear('p', statemachine.Digest{VV: h.vv(), Sum: keyspace.Sum{Hi: 1}})
			},
		})
	})
}

// TestDeadlineIsAlwaysAhead: ticking at the deadline moves it on: a node never
// asks for the same moment for ever.
func TestDeadlineIsAlwaysAhead(t *testing.T) {
	h := newHost(t, newStore('a'), seeded("x:1"))
	for range 500 {
		at := h.node.Deadline()
		for tries := 0; h.node.Deadline() == at; tries++ {
			if tries > 3 {
				t.Fatalf("still due at %d after %d ticks", at, tries)
			}
			h.tick(max(0, at-h.now.Mono))
		}
		h.settle()
	}
}

// TestTimeGoingBackIsABreachOfDuty: the shell must never hand in an earlier
// Mono.
func TestTimeGoingBackIsABreachOfDuty(t *testing.T) {
	h := member(t, 'a', nil)
	h.tick(10)
	defer func() {
		if recover() == nil {
			t.Error("time went back unnoticed")
		}
	}()
	h.tick(-1)
}
