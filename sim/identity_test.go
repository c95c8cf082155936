package sim

import (
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// try lets a client write once to a host, and returns how it ends.
func (w *World) try(h *host) statemachine.Refusal {
	w.clients.next++
	id := w.clients.next
	write := keyspace.Write{Key: "tried", Value: []byte("x")}
	got := statemachine.RefusedTimeout
	ended := func(r statemachine.WriteResult) { got = r.Refused }
	w.clients.open[id] = request{h, w.now, write, ended}
	w.clients.waiting = append(w.clients.waiting, id)
	h.step(statemachine.ClientWrites{Writes: []statemachine.ClientWrite{{Request: id, Write: write}}})
	w.until(w.now + 1_000)
	return got
}

// Goal: of two nodes with one name the later serves no writes while the first
// lives, replaces it when it is dead, and yields when it returns; replication
// goes on with both. Method: four hosts, the last under the name of the second.
func TestTwoNodesOfOneName(t *testing.T) {
	for seed := range uint64(10) {
		w := newWorld(Calm(seed, 4))
		first, second := w.hosts[1], w.hosts[3]
		second.tweak = func(c *statemachine.Config) { c.Name = "n1" }
		for i, h := range w.hosts {
			w.queue.push(Millis(i)*1_000, h.start)
		}
		w.queue.push(5_000, w.clients.begin)
		wants := func(h *host, want statemachine.Refusal, when string) {
			t.Helper()
			if got := w.try(h); got != want {
				t.Errorf("seed %d, %s: host %d says %v", seed, when, h.index, got)
			}
		}
		w.until(10_000)
		wants(second, statemachine.RefusedName, "beside the first")
		wants(first, statemachine.RefusedNot, "beside the second")
		first.crash()
		w.until(40_000)
		wants(second, statemachine.RefusedNot, "after the death of the first")
		first.start()
		w.until(50_000)
		wants(second, statemachine.RefusedName, "after the return of the first")
		w.until(60_000)
		if w.settle(); w.failure != nil {
			t.Errorf("seed %d: %v", seed, w.failure)
		}
	}
}

// Goal: nodes of another cluster name, or with other demands on clients, never
// join, and are told apart from dead ones. Method: three hosts, the last of
// another kind; it belongs to no cluster in the end, and the others name it.
func TestOtherTermsAreRefused(t *testing.T) {
	for reason, tweak := range map[statemachine.Refusal]func(*statemachine.Config){
		statemachine.RefusedCluster: func(c *statemachine.Config) { c.ClusterName = "other" },
		statemachine.RefusedAuth:    func(c *statemachine.Config) { c.AuthMode = true },
	} {
		w := newWorld(quiet(1, 3))
		w.hosts[2].tweak = tweak
		w.begin()
		w.until(30_000)
		s, odd := w.hosts[0].node.Status(), w.hosts[2].node.Status()
		if len(s.Members) != 2 || odd.Identity.Cluster != (keyspace.ClusterID{}) {
			t.Errorf("%v: %d members, the odd one in cluster %v", reason, len(s.Members), odd.Identity.Cluster)
		}
		if len(s.Refused) != 1 || s.Refused[0].Reason != reason || len(odd.Refused) != 1 {
			t.Errorf("%v: refused %v and %v", reason, s.Refused, odd.Refused)
		}
	}
}
