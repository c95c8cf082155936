package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// rejoinsWithin bounds how long a node takes to start over and be equal again.
const rejoinsWithin = 30 * time.Second

// replica is the identity that a node says it has, "" if it cannot answer now.
func (n *node) replica() string {
	var s struct {
		Replica string `json:"replica"`
	}
	if !n.fetch("/sync/status", &s) {
		return ""
	}
	return s.Replica
}

// tombstones says how many deletes a node remembers, and false if it cannot
// answer now.
func (n *node) tombstones() (count int, ok bool) {
	var s struct {
		Collection struct {
			Tombstones int `json:"tombstones"`
		} `json:"collection"`
	}
	ok = n.fetch("/sync/status", &s)
	return s.Collection.Tombstones, ok
}

func (n *node) dataDir() string { return filepath.Join(n.dir, "data-"+n.name) }

// copyData copies the data of a node that does not run.
func (n *node) copyData(to string) {
	n.t.Helper()
	n.must(copyDir(to, n.dataDir()))
}

// awaitTogether waits until all nodes take writes, list each other alone, and
// are equal.
func awaitTogether(t *testing.T, nodes []*node) (time.Duration, map[string]item) {
	t.Helper()
	began := time.Now()
	defer func() {
		if t.Failed() {
			for _, n := range nodes {
				t.Logf("%s: root %s, %+v", n.name, n.root(), n.members())
			}
		}
	}()
	eventually(t, rejoinsWithin, "all are together", func() bool {
		return allSee(nodes, len(nodes), isWell) && allReady(nodes) && sameRoot(nodes)
	})
	_, data := awaitEqual(t, nodes, rejoinsWithin)
	return time.Since(began), data
}

// TestForgottenLiveNodeComesBack forgets a node that lives, while it cannot hear
// of it and has writes that nobody has seen. Once it hears it comes back by
// itself, as a new replica and in the same process, and its writes with it.
func TestForgottenLiveNodeComesBack(t *testing.T) {
	long(t)
	nodes := startCluster(t, 3, "log_level: debug")
	a, b, c := nodes[0], nodes[1], nodes[2]
	c.put("before", "1")
	awaitEqual(t, nodes, 5*time.Second)
	old := c.replica()
	leaveAlone(t, c, a, b)
	each(t, 100, func(i int) error { return c.write(fmt.Sprintf("unseen/%d", i), "2") })
	c.pause()
	a.resume()
	b.resume()
	a.wants(0, "forgotten: "+c.name, "cluster", "forget", c.name, "--yes")
	a.del("before")
	eventually(t, 10*time.Second, "nobody lists it", func() bool { return without(nodes[:2], c.name) })
	c.resume()
	took, data := awaitTogether(t, nodes)
	t.Logf("back %v after it could hear of it", took.Round(time.Millisecond))
	if now := c.replica(); now == old || now == "" {
		t.Errorf("replica %q, was %q", now, old)
	}
	if _, found := data["before"]; found || len(data) != 100 {
		t.Errorf("%d keys, want the 100 that nobody had seen", len(data))
	}
}

// TestForgottenWhileConnected forgets a node that hears of it at once.
func TestForgottenWhileConnected(t *testing.T) {
	long(t)
	nodes := startCluster(t, 3)
	a, c := nodes[0], nodes[2]
	c.put("of c", "1")
	old := c.replica()
	a.wants(0, "forgotten: "+c.name, "cluster", "forget", c.name, "--yes")
	eventually(t, rejoinsWithin, "it has another replica", func() bool {
		now := c.replica()
		return now != old && now != ""
	})
	if _, data := awaitTogether(t, nodes); len(data) != 1 {
		t.Errorf("%d keys, want 1", len(data))
	}
}

// TestLeftNodeJoinsAgain starts a node again that has left: it joins as a new
// replica.
func TestLeftNodeJoinsAgain(t *testing.T) {
	long(t)
	nodes := startCluster(t, 3)
	a, b := nodes[0], nodes[1]
	each(t, 200, func(i int) error { return b.write(fmt.Sprintf("k%d", i), "1") })
	old := b.replica()
	b.wants(0, "all its writes are on", "leave", "--yes")
	b.stop()
	a.put("meanwhile", "2")
	a.del("k0")
	b.start()
	took, data := awaitTogether(t, nodes)
	t.Logf("joined again in %v", took.Round(time.Millisecond))
	if _, found := data["k0"]; found || len(data) != 200 {
		t.Errorf("%d keys, k0 is there: %v; want 200 without it", len(data), found)
	}
	if now := b.replica(); now == old || now == "" {
		t.Errorf("replica %q, was %q", now, old)
	}
}

// collectsSoon are lines for nodes that forget deletes as soon as they may.
const collectsSoon = "tombstone_min_retention: 1s"

// TestOldCopyOfADirectory puts an old copy of its directory in the place of a
// node's. Since the copy was made the node has written on, and records of the
// copy were deleted and their deletes forgotten. It must end equal, with nothing
// back that was deleted.
func TestOldCopyOfADirectory(t *testing.T) {
	long(t)
	nodes := startCluster(t, 3, collectsSoon)
	a, c := nodes[0], nodes[2]
	each(t, 300, func(i int) error { return nodes[i%3].write(fmt.Sprintf("k%d", i), "1") })
	awaitEqual(t, nodes, 5*time.Second)
	c.stop()
	aside := filepath.Join(t.TempDir(), "copy")
	c.copyData(aside)
	c.start()
	c.put("after", "2")
	each(t, 100, func(i int) error { return nodes[i%2*2].remove(fmt.Sprintf("k%d", i)) })
	each(t, 50, func(i int) error { return c.write(fmt.Sprintf("k%d", 100+i), "2") })
	awaitEqual(t, nodes, 10*time.Second)
	took := eventually(t, 90*time.Second, "all deletes are forgotten", func() bool {
		for _, n := range nodes {
			if left, ok := n.tombstones(); !ok || left > 0 {
				return false
			}
		}
		return true
	})
	t.Logf("deletes forgotten in %v", took.Round(time.Millisecond))
	old := c.replica()
	c.stop()
	c.must(os.RemoveAll(c.dataDir()))
	c.must(copyDir(c.dataDir(), aside))
	c.start()
	took = eventually(t, rejoinsWithin, "it starts over", func() bool {
		return c.replica() != old && c.replica() != "" && allReady(nodes) && sameRoot(nodes)
	})
	t.Logf("equal after %v", took.Round(time.Millisecond))
	// Nobody can know that no other process goes on under the old identity.
	a.wants(0, "forgotten", "cluster", "forget", old, "--yes")
	_, data := awaitTogether(t, nodes)
	if len(data) != 201 {
		t.Errorf("%d keys, want 201", len(data))
	}
	for i := range 300 {
		want, deleted := "1", i < 100
		if i >= 100 && i < 150 {
			want = "2"
		}
		got, found := data[fmt.Sprintf("k%d", i)]
		if found == deleted || found && string(got.Data) != want {
			t.Fatalf("k%d is %s (%v), want %s", i, got.Data, found, want)
		}
	}
	a.put("last", "3")
	c.put("last of c", "3")
	if _, data := awaitEqual(t, nodes, 10*time.Second); len(data) != 203 {
		t.Errorf("%d keys, want 203", len(data))
	}
}

// TestCloneOfADirectory starts a second node on a copy of another's directory,
// while the first runs on. Both write. All must end equal, under different
// replicas.
func TestCloneOfADirectory(t *testing.T) {
	long(t)
	nodes := startCluster(t, 3)
	a, c := nodes[0], nodes[2]
	each(t, 200, func(i int) error { return nodes[i%3].write(fmt.Sprintf("k%d", i), "1") })
	awaitEqual(t, nodes, 5*time.Second)
	c.stop()
	clone := newNode(t, "clone", seeds(a))
	c.copyData(clone.dataDir())
	c.start()
	clone.start()
	nodes = append(nodes, clone)
	eventually(t, rejoinsWithin, "both take writes", func() bool {
		return c.write("of c", "1") == nil && clone.write("of the clone", "1") == nil
	})
	took, data := awaitTogether(t, nodes)
	t.Logf("together in %v", took.Round(time.Millisecond))
	if len(data) != 202 {
		t.Errorf("%d keys, want 202", len(data))
	}
	if x, y := c.replica(), clone.replica(); x == y || x == "" || y == "" {
		t.Errorf("replicas %q and %q", x, y)
	}
}

// copyDir copies a directory as an operator does, modes included: a secret stays one.
func copyDir(to, from string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return err
	}
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.Chmod(filepath.Join(to, strings.TrimPrefix(path, from)), info.Mode().Perm())
	})
}
