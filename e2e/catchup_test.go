package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestNodeCatchesUpAfterAbsence stops one node of three, changes 10,000 keys and
// deletes 1,000 on the others, and measures from the start of its process until
// its data is the others'.
func TestNodeCatchesUpAfterAbsence(t *testing.T) {
	long(t)
	const changed, deleted, untouched = 10_000, 1_000, 500
	nodes := startCluster(t, 3)
	key := func(i int) string { return fmt.Sprintf("site/%02d/%05d", i%17, i) }
	value := func(word string, i int) string {
		return fmt.Sprintf(`{"n":%d,"is":%q,"pad":%q}`, i, word, strings.Repeat("x", 80))
	}
	began := time.Now()
	each(t, changed+deleted+untouched, func(i int) error {
		return nodes[i%3].write(key(i), value("old", i))
	})
	t.Logf("%d puts in %v", changed+deleted+untouched, time.Since(began).Round(time.Millisecond))
	awaitEqual(t, nodes, 10*time.Second)

	away := nodes[2]
	away.stop()
	each(t, changed+deleted, func(i int) error {
		if i >= changed {
			return nodes[i%2].remove(key(i))
		}
		return nodes[i%2].write(key(i), value("new", i))
	})
	eventually(t, 10*time.Second, "the two are equal", func() bool { return sameRoot(nodes[:2]) })

	began = time.Now()
	away.start()
	_, data := awaitEqual(t, nodes, 10*time.Second)
	took := time.Since(began)
	t.Logf("caught up with %d changes in %v, its start and a full comparison included",
		changed+deleted, took.Round(time.Millisecond))
	if took > 10*time.Second {
		t.Errorf("caught up in %v, want 10 s", took)
	}
	if len(data) != changed+untouched {
		t.Errorf("%d keys, want %d", len(data), changed+untouched)
	}
	for i := range changed {
		if got := string(data[key(i)].Data); got != value("new", i) {
			t.Fatalf("%s is %s", key(i), got)
		}
	}
}
