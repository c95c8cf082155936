package e2e

import (
	"fmt"
	"testing"
	"time"
)

// TestPartitionHealsToTheNewest cuts c off from a and b by stopping processes,
// writes and deletes on both sides, first on c, then on a, then on c again, and
// heals. All nodes must hold the newest of each key, and no deleted key.
//
// A stopped process still receives: what is sent to it waits in its socket. So c
// writes only after it has given up its connections, and never runs together
// with a and b until the heal.
func TestPartitionHealsToTheNewest(t *testing.T) {
	long(t)
	nodes := startCluster(t, 3, "log_level: debug")
	a, b, c := nodes[0], nodes[1], nodes[2]
	const keys = 20
	each(t, keys*len(partitionCases()), func(i int) error { return a.write(partitionKey(i), `"old"`) })
	awaitEqual(t, nodes, 5*time.Second)

	leaveAlone(t, c, a, b)
	partitionWrites(t, c, keys, func(pc partitionCase) string { return pc.first })
	c.pause()
	a.resume()
	b.resume()
	partitionWrites(t, a, keys, func(pc partitionCase) string { return pc.second })
	eventually(t, 10*time.Second, "a and b are equal", func() bool { return sameRoot(nodes[:2]) })
	a.pause()
	b.pause()
	c.resume()
	checkSides(t, c, keys)
	partitionWrites(t, c, keys, func(pc partitionCase) string { return pc.third })

	a.resume()
	b.resume()
	took, data := awaitEqual(t, nodes, 10*time.Second)
	t.Logf("equal %v after the heal", took.Round(time.Millisecond))
	checkNewest(t, data, keys)
}

// partitionCase is what happens to some keys, in the order of time. A word is
// put, "delete" deletes, and "" leaves the key alone.
type partitionCase struct {
	first  string // on c
	second string // on a
	third  string // on c
	want   string // "" for absent
}

func partitionCases() []partitionCase {
	return []partitionCase{
		{want: "old"},
		{first: "c", want: "c"},
		{second: "a", want: "a"},
		{first: "c", second: "a", want: "a"},
		{second: "a", third: "c", want: "c"},
		{first: "delete"},
		{second: "delete"},
		{first: "c", second: "delete"},
		{second: "a", third: "delete"},
		{first: "delete", second: "a", want: "a"},
		{second: "delete", third: "c", want: "c"},
		{first: "delete", second: "delete"},
		{first: "c", second: "a", third: "c2", want: "c2"},
	}
}

func partitionKey(i int) string {
	return fmt.Sprintf("case%02d/key%02d", i%len(partitionCases()), i/len(partitionCases()))
}

// leaveAlone stops the others and waits until n has given up on them.
func leaveAlone(t *testing.T, n *node, others ...*node) {
	t.Helper()
	for _, o := range others {
		o.pause()
	}
	before := countLines(n, "connection ended")
	took := eventually(t, 10*time.Second, n.name+" gives up its connections", func() bool {
		return countLines(n, "connection ended") >= before+len(others)
	})
	t.Logf("%s noticed after %v", n.name, took.Round(time.Millisecond))
}

func partitionWrites(t *testing.T, n *node, keys int, op func(partitionCase) string) {
	t.Helper()
	cases := partitionCases()
	each(t, keys*len(cases), func(i int) error {
		switch what := op(cases[i%len(cases)]); what {
		case "":
			return nil
		case "delete":
			return n.remove(partitionKey(i))
		default:
			return n.write(partitionKey(i), fmt.Sprintf("%q", what))
		}
	})
}

// checkSides makes sure that the partition is one: c, alone again, must not know
// what a wrote.
func checkSides(t *testing.T, c *node, keys int) {
	t.Helper()
	for i := range keys * len(partitionCases()) {
		pc := partitionCases()[i%len(partitionCases())]
		want, found := pc.first, pc.first != "delete"
		if want == "" {
			want = "old"
		}
		value, has := c.get(partitionKey(i))
		if has != found || has && value != fmt.Sprintf("%q", want) {
			t.Fatalf("the partition leaks: %s is %s on c", partitionKey(i), value)
		}
	}
}

func checkNewest(t *testing.T, data map[string]item, keys int) {
	t.Helper()
	for i := range keys * len(partitionCases()) {
		pc := partitionCases()[i%len(partitionCases())]
		got, has := data[partitionKey(i)]
		if has != (pc.want != "") || has && string(got.Data) != fmt.Sprintf("%q", pc.want) {
			t.Errorf("%s of %+v is %s", partitionKey(i), pc, got.Data)
		}
	}
}
