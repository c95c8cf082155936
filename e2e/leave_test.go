package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// refusesAs says that the node refuses a write with this problem.
func (n *node) refusesAs(status int, slug string) {
	n.t.Helper()
	a, err := request(http.MethodPut, n.url("/kv/refused"), []byte("1"))
	n.must(err)
	if p := a.problem(n.t); a.status != status || p.Code != slug {
		n.t.Fatalf("%s: a write: %s, want %d %s", n.name, a, status, slug)
	}
}

// without says that none of the nodes lists a member any more.
func without(nodes []*node, name string) bool {
	for _, n := range nodes {
		rows := n.members()
		if len(rows) == 0 {
			return false
		}
		for _, m := range rows {
			if m.ID == name {
				return false
			}
		}
	}
	return true
}

// TestLeaveHandsEverythingOn lets one of three nodes leave right after writes:
// the others have them all and list it no more; the node itself goes on to
// answer reads, and refuses writes for good.
func TestLeaveHandsEverythingOn(t *testing.T) {
	long(t)
	nodes := startCluster(t, 3)
	stay, b := []*node{nodes[0], nodes[2]}, nodes[1]
	each(t, 500, func(i int) error { return b.write(fmt.Sprintf("k%d", i), "1") })
	b.wants(2, "--yes", "leave")
	b.put("last", "2")
	b.wants(0, "all its writes are on", "leave", "--all", "--yes")
	for _, n := range stay {
		if !n.shows("last", "2") {
			t.Errorf("%s lacks the last write of a node that has drained to all", n.name)
		}
	}
	b.refusesAs(http.StatusServiceUnavailable, "leaving")
	if h := b.health(); h.Mode != "leaving" || !b.shows("last", "2") {
		t.Errorf("after leaving: %+v", h)
	}
	eventually(t, 10*time.Second, "the others list it no more", func() bool { return without(stay, b.name) })
	always(t, 3*time.Second, "it stays away", func() bool { return without(stay, b.name) })
	if _, data := awaitEqual(t, stay, 5*time.Second); len(data) != 501 {
		t.Errorf("%d keys, want 501", len(data))
	}
	stay[0].wants(0, "2 nodes", "sync", "wait", "--timeout", "20s")
}

// TestLeaveThatCannotDrain lets a node leave while nobody is there to take its
// last write: it says so in time and goes on as before, and with force it leaves.
func TestLeaveThatCannotDrain(t *testing.T) {
	long(t)
	nodes := startCluster(t, 2)
	a, b := nodes[0], nodes[1]
	a.pause()
	b.put("alone", "1")
	b.wants(exitUnreachable, "did not happen in time", "leave", "--yes")
	b.put("alone", "2")
	if h := b.health(); h.Mode != "normal" {
		t.Errorf("after a leave that failed: %+v", h)
	}
	b.wants(0, "no other member", "leave", "--force", "--yes")
	b.refusesAs(http.StatusServiceUnavailable, "leaving")
	a.resume()
}

// TestForgetDeadMember forgets a node that was killed: nobody lists it any more.
// When it comes back all the same, it joins as a new one.
func TestForgetDeadMember(t *testing.T) {
	long(t)
	nodes := startCluster(t, 3)
	stay, c := nodes[:2], nodes[2]
	c.put("of c", "1")
	awaitEqual(t, nodes, 5*time.Second)
	c.kill()
	a := stay[0]
	a.put("meanwhile", "2")
	a.wants(exitNotFound, "no member", "cluster", "forget", "nobody", "--yes")
	a.wants(exitConflict, "this node", "cluster", "forget", a.name, "--yes")
	a.wants(0, "forgotten: "+c.name, "cluster", "forget", c.name, "--yes")
	eventually(t, 10*time.Second, "nobody lists it", func() bool { return without(stay, c.name) })
	a.wants(0, "converged", "sync", "wait", "--timeout", "20s")
	c.start()
	eventually(t, 20*time.Second, "it is back as a new member", func() bool {
		return len(a.members()) == 3 && sameRoot(nodes) && c.health().Mode == "normal"
	})
	if !c.shows("meanwhile", "2") || !c.shows("of c", "1") {
		t.Error("it does not have all data")
	}
}
