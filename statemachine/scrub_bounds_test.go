package statemachine_test

import (
	"fmt"
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// TestScrubSendsNoMoreThanIsAccepted: what a node sends in one message of a
// scrub, another takes: many small records that a peer asks for at once. A
// message beyond the bound would be dropped whole, at every scrub anew.
func TestScrubSendsNoMoreThanIsAccepted(t *testing.T) {
	a, b := member(t, 'a', nil), member(t, 'b', nil)
	hasher := keyspace.NewHasher(cluster.Digest)
	var wish statemachine.Items
	for batch := range 3 {
		var keys []string
		for i := range 500 {
			keys = append(keys, fmt.Sprint(batch*500+i))
			wish.Want = append(wish.Want, hasher.Key(keys[i]))
		}
		a.write(1, keys...)
		a.settle()
	}
	a.step(statemachine.PeerUp{Hello: b.node.Hello()})
	b.step(statemachine.PeerUp{Hello: a.node.Hello()})
	a.settle()
	b.settle()
	boot := a.snap.Identity.Boot
	a.step(statemachine.Received{From: id('b'), Boot: b.snap.Identity.Boot, Msg: wish})
	for _, m := range sends[statemachine.Items](a.settle()) {
		b.step(statemachine.Received{From: id('a'), Boot: boot, Msg: m})
		b.settle()
		if s := b.node.Status(); s.Live == 0 || s.Stats.DroppedMalformed > 0 {
			t.Errorf("a message of %d records: %d arrived, %d messages were malformed",
				len(m.Entries), s.Live, s.Stats.DroppedMalformed)
		}
	}
}
