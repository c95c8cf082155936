package statemachine_test

import (
	"testing"

	"kvs/statemachine"
)

// Goal: a node whose group has no cluster yet founds one although a replica that
// it has met is lost, once an operator says so by force, and not before. Method:
// a node with a seed meets it, and a third that goes away for good.
func TestForcedForgetLetsAClusterBeFounded(t *testing.T) {
	h := newHost(t, newStore('a'), func(c *statemachine.Config) { c.Seeds = []string{"p:1"} })
	h.tick(0)
	h.settle()
	for _, name := range []byte{'p', 'q'} {
		m := statemachine.Member{Name: string(name), Addr: string(name) + ":1"}
		h.step(statemachine.PeerUp{Hello: statemachine.Hello{
			ProtocolMin: statemachine.ProtocolMin, ProtocolMax: statemachine.ProtocolMax,
			Replica: id(name), Boot: statemachine.Boot{Count: 1}, Member: m,
			Seeds: []statemachine.ReplicaID{id('a'), id('p')},
		}})
	}
	h.step(statemachine.PeerDown{Peer: id('q')})
	founded := func() bool {
		for range 30 {
			h.tick(1_000)
			h.settle()
		}
		return h.node.Status().Identity.Cluster != statemachine.ClusterID{}
	}
	if founded() {
		t.Fatal("founded a cluster while a known replica was away")
	}
	h.step(statemachine.Forget{Request: 1, Member: id('q')})
	if founded() {
		t.Fatal("gave a replica up without force")
	}
	h.step(statemachine.Forget{Request: 2, Member: id('q'), Force: true})
	if !founded() {
		t.Fatal("still waits for the lost replica")
	}
}

// TestS12ForgottenNodeIsNotHeard: a replica that was forgotten has a certificate
// like any other, so the core refuses it: under its old id nothing that it sends
// is merged, over the connection that it had or a new one, and it is told why.
func TestS12ForgottenNodeIsNotHeard(t *testing.T) {
	h := member(t, 'a', nil)
	h.meet('p')
	p := newStore('p').adopt()
	h.hear('p', statemachine.Push{Entries: p.put("before")})
	h.settle()
	h.step(statemachine.Forget{Request: 1, Member: id('p')})
	h.settle()
	h.hear('p', statemachine.Push{Entries: p.put("old connection")})
	h.step(statemachine.PeerDown{Peer: id('p')})
	told := sends[statemachine.Refuse](append(h.step(statemachine.PeerUp{Hello: hello('p', nil)}), h.settle()...))
	h.hear('p', statemachine.Push{Entries: p.put("new connection")})
	h.settle()
	if h.has("before") == "" || h.has("old connection") != "" || h.has("new connection") != "" {
		t.Errorf("stored: %q, %q, %q", h.has("before"), h.has("old connection"), h.has("new connection"))
	}
	if len(told) != 1 || told[0].Reason != statemachine.RefusedFenced {
		t.Errorf("told %v", told)
	}
}
