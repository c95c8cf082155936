package e2e

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// formsWithin is how long a cluster on one machine may take to form.
const formsWithin = 5 * time.Second

// startCluster runs nodes that have formed a cluster. Every node but the first
// has the first as its seed. More are lines for every node's file.
func startCluster(t testing.TB, size int, more ...string) []*node {
	t.Helper()
	nodes := make([]*node, size)
	for i := range nodes {
		lines := more
		if i > 0 {
			lines = append([]string{seeds(nodes[0])}, more...)
		}
		nodes[i] = start(t, fmt.Sprintf("n%d", i+1), lines...)
	}
	awaitFormed(t, nodes)
	return nodes
}

// seeds is the setting that points a node to others.
func seeds(others ...*node) string {
	line := "seed_nodes: ["
	for i, n := range others {
		if i > 0 {
			line += ", "
		}
		line += fmt.Sprintf("%q", n.address())
	}
	return line + "]"
}

// awaitFormed waits until every node lists all of them, has joined and takes
// writes.
func awaitFormed(t testing.TB, nodes []*node) time.Duration {
	t.Helper()
	return eventually(t, formsWithin, "all nodes see each other", func() bool {
		for _, n := range nodes {
			h := n.health()
			if len(n.members()) != len(nodes) || !h.Joined || h.Mode == "syncing" {
				return false
			}
		}
		return true
	})
}

// sameRoot says that all nodes answer with one root.
func sameRoot(nodes []*node) bool {
	first := nodes[0].root()
	for _, n := range nodes[1:] {
		if n.root() != first {
			return false
		}
	}
	return first != ""
}

// awaitEqual waits for equal roots and then checks that the data is equal too,
// record by record. It returns how long the roots took, and the data.
func awaitEqual(
	t testing.TB, nodes []*node, within time.Duration,
) (took time.Duration, data map[string]item) {
	t.Helper()
	took = eventually(t, within, "roots are equal", func() bool { return sameRoot(nodes) })
	want := nodes[0].everything()
	for _, n := range nodes[1:] {
		checkEqual(t, n.name, n.everything(), want)
	}
	return took, want
}

func checkEqual(t testing.TB, name string, got, want map[string]item) {
	t.Helper()
	for key, w := range want {
		g, ok := got[key]
		if !ok || g.UUID != w.UUID || !bytes.Equal(g.Data, w.Data) {
			t.Fatalf("roots are equal, data is not: %s has %q as %s %s, another node has %s %s",
				name, key, g.UUID, g.Data, w.UUID, w.Data)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("roots are equal, data is not: %s has %d keys, another node has %d",
			name, len(got), len(want))
	}
}
