package statemachine_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// answers counts the responses to each request.
type answers map[statemachine.RequestID][]statemachine.Refusal

func (a answers) note(effects []statemachine.Effect) {
	for _, e := range effects {
		if r, ok := e.(statemachine.Respond); ok {
			a[r.Request] = append(a[r.Request], r.Result.Refused)
		}
	}
}

// TestEveryRequestIsAnsweredOnce: whatever the size of the groups and the pace
// of the store, each request gets exactly one response, and an accepted write
// is stored by then. Random groups, with the store running behind at random.
func TestEveryRequestIsAnsweredOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := member(t, 'a', nil)
		h.meet('p')
		got, asked := answers{}, statemachine.RequestID(0)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if len(h.work) > 0 && rapid.Bool().Draw(t, "store works") {
				got.note(h.finish())
				continue
			}
			var keys []string
			for range rapid.IntRange(0, 5).Draw(t, "writes") {
				keys = append(keys, fmt.Sprint("k", rapid.IntRange(0, 4).Draw(t, "key")))
			}
			got.note(h.write(asked+1, keys...))
			asked += statemachine.RequestID(len(keys))
			if stored := h.vv().Head(h.snap.Stream); len(got) > int(stored) {
				t.Fatalf("%d requests are answered, %d stored", len(got), stored)
			}
		}
		got.note(h.settle())
		for id := statemachine.RequestID(1); id <= asked; id++ {
			if len(got[id]) != 1 || got[id][0] != statemachine.RefusedNot {
				t.Fatalf("request %d was answered %v", id, got[id])
			}
		}
		if len(got) != int(asked) || h.vv().Head(h.snap.Stream) != keyspace.Seq(asked) {
			t.Fatalf("%d requests, %d answered, %d stored", asked, len(got), h.vv().Head(h.snap.Stream))
		}
	})
}

// TestWritesOfManyGroupsShareABatch: what arrives while the store is busy is
// handed over together, so that one sync serves it all.
func TestWritesOfManyGroupsShareABatch(t *testing.T) {
	h := member(t, 'a', nil)
	want(t, h.write(1, "a"), "apply 1 writes")
	want(t, h.write(2, "b"), "apply 1 writes")
	want(t, h.write(3, "c", "d"))
	want(t, h.write(5, "e"))
	want(t, h.finish(), "respond 1: accepted", "apply 3 writes")
}

// TestReadOnlyNodeRefusesClientsAndFollowsPeers: every write of a client is
// refused at once, a push of a peer is applied.
func TestReadOnlyNodeRefusesClientsAndFollowsPeers(t *testing.T) {
	h := member(t, 'a', func(c *statemachine.Config) { c.ReadOnly = true })
	h.meet('p')
	want(t, h.write(1, "x", "y"), "respond 1: read-only", "respond 2: read-only")
	h.hear('p', statemachine.Push{Entries: newStore('p').adopt().put("k")})
	if h.settle(); h.has("k") != "of k" || h.has("x") != "" {
		t.Errorf("holds %q and %q", h.has("k"), h.has("x"))
	}
}

// TestFullQueueRefuses: when too much waits for the store, by number or by
// bytes, writes are refused as overloaded, pushes are dropped and counted, and
// all goes on once the store has caught up.
func TestFullQueueRefuses(t *testing.T) {
	great := make([]byte, keyspace.ValueBytesMax)
	for name, value := range map[string][]byte{"many": nil, "great": great} {
		h := member(t, 'a', nil)
		h.meet('p')
		got := answers{}
		groups := statemachine.RequestID(0)
		for len(got) == 0 {
			if groups++; groups > 10_000 {
				t.Fatalf("%s: 10,000 groups wait", name)
			}
			got.note(h.step(statemachine.ClientWrites{Writes: []statemachine.ClientWrite{{
				Request: groups, Write: keyspace.Write{Key: "k", Value: value},
			}}}))
		}
		if got[groups][0] != statemachine.RefusedOverloaded || groups < 10 {
			t.Errorf("%s: refused group %d: %v", name, groups, got[groups])
		}
		want(t, h.hear('p', statemachine.Push{Entries: newStore('p').adopt().put("k")}))
		if got := h.node.Status().Stats.DroppedOverload; got != 1 {
			t.Errorf("%s: %d pushes counted as dropped", name, got)
		}
		got.note(h.settle())
		if len(got) != int(groups) {
			t.Errorf("%s: %d of %d answered", name, len(got), groups)
		}
		want(t, h.write(groups+1, "k"), "apply 1 writes")
	}
}

// TestExhaustedTimestampsAreRefused: a write that only a timestamp beyond the
// last would let win is refused, uses no number, and the next one goes on.
func TestExhaustedTimestampsAreRefused(t *testing.T) {
	h, p := member(t, 'a', nil), newStore('p').adopt()
	p.execute(&keyspace.Batch{Now: keyspace.TimestampMax - 1, Writes: []keyspace.Write{{Key: "end"}}})
	h.meet('p')
	last := keyspace.ReadDots(p.disk.Reader(), keyspace.VV{}, keyspace.Dot{}, 9, 9).Entries
	h.hear('p', statemachine.Push{Entries: last})
	h.settle()
	h.write(1, "end", "free")
	want(t, h.finish(), "respond 1: timestamps exhausted", "respond 2: accepted", "Push 1 to p")
	if got := h.vv().Head(h.snap.Stream); got != 1 {
		t.Errorf("%d numbers used", got)
	}
}

// TestResponseSaysWhatWasThere: a write knows whether a live record was there.
func TestResponseSaysWhatWasThere(t *testing.T) {
	h := member(t, 'a', nil)
	existed := func(w keyspace.Write) bool {
		h.step(statemachine.ClientWrites{Writes: []statemachine.ClientWrite{{Write: w}}})
		return h.settle()[0].(statemachine.Respond).Result.Existed
	}
	for i, c := range []struct {
		write keyspace.Write
		want  bool
	}{
		{keyspace.Write{Key: "k", Delete: true}, false},
		{keyspace.Write{Key: "k", TTL: 100}, false},
		{keyspace.Write{Key: "k", TTL: 100}, true},
		{keyspace.Write{Key: "k", Delete: true}, true},
		{keyspace.Write{Key: "k", TTL: 100}, false},
	} {
		if got := existed(c.write); got != c.want {
			t.Errorf("write %d: existed %v", i, got)
		}
	}
	if h.now.Wall += 100; existed(keyspace.Write{Key: "k"}) {
		t.Error("an expired record was there")
	}
}
