package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// suspectWithin is how long a node that was killed may pass for reachable.
const suspectWithin = 5 * time.Second

// sees says that a node lists exactly these members, and that each of them is as
// wanted.
func (n *node) sees(count int, wanted func(member) bool) bool {
	rows := n.members()
	return len(rows) == count && !slices.ContainsFunc(rows, func(m member) bool { return !wanted(m) })
}

func isWell(m member) bool { return m.State == "alive" && m.Reach == "reachable" }

// allSee says that every node sees the members as wanted.
func allSee(nodes []*node, count int, wanted func(member) bool) bool {
	return !slices.ContainsFunc(nodes, func(n *node) bool { return !n.sees(count, wanted) })
}

// allReady says that every node takes writes.
func allReady(nodes []*node) bool {
	return !slices.ContainsFunc(nodes, func(n *node) bool {
		var h health
		return !n.fetch("/health", &h) || h.Mode != "normal"
	})
}

// TestTenNodes launches ten nodes at once, nine with the first as their seed, and
// then kills one. Measured: until all list all as alive and reachable, with equal
// roots, and take writes; until the killed one is suspect everywhere, failed, and listed no more.
func TestTenNodes(t *testing.T) {
	long(t)
	const count, failed, removed = 10, 8 * time.Second, 12 * time.Second
	short := []string{"failed_after_s: 8", "removed_after_s: 12"}
	nodes := []*node{newNode(t, "n1", short...)}
	for i := 2; i <= count; i++ {
		nodes = append(nodes, newNode(t, fmt.Sprintf("n%d", i), append(short, seeds(nodes[0]))...))
	}
	began := time.Now()
	for _, n := range nodes {
		n.launch()
	}
	for _, n := range nodes {
		n.awaitServing()
	}
	eventually(t, formsWithin, "all list all", func() bool {
		return allSee(nodes, count, isWell) && allReady(nodes) && sameRoot(nodes)
	})
	formed := time.Since(began)
	if formed > formsWithin {
		t.Errorf("formed in %v, want %v", formed, formsWithin)
	}
	for i, n := range nodes {
		n.put(fmt.Sprintf("of/%d", i), "1")
	}
	equal, data := awaitEqual(t, nodes, 5*time.Second)
	if len(data) != count {
		t.Errorf("%d keys, want %d", len(data), count)
	}

	dead, rest := nodes[3], slices.Delete(slices.Clone(nodes), 3, 4)
	dead.kill()
	killed := time.Now()
	suspect := eventually(t, suspectWithin, "the killed one is suspect everywhere", func() bool {
		return allSee(rest, count, func(m member) bool { return m.ID != dead.name || !isWell(m) })
	})
	seen := map[string]bool{}
	eventually(t, failed+suspectWithin, "it has failed everywhere", func() bool {
		for _, n := range rest {
			if n.sees(count, func(m member) bool { return (m.ID == dead.name) == (m.State == "failed") }) {
				seen[n.name] = true
			}
		}
		return len(seen) == len(rest)
	})
	wasFailed := time.Since(killed)
	eventually(t, removed+4*suspectWithin-wasFailed, "nobody lists it", func() bool {
		return allSee(rest, count-1, func(m member) bool { return m.ID != dead.name && isWell(m) })
	})
	gone := time.Since(killed)
	if wasFailed < failed-time.Second || gone < removed-time.Second {
		t.Errorf("failed after %v and gone after %v, too early for %v and %v", wasFailed, gone, failed, removed)
	}
	t.Logf("formed in %v, ten writes equal in %v; killed: suspect after %v, failed after %v, gone after %v",
		formed.Round(time.Millisecond), equal.Round(time.Millisecond), suspect.Round(time.Millisecond),
		wasFailed.Round(time.Millisecond), gone.Round(time.Millisecond))
}
