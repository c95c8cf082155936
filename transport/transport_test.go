package transport

import (
	"bytes"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kvs/statemachine"
)

// Goal: what is sent on any class arrives once, in order within its class.
// Method: two nodes, numbered messages both ways on all classes.
func TestMessagesArriveInOrderOnEveryClass(t *testing.T) {
	t.Parallel()
	const each = 200
	a, b := open(t, setup{id: 1}), open(t, setup{id: 2})
	connect(a, b)
	for i := range uint64(each) {
		for class := range statemachine.ClassCount {
			m := statemachine.Compare{Round: uint64(class)<<32 | i}
			a.Send(b.id, class, m)
			b.Send(a.id, class, m)
		}
	}
	for _, n := range []*node{a, b} {
		n.wait("messages", func() bool {
			return len(n.received(statemachine.KindCompare)) == each*int(statemachine.ClassCount)
		})
		var next [statemachine.ClassCount]uint64
		for _, m := range n.received(statemachine.KindCompare) {
			round := m.(statemachine.Compare).Round
			class := round >> 32
			if round&0xffffffff != next[class] {
				t.Fatalf("class %d: got %d, want %d", class, round&0xffffffff, next[class])
			}
			next[class]++
		}
		// A sender counts when its write returns, which may be after the arrival.
		eventually(t, "the counts", func() bool {
			s := n.Stats()
			return s.Peers == 1 && s.SentFrames[1] == each && s.ReceivedFrames[2] == each
		})
	}
}

// Goal: a Hello that follows later is delivered, and one for another replica
// ends the connection.
func TestLaterHelloIsDelivered(t *testing.T) {
	t.Parallel()
	a, b := open(t, setup{id: 1}), open(t, setup{id: 2})
	connect(a, b)
	h := testHello(a.id, 0)
	h.Member.Addr = "new:1"
	a.Send(b.id, statemachine.ClassControl, h)
	b.wait("second Hello", func() bool { return len(b.received(statemachine.KindHello)) == 1 })
	a.Send(b.id, statemachine.ClassControl, testHello(replica(9), 0))
	b.waitDown(a)
	a.waitDown(b)
}

// Goal: the largest frame passes; one beyond the bound is dropped at its
// sender, counted, and costs nothing else.
func TestLargestFramePassesAndLargerIsDropped(t *testing.T) {
	t.Parallel()
	a, b := open(t, setup{id: 1}), open(t, setup{id: 2})
	connect(a, b)
	a.Send(b.id, statemachine.ClassBulk, statemachine.Delta{Entries: make([]statemachine.Entry, 1025)})
	large := testEntry(1, "k", bytes.Repeat([]byte{7}, 1<<20))
	a.Send(b.id, statemachine.ClassBulk, statemachine.Delta{Entries: []statemachine.Entry{large}})
	b.wait("large entry", func() bool { return len(b.received(statemachine.KindDelta)) == 1 })
	// The sender counts when its write returns, which may be after the arrival.
	b.wait("the count of what was sent", func() bool {
		return a.Stats().SentFrames[statemachine.ClassBulk] == 1
	})
	if s := a.Stats(); s.DroppedEncode != 1 {
		t.Errorf("stats: %+v", s)
	}
}

// Goal: Send never blocks; while the receiver is stuck, the queue fills, drops
// are counted, other classes still flow, and all goes on afterwards.
func TestStuckReceiverCausesDropsOnItsClassAlone(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	a := open(t, setup{id: 1})
	b := open(t, setup{id: 2, hook: func(in statemachine.Input) {
		if r, ok := in.(statemachine.Received); ok && r.Msg.Kind() != statemachine.KindTable {
			<-release
		}
	}})
	connect(a, b)
	entry := testEntry(1, "k", bytes.Repeat([]byte{7}, 200<<10))
	push := statemachine.Push{Entries: []statemachine.Entry{entry}}
	for range 200 { // 40 MB, far more than queue and windows
		a.Send(b.id, statemachine.ClassPush, push)
		a.Send(b.id, statemachine.ClassBulk, statemachine.Items{Entries: push.Entries})
	}
	dropped := a.Stats().DroppedFull
	if dropped[statemachine.ClassPush] == 0 || dropped[statemachine.ClassBulk] == 0 {
		t.Errorf("nothing was dropped: %+v", a.Stats())
	}
	a.Send(b.id, statemachine.ClassControl, statemachine.Table{})
	b.wait("control beside stuck bulk", func() bool {
		return len(b.received(statemachine.KindTable)) == 1
	})
	close(release)
	want := 200 - int(dropped[statemachine.ClassPush])
	b.wait("what was queued", func() bool {
		return len(b.received(statemachine.KindPush)) == want
	})
	if got := a.Stats().DroppedFull; got != dropped {
		t.Errorf("dropped %v, then %v", dropped, got)
	}
}

// Goal: sending to nobody is counted; Disconnect reaches the peer with words.
func TestDisconnectEndsTheConnectionOnBothSides(t *testing.T) {
	t.Parallel()
	a, b := open(t, setup{id: 1}), open(t, setup{id: 2})
	a.Send(b.id, statemachine.ClassControl, statemachine.Table{})
	if a.Stats().DroppedDown != 1 {
		t.Errorf("stats: %+v", a.Stats())
	}
	connect(a, b)
	a.Disconnect(b.id, statemachine.RefusedCluster)
	a.waitDown(b)
	b.waitDown(a)
	connect(b, a) // nothing is held against the peer
}

// Goal: protocol ranges that do not overlap refuse each other; a newer peer
// whose range overlaps is taken.
func TestProtocolRangesMustOverlap(t *testing.T) {
	t.Parallel()
	a := open(t, setup{id: 1})
	far := open(t, setup{id: 2, hello: func(h *statemachine.Hello) {
		h.ProtocolMin, h.ProtocolMax = 7, 9
	}})
	newer := open(t, setup{id: 3, hello: func(h *statemachine.Hello) { h.ProtocolMax = 9 }})
	far.Dial(a.Addr().String())
	eventually(t, "refusal", func() bool { return a.Stats().Refused+far.Stats().Refused == 2 })
	connect(newer, a)
	if len(far.heard()) != 0 || countUps([]*node{a}) != 1 {
		t.Errorf("the refused peer was seen: %v, %v", far.heard(), a.heard())
	}
}

// Goal: errors at start name what to change.
func TestListenErrorsNameTheSetting(t *testing.T) {
	t.Parallel()
	a := open(t, setup{id: 1})
	_, port, err := net.SplitHostPort(a.Addr().String())
	must(t, err)
	for listen, want := range map[string]string{
		"127.0.0.1:" + port: "UDP port " + port,
		"0.0.0.0:0":         "cluster_secret",
		":0":                "cluster_secret",
		"no port":           "no port",
	} {
		tr, err := Listen(Options{Listen: listen})
		if err == nil {
			must(t, tr.Close())
			t.Errorf("%q: no error", listen)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", listen, err, want)
		}
	}
}

// Goal: the exported constructor works, without a secret and on IPv6 where
// there is any, and host names resolve.
func TestDevelopmentIdentityConnectsOnLoopback(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost"} {
		up := make(chan statemachine.Input, 8)
		options := func(id int) Options {
			return Options{
				Listen: host + ":0", Replica: replica(id),
				Hello:   func() statemachine.Hello { return testHello(replica(id), 1) },
				Deliver: func(in statemachine.Input) { up <- in },
			}
		}
		a, err := Listen(options(1))
		if err != nil && host == "[::1]" {
			continue // no IPv6 here
		}
		must(t, err)
		b, err := Listen(options(2))
		must(t, err)
		a.Dial("192.0.2.1:9") // fenced in: fails without a packet
		a.Dial(host + ":" + strconv.Itoa(b.Addr().(*net.UDPAddr).Port))
		for ups := 0; ups < 2; {
			switch in := (<-up).(type) {
			case statemachine.PeerUp:
				ups++
			case statemachine.Reached:
			default:
				t.Errorf("%s: %v", host, in)
			}
		}
		must(t, a.Close())
		must(t, b.Close())
		if s := a.Stats(); s.DialsFailed != 1 {
			t.Errorf("%s: %+v", host, s)
		}
	}
}

// Goal: a node that dials itself learns that it did, and nothing else happens.
func TestSelfDialIsIgnored(t *testing.T) {
	t.Parallel()
	a, b := open(t, setup{id: 1}), open(t, setup{id: 2})
	a.Dial(a.Addr().String())
	connect(a, b)
	eventually(t, "end of the dial", func() bool {
		a.dials.mu.Lock()
		defer a.dials.mu.Unlock()
		return len(a.dials.pending) == 0
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	self := statemachine.Reached{Addr: a.Addr().String(), Peer: a.id}
	if a.ups != 1 || a.Stats().Refused != 0 || !slices.Contains(a.reached, self) {
		t.Errorf("%v %v %+v", a.inputs, a.reached, a.Stats())
	}
}

// Goal: attempts to one address are made one at a time, and their number is
// bounded. Method: an address where nobody answers.
func TestDialsAreCoalescedAndBounded(t *testing.T) {
	t.Parallel()
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	must(t, err)
	defer silent.Close()
	a := open(t, setup{id: 1})
	for range 10 {
		a.Dial(silent.LocalAddr().String())
	}
	if s := a.Stats(); s.DialsDropped != 9 {
		t.Errorf("%+v", s)
	}
	for i := range 100 {
		a.Dial("127.0.0.1:" + strconv.Itoa(i+1))
	}
	if s := a.Stats(); s.DialsDropped != 9+100-(dialsMax-1) {
		t.Errorf("%+v", s)
	}
}
