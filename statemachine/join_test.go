package statemachine_test

import (
	"testing"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

func seeded(addrs ...string) func(*statemachine.Config) {
	return func(c *statemachine.Config) { c.Seeds = addrs }
}

// TestNodeWithoutSeedsFoundsACluster: its first tick mints one, and asks nobody.
func TestNodeWithoutSeedsFoundsACluster(t *testing.T) {
	h := newHost(t, newStore('a'), nil)
	want(t, h.tick(0), "apply adoption")
	want(t, h.finish(), "ClusterChosen")
	if got := h.node.Status().Identity; got.Cluster != h.cfg.Mint.Cluster || got.Joined != epoch {
		t.Fatalf("joined %v at %d", got.Cluster, got.Joined)
	}
}

// TestNodeWithSeedsAsksThem: it dials, and founds nothing as long as one of
// them is out of reach, however long that lasts.
func TestNodeWithSeedsAsksThem(t *testing.T) {
	h := newHost(t, newStore('b'), seeded("a:1", "x:1"))
	want(t, h.tick(0), "dial a:1", "dial x:1")
	for range 1000 {
		for _, e := range h.tick(60) {
			if _, ok := e.(statemachine.Dial); !ok && !isTurn(e) {
				t.Fatalf("unexpected %s", brief(e))
			}
		}
	}
}

// isTurn says that an effect follows the clock: once a minute, in any case.
func isTurn(e statemachine.Effect) bool {
	a, ok := e.(statemachine.Apply)
	return ok && a.Batch.Turn
}

// TestJoinHandshake: the member hands over the cluster, the newcomer adopts it
// durably, says so, and both begin to replicate. One input at a time.
func TestJoinHandshake(t *testing.T) {
	a := member(t, 'a', nil)
	b := newHost(t, newStore('b'), seeded("a:1"))
	want(t, b.tick(0), "dial a:1")
	want(t, a.step(statemachine.PeerUp{Hello: b.node.Hello()}),
		"MemberChanged", "Welcome to b", "apply 1 members")
	want(t, b.step(statemachine.PeerUp{Hello: a.node.Hello()}), "MemberChanged", "apply 1 members")
	want(t, b.finish())
	boot := a.snap.Identity.Boot
	welcome := statemachine.Welcome{Cluster: cluster.Cluster, Digest: cluster.Digest}
	want(t, b.step(statemachine.Received{From: id('a'), Boot: boot, Msg: welcome}), "apply adoption")
	want(t, b.finish(), "ClusterChosen", "Hello to a", "Table 2 to a", "Digest to a",
		"CopyChanged")
	if got := b.node.Status().Identity; got.Joined <= epoch || got.Digest != cluster.Digest {
		t.Fatalf("b joined at %d, a at %d", got.Joined, epoch)
	}
	again := statemachine.Received{From: id('b'), Boot: b.snap.Identity.Boot, Msg: b.node.Hello()}
	want(t, a.step(again), "Table 2 to b", "Digest to b", "apply 1 members")
	a.settle()
	want(t, a.step(again))
}

// TestLostWelcomeIsRepeated: as long as the newcomer has not said that it is in,
// it is welcomed again every second, and left alone once it has.
func TestLostWelcomeIsRepeated(t *testing.T) {
	a, b := member(t, 'a', nil), newHost(t, newStore('b'), seeded("a:1"))
	w := newWire(t, a, b)
	lost := 0
	w.drop = func(p packet) bool {
		_, ok := p.msg.(statemachine.Welcome)
		if ok {
			lost++
		}
		return ok && lost <= 6
	}
	w.pass(1)
	w.connect('a', 'b')
	w.pass(2_000)
	if b.node.Status().Identity.Cluster == cluster.Cluster || lost < 3 {
		t.Fatalf("%d welcomes in 2 s", lost)
	}
	w.pass(3_000)
	if b.node.Status().Identity.Cluster != cluster.Cluster {
		t.Fatalf("not in after %d welcomes", lost)
	}
	if w.pass(3_000); lost != 7 {
		t.Fatalf("%d welcomes, 7 were enough", lost)
	}
	w.wantEqual()
}

// TestNodeThatWroteAloneBringsItsWrites: writes from before the join reach the
// cluster, under the join time that the node had by then.
func TestNodeThatWroteAloneBringsItsWrites(t *testing.T) {
	a, b := member(t, 'a', nil), newHost(t, newStore('b'), seeded("a:1"))
	w := newWire(t, a, b)
	w.pass(1)
	w.take(b, b.write(1, "early"))
	w.run()
	joined := b.node.Status().Identity.Joined
	w.connect('a', 'b')
	w.pass(3_000)
	if joined == 0 || b.node.Status().Identity.Joined != joined || a.has("early") != "of early" {
		t.Fatalf("joined %d, then %d; a has %q", joined, b.node.Status().Identity.Joined, a.has("early"))
	}
	w.wantEqual()
}

// TestSmallestOfSeededNodesFounds: nodes that only have each other as seeds
// agree on one cluster, that of the smallest identity.
func TestSmallestOfSeededNodesFounds(t *testing.T) {
	a := newHost(t, newStore('a'), seeded("b:1", "c:1"))
	b := newHost(t, newStore('b'), seeded("a:1", "c:1"))
	c := newHost(t, newStore('c'), seeded("a:1", "b:1"))
	w := newWire(t, a, b, c)
	w.pass(1)
	w.connect('b', 'c')
	w.pass(15_000)
	if (b.node.Status().Identity.Cluster != keyspace.ClusterID{}) {
		t.Fatal("a cluster was founded while a seed was out of reach")
	}
	w.connect('a', 'b')
	w.connect('a', 'c')
	w.pass(15_000)
	for _, h := range w.hosts {
		if got := h.node.Status().Identity.Cluster; got != a.cfg.Mint.Cluster {
			t.Fatalf("%c is in %v", h.name, got)
		}
	}
	w.wantEqual()
}

// TestOneElectorateFounds: whatever nodes have whom for seeds, and however they are
// connected while they decide, at most one founds a cluster; and one does where the
// seeds lead everybody to one group whose members lead to each other.
func TestOneElectorateFounds(t *testing.T) {
	for name, c := range map[string]struct {
		seeds   map[byte][]string
		links   []string
		founder byte // 0 nobody
	}{
		"each other":          {map[byte][]string{'a': {"b:1", "c:1"}, 'b': {"a:1", "c:1"}, 'c': {"a:1", "b:1"}}, []string{"ab", "ac", "bc"}, 'a'},
		"itself too":          {map[byte][]string{'a': {"a:1", "b:1"}, 'b': {"a:1", "b:1"}}, []string{"ab"}, 'a'},
		"itself alone":        {map[byte][]string{'a': {"a:1"}}, nil, 'a'},
		"a ring":              {map[byte][]string{'a': {"b:1"}, 'b': {"c:1"}, 'c': {"a:1"}}, []string{"ab", "ac", "bc"}, 'a'},
		"a star":              {map[byte][]string{'a': {"c:1"}, 'b': {"c:1"}, 'c': {"a:1", "b:1"}}, []string{"ab", "ac", "bc"}, 'a'},
		"guests of two":       {map[byte][]string{'a': {"c:1"}, 'b': {"d:1"}, 'c': {"d:1"}, 'd': {"c:1"}}, []string{"ac", "bd", "cd", "ab", "ad", "bc"}, 'c'},
		"two guests of one":   {map[byte][]string{'a': {"c:1"}, 'b': {"c:1"}, 'c': {"d:1"}, 'd': {"c:1"}}, []string{"ac", "bc"}, 0},
		"a seed of one's own": {map[byte][]string{'a': {"b:1", "x:1"}, 'b': {"a:1"}}, []string{"ab"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var hosts []*host
			for _, id := range []byte("abcd") {
				if c.seeds[id] != nil {
					hosts = append(hosts, newHost(t, newStore(id), seeded(c.seeds[id]...)))
				}
			}
			w := newWire(t, hosts...)
			w.pass(1)
			for _, l := range c.links {
				w.connect(l[0], l[1])
			}
			w.pass(30_000)
			for _, h := range hosts {
				got := h.node.Status().Identity.Cluster
				switch {
				case c.founder == 0 && got != keyspace.ClusterID{}:
					t.Errorf("%c is in %v", h.name, got)
				case c.founder != 0 && got != w.host(c.founder).cfg.Mint.Cluster:
					t.Errorf("%c is in %v, not that of %c", h.name, got, c.founder)
				}
			}
		})
	}
}
