package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// seedPort is the port of node1 in the three files; the others follow.
const seedPort = 8081

// seedFiles are node1.yaml to node3.yaml as the documentation of the cluster
// set-up shows them, but for auth_enabled.
func seedFiles() [3]string {
	return [3]string{`# node1.yaml
node_id: "node1"
port: 8081
seed_nodes: [] # First node, no seeds needed
auth_enabled: false
clustering_enabled: true
`, `# node2.yaml
node_id: "node2"
port: 8082
seed_nodes: ["127.0.0.1:8081"] # Points to node1
auth_enabled: false
clustering_enabled: true
`, `# node3.yaml
node_id: "node3"
port: 8083
seed_nodes: ["127.0.0.1:8081", "127.0.0.1:8082"] # Multiple seeds for reliability
auth_enabled: false
clustering_enabled: true
`}
}

// prepareSeedFiles writes the three files into one directory, with other ports
// if somebody has theirs.
func prepareSeedFiles(t *testing.T) []*node {
	t.Helper()
	dir, port := t.TempDir(), seedPort
	if allFree(port, 3) {
		t.Log("with the documented ports")
	} else {
		port = freePorts(t, 3)
		t.Logf("ports %d to %d are taken: with %d to %d", seedPort, seedPort+2, port, port+2)
	}
	var nodes []*node
	for i, text := range seedFiles() {
		for j := range 3 {
			text = strings.ReplaceAll(text, fmt.Sprint(seedPort+j), fmt.Sprint(port+j))
		}
		name := fmt.Sprintf("node%d", i+1)
		n := &node{t: t, name: name, dir: dir, file: name + ".yaml", port: port + i}
		n.configure(text + "rate_limiting_enabled: false # a test asks more often than people do\n")
		nodes = append(nodes, n)
	}
	return nodes
}

// TestDocumentedFilesFormACluster starts the documented files from one
// directory, in order and in the reverse order, one right after the other.
func TestDocumentedFilesFormACluster(t *testing.T) {
	orders := []struct {
		name  string
		order []int
	}{{"in order", []int{0, 1, 2}}, {"in reverse order", []int{2, 1, 0}}}
	for _, o := range orders {
		t.Run(o.name, func(t *testing.T) {
			nodes := prepareSeedFiles(t)
			began := time.Now()
			for _, i := range o.order {
				nodes[i].start()
			}
			awaitFormed(t, nodes)
			t.Logf("formed in %v", time.Since(began).Round(time.Millisecond))
			eventually(t, formsWithin, "the first node knows when each joined", func() bool {
				return !slices.ContainsFunc(nodes[0].members(), func(m member) bool { return m.Joined == 0 })
			})
			took := time.Since(began)
			t.Logf("complete in %v", took.Round(time.Millisecond))
			if took > formsWithin {
				t.Errorf("formed in %v, want %v", took, formsWithin)
			}
			checkMembers(t, nodes)
			for _, n := range nodes {
				if _, err := os.Stat(filepath.Join(n.dir, "data-"+n.name)); err != nil {
					t.Errorf("%s has no directory of its own: %v", n.name, err)
				}
			}
		})
	}
}

// checkMembers holds /members/ of the first node to the documented shape: four
// fields, in this order, first.
func checkMembers(t *testing.T, nodes []*node) {
	t.Helper()
	a, err := request(http.MethodGet, nodes[0].url("/members/"), nil)
	if err != nil || strings.Count(string(a.body), `{"id":"`) != len(nodes) {
		t.Fatalf("members: %s %v", a, err)
	}
	var rows []member
	if err := a.decode(&rows); err != nil {
		t.Fatalf("members: %s %v", a, err)
	}
	for _, n := range nodes {
		i := slices.IndexFunc(rows, func(m member) bool { return m.ID == n.name })
		if i < 0 {
			t.Fatalf("%s is not in %s", n.name, a)
		}
		m := rows[i]
		head := fmt.Sprintf(`{"id":%q,"address":%q,"last_seen":%d,"joined_timestamp":%d`,
			n.name, n.address(), m.Seen, m.Joined)
		if !strings.Contains(string(a.body), head) {
			t.Errorf("%s does not hold %s", a, head)
		}
		now := time.Now().UnixMilli()
		if now-m.Joined > 60_000 || now-m.Seen > 60_000 || m.Joined > now || m.Seen > now {
			t.Errorf("%s: joined %d, seen %d, now is %d", n.name, m.Joined, m.Seen, now)
		}
	}
}

// TestClusterReformsAfterFullStop stops all nodes and starts them again without
// any seeds: they must have remembered each other.
func TestClusterReformsAfterFullStop(t *testing.T) {
	nodes := startCluster(t, 3)
	for i, n := range nodes {
		n.put(fmt.Sprintf("before/%d", i), "1")
	}
	awaitEqual(t, nodes, 5*time.Second)
	for _, n := range nodes {
		n.stop()
		n.configure(settings(n.name, n.port, "seed_nodes: []"))
	}
	slices.Reverse(nodes)
	began := time.Now()
	for _, n := range nodes {
		n.start()
	}
	for i, n := range nodes {
		n.put(fmt.Sprintf("after/%d", i), "1")
	}
	_, data := awaitEqual(t, nodes, formsWithin)
	took := time.Since(began)
	t.Logf("re-formed and equal in %v", took.Round(time.Millisecond))
	if took > formsWithin {
		t.Errorf("re-formed in %v, want %v", took, formsWithin)
	}
	awaitFormed(t, nodes)
	if len(data) != 2*len(nodes) {
		t.Errorf("%d keys, want %d", len(data), 2*len(nodes))
	}
}

// TestPortMayChange gives a node another port between two starts: the others
// must find it, as it finds them.
func TestPortMayChange(t *testing.T) {
	nodes := startCluster(t, 3)
	moved := nodes[1]
	moved.stop()
	moved.port = freePorts(t, 1)
	moved.configure(settings(moved.name, moved.port, "seed_nodes: []"))
	moved.start()
	moved.put("from/the/new/port", "1")
	awaitEqual(t, nodes, 5*time.Second)
	eventually(t, formsWithin, "the others list the new address", func() bool {
		return fmt.Sprint(addresses(nodes[0])) == fmt.Sprint(addresses(moved))
	})
}

// addresses are where a node's members are, by name.
func addresses(n *node) map[string]string {
	out := map[string]string{}
	for _, m := range n.members() {
		out[m.ID] = m.Address
	}
	return out
}
