package statemachine_test

import (
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// spite draws what a linked peer may send to do harm and the transport lets
// through: every kind of message with contents that are sometimes right,
// sometimes noise, but entries and vectors that are well formed by themselves.
// It leaves out one thing, dots of the node's own running stream.
type spite struct {
	entries []keyspace.Entry // well formed, of p's streams
	vvs     []keyspace.VV
}

func (s *spite) vv(t *rapid.T) keyspace.VV {
	var vv keyspace.VV
	if rapid.Bool().Draw(t, "a real vector") {
		return rapid.SampledFrom(s.vvs).Draw(t, "vv")
	}
	for range rapid.IntRange(0, 5).Draw(t, "dots") {
		vv.Add(s.dot(t))
	}
	return vv
}

func (s *spite) dot(t *rapid.T) keyspace.Dot {
	return keyspace.Dot{
		Stream: keyspace.Stream{Replica: id(rapid.SampledFrom([]byte("pqa")).Draw(t, "replica"))},
		Seq:    keyspace.Seq(rapid.SampledFrom([]uint64{1, 2, 3, 1<<48 - 1}).Draw(t, "seq")),
	}
}

// after draws a cursor, which may be any dot at all.
func (s *spite) after(t *rapid.T) keyspace.Dot {
	return rapid.SampledFrom([]keyspace.Dot{
		{}, {}, s.dot(t), {Stream: keyspace.Stream{Replica: id(0xff)}, Seq: 1<<64 - 1},
	}).Draw(t, "cursor")
}

func (s *spite) some(t *rapid.T) (es []keyspace.Entry) {
	for range rapid.IntRange(0, 4).Draw(t, "entries") {
		es = append(es, rapid.SampledFrom(s.entries).Draw(t, "entry"))
	}
	return es
}

func (s *spite) hashes(t *rapid.T) []keyspace.KeyHash {
	return rapid.SliceOfN(rapid.Make[keyspace.KeyHash](), 0, 5).Draw(t, "hashes")
}

// message draws one message of any kind.
func (s *spite) message(t *rapid.T) statemachine.Message {
	number := rapid.Uint64Range(0, 3).Draw(t, "session")
	switch rapid.IntRange(1, 17).Draw(t, "kind") {
	case 1:
		return hello('p', func(h *statemachine.Hello) {
			if rapid.Bool().Draw(t, "other") {
				*h = rapid.Make[statemachine.Hello]().Draw(t, "hello")
			}
		})
	case 2:
		return rapid.Make[statemachine.Welcome]().Draw(t, "welcome")
	case 3:
		return rapid.Make[statemachine.Table]().Draw(t, "table")
	case 4:
		return statemachine.Digest{VV: s.vv(t), Sum: rapid.Make[keyspace.Sum]().Draw(t, "sum")}
	case 5:
		return statemachine.Push{Entries: s.some(t), Relayed: rapid.Bool().Draw(t, "relayed")}
	case 6:
		return statemachine.Ack{Have: s.vv(t)}
	case 7:
		return statemachine.Need{Session: number, Not: s.vv(t), After: s.after(t)}
	case 8:
		return statemachine.Delta{
			Session: number, After: s.after(t),
			Entries: s.some(t), Last: s.after(t), Done: rapid.Bool().Draw(t, "done"), VV: s.vv(t),
		}
	case 9:
		return s.compare(t, number)
	case 10:
		return s.leaves(t, number)
	case 12:
		return statemachine.Ping{
			Seq: number, Origin: s.dot(t).Stream.Replica, Suspect: true, Incarnation: number,
		}
	case 13:
		return statemachine.PingAck{
			Seq: number, Origin: rapid.SampledFrom([]statemachine.ReplicaID{{}, id('q')}).Draw(t, "for"),
			Target: s.dot(t).Stream.Replica, Wall: statemachine.Millis(rapid.Int64().Draw(t, "wall")),
		}
	case 14:
		return statemachine.PingReq{Seq: number, Target: s.dot(t).Stream.Replica}
	case 16:
		return statemachine.Graft{}
	case 17:
		return statemachine.Prune{}
	case 15:
		return statemachine.Suspicion{
			Replica: s.dot(t).Stream.Replica, Boot: statemachine.Boot{Count: number},
			Incarnation: rapid.SampledFrom([]uint64{number, 1<<64 - 1}).Draw(t, "incarnation"),
			By:          s.dot(t).Stream.Replica,
		}
	}
	return statemachine.Items{
		Round: number, Entries: s.some(t), Want: s.hashes(t), Answer: rapid.Bool().Draw(t, "answer"),
	}
}

func (s *spite) compare(t *rapid.T, round uint64) statemachine.Message {
	m := statemachine.Compare{Round: round, Level: rapid.IntRange(-1, 4).Draw(t, "level")}
	m.Answer = rapid.Bool().Draw(t, "answer")
	m.Retry = statemachine.Millis(rapid.SampledFrom([]int64{0, 0, 0, 1, -1, 1 << 62}).Draw(t, "retry"))
	for range rapid.IntRange(0, 3).Draw(t, "nodes") {
		index := rapid.SampledFrom([]uint32{0, 0, 63, 64, 4095, 262_143, 1 << 31}).Draw(t, "index")
		m.Nodes = append(m.Nodes, statemachine.TreeNode{Index: index, Sum: round})
	}
	return m
}

func (s *spite) leaves(t *rapid.T, round uint64) statemachine.Message {
	m := statemachine.LeafList{Round: round, More: rapid.Bool().Draw(t, "more")}
	for range rapid.IntRange(0, 3).Draw(t, "leaves") {
		leaf := rapid.SampledFrom([]keyspace.Leaf{0, 0, 262_143, 262_144, 1 << 31}).Draw(t, "leaf")
		m.Leaves = append(m.Leaves, leaf)
	}
	for _, kh := range s.hashes(t) {
		m.Items = append(m.Items, statemachine.LeafItem{Key: kh})
	}
	return m
}

// newSpite makes the material from which messages are drawn.
func newSpite() *spite {
	p := newStore('p').adopt()
	s := &spite{vvs: []keyspace.VV{{}}}
	for range 3 {
		s.entries = append(s.entries, p.put("x", "y")...)
		s.vvs = append(s.vvs, p.vv())
		p.open()
	}
	return s
}

// wantWorking checks that a node still serves clients and honest peers.
func wantWorking(t failer, h *host) {
	t.Helper()
	h.settle()
	h.step(statemachine.PeerUp{Hello: hello('z', nil)})
	if h.node.Status().Identity.Cluster != cluster.Cluster {
		t.Fatalf("the node left its cluster")
	}
	h.settle()
	h.write(1000, "after")
	out := h.settle()
	got := answers{}
	if got.note(out); len(got[1000]) != 1 || h.has("after") == "" {
		t.Fatalf("a write was answered %v, and %q is stored", got[1000], h.has("after"))
	}
	pushed := false
	for _, m := range sends[statemachine.Push](out) {
		pushed = pushed || m.Entries[len(m.Entries)-1].Key == "after"
	}
	if !pushed {
		t.Fatalf("an honest peer was not told")
	}
	h.hear('z', statemachine.Need{Session: 1})
	deltas := sends[statemachine.Delta](h.settle())
	if len(deltas) != 1 || len(deltas[0].Entries) == 0 {
		t.Fatalf("an honest peer got no delta")
	}
}

// TestS15HostilePeerDoesNotStopTheNode: no sequence of messages of a linked peer
// makes Step panic, or takes a record away that it sends no newer version of;
// afterwards the node serves clients and honest peers.
func TestS15HostilePeerDoesNotStopTheNode(t *testing.T) {
	s := newSpite()
	rapid.Check(t, func(t *rapid.T) {
		h := member(t, 'a', nil)
		h.meet('p')
		h.write(999, "kept")
		h.settle()
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				h.settle()
			case 8:
				h.step(statemachine.SyncNow{Request: 2000, Peer: id('p')})
			case 9:
				h.step(statemachine.Diff{Request: 2001, Peer: id('p')})
			case 1:
				h.tick(statemachine.Millis(rapid.IntRange(0, 3000).Draw(t, "time")))
			case 2:
				h.write(1, "own")
			default:
				h.hear('p', s.message(t))
			}
		}
		wantWorking(t, h)
		if h.has("kept") == "" {
			t.Fatalf("a record is gone by omission")
		}
	})
}
