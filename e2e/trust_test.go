package e2e

import (
	"strings"
	"testing"
	"time"
)

// apart is how long two nodes that must not meet are watched, beyond what the
// first refusal took.
const apart = time.Second

// checkStrangers sees that two nodes, pointed to each other, do not meet: each
// lists itself alone, and a value stays where it was put.
func checkStrangers(t *testing.T, a, b *node) {
	t.Helper()
	a.put("from/a", "1")
	b.put("from/b", "2")
	always(t, apart, "the two do not know each other", func() bool {
		return len(a.members()) == 1 && len(b.members()) == 1 && a.lacks("from/b") && b.lacks("from/a")
	})
	if !a.shows("from/a", "1") || !b.shows("from/b", "2") {
		t.Error("a node lost its own value")
	}
}

// TestOtherSecretDoesNotJoin points a node to another whose cluster_secret
// differs. The secret must not show in the log.
func TestOtherSecretDoesNotJoin(t *testing.T) {
	const secretA, secretB = "correct-horse-battery", "staple-of-another-kind"
	a, b := newNode(t, "a"), newNode(t, "b")
	a.configure(settings("a", a.port, seeds(b), "cluster_secret: "+secretA))
	b.configure(settings("b", b.port, seeds(a), "cluster_secret: "+secretB))
	a.start()
	b.start()
	took := eventually(t, 5*time.Second, "both logs speak of cluster_secret", func() bool {
		return a.stderr.has("cluster_secret") && b.stderr.has("cluster_secret")
	})
	t.Logf("both logs told of it after %v", took.Round(time.Millisecond))
	checkStrangers(t, a, b)
	for _, n := range []*node{a, b} {
		if log := n.stderr.String(); strings.Contains(log, secretA) || strings.Contains(log, secretB) {
			t.Errorf("%s logs a secret", n.name)
		}
	}
}

// TestSameSecretJoins is the other half: a secret does not keep out its own.
func TestSameSecretJoins(t *testing.T) {
	nodes := startCluster(t, 2, "cluster_secret: known-to-both")
	nodes[0].put("a", "1")
	eventually(t, visibleWithin, "the other has it", func() bool { return nodes[1].shows("a", "1") })
}

// TestMissingSecretDoesNotJoin points a node without a secret to one with it.
func TestMissingSecretDoesNotJoin(t *testing.T) {
	a := start(t, "a", "cluster_secret: only-a-has-it")
	b := start(t, "b", seeds(a))
	eventually(t, 5*time.Second, "a log speaks of cluster_secret", func() bool {
		return a.stderr.has("cluster_secret") || b.stderr.has("cluster_secret")
	})
	checkStrangers(t, a, b)
}

// TestOtherClusterIsRefused founds two clusters apart and then points one to the
// other: they must not merge.
func TestOtherClusterIsRefused(t *testing.T) {
	a, b := start(t, "a"), start(t, "b")
	if a.health().Cluster == b.health().Cluster {
		t.Fatalf("two clusters have one id: %+v", a.health())
	}
	b.stop()
	b.configure(settings("b", b.port, seeds(a)))
	b.start()
	took := eventually(t, 5*time.Second, "both logs tell of another cluster", func() bool {
		return a.stderr.has("other cluster") && b.stderr.has("other cluster")
	})
	t.Logf("both logs told of it after %v", took.Round(time.Millisecond))
	checkStrangers(t, a, b)
}
