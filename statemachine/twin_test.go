package statemachine_test

import (
	"slices"
	"testing"

	"kvs/statemachine"
)

// TestReportsOfTheNewerTwin: of two starts with the same count, as a copied disk
// makes them, one is the newer for everybody, and what it reports counts from then
// on, however many reports the other had made. The other is turned away.
func TestReportsOfTheNewerTwin(t *testing.T) {
	h := member(t, 'a', nil)
	older, newer := statemachine.Boot{Count: 1}, statemachine.Boot{Count: 1, Random: [8]byte{9}}
	report := func(boot statemachine.Boot, n uint64) {
		h.step(statemachine.Received{From: id('b'), Boot: boot, Msg: statemachine.Reports{
			Reports: []statemachine.Report{{Replica: id('b'), Boot: boot, N: n}},
		}})
	}
	h.meet('b')
	report(older, 5)
	h.step(statemachine.PeerDown{Peer: id('b')})
	twin := hello('b', func(h *statemachine.Hello) { h.Boot = newer })
	h.step(statemachine.PeerUp{Hello: twin})
	report(newer, 1)

	ask := statemachine.Reports{Have: []statemachine.ReportID{{Replica: id('b'), Boot: newer, N: 2}}}
	answers := sends[statemachine.Reports](h.step(statemachine.Received{From: id('b'), Boot: newer, Msg: ask}))
	want := statemachine.ReportID{Replica: id('b'), Boot: newer, N: 1}
	if len(answers) != 1 || !slices.Contains(answers[0].Have, want) {
		t.Errorf("asked for its reports, it answers %v, without %v", answers, want)
	}
	got := events[statemachine.PeerRefused](h.step(statemachine.PeerUp{Hello: hello('b', nil)}))
	if len(got) != 1 || got[0].Reason != statemachine.RefusedBoot {
		t.Errorf("the older one gets %v", got)
	}
}
