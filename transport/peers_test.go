package transport

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// settle waits until every node is connected to every other, no attempt or
// surplus connection is left, and returns how often peers came up in all.
func settle(tb testing.TB, nodes []*node) int {
	tb.Helper()
	for _, n := range nodes {
		n.wait("all peers", func() bool { return len(n.up) == len(nodes)-1 })
	}
	eventually(tb, "end of the surplus", func() bool {
		conns, dials := 0, 0
		for _, n := range nodes {
			conns += n.gate.open()
			n.dials.mu.Lock()
			dials += len(n.dials.pending)
			n.dials.mu.Unlock()
		}
		return dials == 0 && conns == len(nodes)*(len(nodes)-1)/2
	})
	return countUps(nodes)
}

func countUps(nodes []*node) (ups int) {
	for _, n := range nodes {
		n.mu.Lock()
		ups += n.ups
		n.mu.Unlock()
	}
	return ups
}

// storm lets all nodes dial all, from several goroutines each.
func storm(nodes []*node, rounds int) {
	var wg sync.WaitGroup
	for _, n := range nodes {
		for range 2 {
			wg.Go(func() {
				for range rounds {
					for _, p := range nodes {
						n.Dial(p.Addr().String())
					}
				}
			})
		}
	}
	wg.Wait()
}

// Goal: however many dial each other at once, each pair ends with one
// connection, the same for both, and no dial ever disturbs one that stands.
// Method: all dial all, themselves included; settle; all dial all again; the
// number of PeerUps must be the smallest possible, and stay it.
func TestConcurrentDialsSettleOnOneConnectionAPair(t *testing.T) {
	t.Parallel()
	for _, size := range []int{2, 5} {
		for round := range 3 {
			t.Run(fmt.Sprintf("%d nodes, %d", size, round), func(t *testing.T) {
				t.Parallel()
				nodes := make([]*node, size)
				for i := range nodes {
					nodes[i] = open(t, setup{id: i + 1})
				}
				storm(nodes, 3)
				if ups, want := settle(t, nodes), size*(size-1); ups != want {
					t.Errorf("%d PeerUps, want %d", ups, want)
				}
				for range 3 {
					storm(nodes, 1)
					if ups, want := settle(t, nodes), size*(size-1); ups != want {
						t.Errorf("%d PeerUps after dialing again, want %d", ups, want)
					}
				}
				checkTraffic(t, nodes)
			})
		}
	}
}

// checkTraffic sends a message along every direction.
func checkTraffic(t *testing.T, nodes []*node) {
	for _, from := range nodes {
		for _, to := range nodes {
			if from != to {
				from.Send(to.id, statemachine.ClassPush, statemachine.Ack{})
			}
		}
	}
	for _, n := range nodes {
		n.wait("traffic", func() bool {
			return len(n.received(statemachine.KindAck)) == len(nodes)-1
		})
	}
}

// Goal: the death of a process is noticed within the idle timeout.
func TestSilentPeerIsNoticed(t *testing.T) {
	t.Parallel()
	a := open(t, setup{id: 1, timing: quick})
	b := start(t, setup{id: 2, timing: quick})
	connect(a, b)
	at := time.Now()
	b.kill()
	a.waitDown(b)
	if d := time.Since(at); d > quick.idle+time.Second {
		t.Errorf("noticed after %s", d)
	}
}

// Goal: a peer that closes is noticed at once, long before the idle timeout.
func TestClosingPeerIsNoticedAtOnce(t *testing.T) {
	t.Parallel()
	a, b := open(t, setup{id: 1}), start(t, setup{id: 2})
	connect(a, b)
	at := time.Now()
	b.stop()
	a.waitDown(b)
	if d := time.Since(at); d > 2*time.Second {
		t.Errorf("noticed after %s", d)
	}
}

// Goal: a killed process that starts again on its port makes its peers notice
// at the next message, by a stateless reset, whether or not it dials anybody.
func TestRestartedPeerResetsItsOldConnection(t *testing.T) {
	t.Parallel()
	a := open(t, setup{id: 1})
	b := start(t, setup{id: 2, boot: 1})
	connect(a, b)
	addr := b.Addr().String()
	b.kill()
	b = open(t, setup{id: 2, boot: 2, listen: addr})
	at := time.Now()
	a.Send(b.id, statemachine.ClassPush, statemachine.Table{Members: make([]statemachine.Member, 9)})
	a.waitDown(b)
	if d := time.Since(at); d > 2*time.Second {
		t.Errorf("noticed after %s", d)
	}
	connect(a, b)
}

// Goal: a restarted peer that connects replaces its own old connection, in
// either order of ids and whoever dials: PeerDown, then PeerUp with the new
// boot. Method: the new process has another port, so that no reset helps.
func TestRestartedPeerReplacesItsOldConnection(t *testing.T) {
	t.Parallel()
	for _, ids := range [][2]int{{1, 2}, {2, 1}} {
		for _, stays := range []bool{true, false} {
			a := open(t, setup{id: ids[0]})
			b := start(t, setup{id: ids[1], boot: 1})
			connect(a, b)
			b.kill()
			b = open(t, setup{id: ids[1], boot: 2})
			if stays {
				a.Dial(b.Addr().String())
			} else {
				b.Dial(a.Addr().String())
			}
			a.wait("the new boot", func() bool { return a.up[b.id].Boot.Count == 2 })
			b.waitUp(a)
			if len(a.heard()) != 3 {
				t.Errorf("%v", a.heard())
			}
		}
	}
}

// Goal: a ghost cannot push out a living replica, whichever end chooses. Method:
// a second process with the same id, and an earlier start, or one as high whose random
// bytes say that it is the older.
func TestGhostDoesNotReplaceALivingPeer(t *testing.T) {
	t.Parallel()
	for _, ids := range [][2]int{{1, 2}, {2, 1}} {
		a := open(t, setup{id: ids[0]})
		b := open(t, setup{id: ids[1], hello: func(h *statemachine.Hello) {
			h.Boot = keyspace.Boot{Count: 5, Random: [8]byte{1}}
		}})
		connect(a, b)
		old := open(t, setup{id: ids[1], boot: 4})
		twin := open(t, setup{id: ids[1], boot: 5})
		for i, ghost := range []*node{old, twin} {
			ghost.Dial(a.Addr().String())
			eventually(t, "refusal", func() bool { return a.Stats().Refused == uint64(i)+1 })
			ghost.wait("word of it", func() bool {
				return slices.ContainsFunc(ghost.inputs, func(in statemachine.Input) bool {
					r, _ := in.(statemachine.Received)
					m, ok := r.Msg.(statemachine.Refuse)
					return ok && r.From == a.id && m.Replica == ghost.id && m.Boot == ghost.o.Hello().Boot &&
						m.Reason == statemachine.RefusedBoot
				})
			})
		}
		checkTraffic(t, []*node{a, b})
		if len(a.heard()) != 2 || len(b.heard()) != 2 {
			t.Errorf("%v, %v", a.heard(), b.heard())
		}
	}
}

// Goal: Close in the middle of everything ends everything. Method: dial storms
// and traffic while nodes close; goleak looks at the rest.
func TestCloseDuringAStorm(t *testing.T) {
	t.Parallel()
	nodes := make([]*node, 4)
	for i := range nodes {
		nodes[i] = start(t, setup{id: i + 1})
	}
	var wg sync.WaitGroup
	wg.Go(func() { storm(nodes, 20) })
	nodes[0].wait("a first peer", func() bool { return nodes[0].ups > 0 })
	for _, n := range nodes {
		for _, p := range nodes {
			n.Send(p.id, statemachine.ClassBulk, statemachine.Ack{})
		}
	}
	for _, n := range nodes {
		wg.Go(n.stop)
	}
	wg.Wait()
}
