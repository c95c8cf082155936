package e2e

import (
	"net/http"
	"testing"
	"time"
)

// TestTTLExpiresEverywhere puts values that live for a second, in both ways, and
// sees them on both nodes and then on neither.
func TestTTLExpiresEverywhere(t *testing.T) {
	nodes := startCluster(t, 2)
	began := time.Now()
	nodes[0].put("ttl/envelope", `{"data":{"user_id":"john"}, "ttl":"1s"}`)
	a, err := request(http.MethodPut, nodes[1].url("/kv/ttl/query?ttl=1s"), []byte(`7`))
	if err != nil || a.status != http.StatusCreated {
		t.Fatalf("PUT with ?ttl: %s (%v)", a, err)
	}
	nodes[0].put("ttl/stays", `{"data":1,"ttl":"1h"}`)
	nodes[0].put("ttl/never", `{"data":2,"ttl":"0"}`)
	for _, n := range nodes {
		eventually(t, visibleWithin, "all values are there", func() bool {
			return n.shows("ttl/envelope", `{"user_id":"john"}`) && n.shows("ttl/query", "7") &&
				n.shows("ttl/stays", "1") && n.shows("ttl/never", "2")
		})
	}
	checkExpiryFields(t, nodes[1], began)
	for _, key := range []string{"ttl/envelope", "ttl/query"} {
		for _, n := range nodes {
			eventually(t, 2*time.Second, key+" expires on "+n.name, func() bool { return n.lacks(key) })
		}
	}
	took := time.Since(began)
	t.Logf("a TTL of 1 s ended on all nodes %v after the put", took.Round(time.Millisecond))
	if took < time.Second || took > 2*time.Second {
		t.Errorf("expired after %v, want 1 s to 2 s", took)
	}
	for _, n := range nodes {
		if got := n.everything(); len(got) != 2 {
			t.Errorf("%s lists %d keys, want 2: %v", n.name, len(got), got)
		}
	}
}

// checkExpiryFields looks at expires_at in the answers.
func checkExpiryFields(t *testing.T, n *node, began time.Time) {
	t.Helper()
	var stays, never struct {
		Timestamp int64 `json:"timestamp"`
		Expires   int64 `json:"expires_at"`
	}
	if !n.fetch("/kv/ttl/stays", &stays) || !n.fetch("/kv/ttl/never", &never) {
		t.Fatal("cannot read the values that stay")
	}
	if stays.Expires != stays.Timestamp+time.Hour.Milliseconds() || never.Expires != 0 ||
		stays.Timestamp < began.UnixMilli() {
		t.Errorf("an hour from %d is not %d, or never is %d", stays.Timestamp, stays.Expires,
			never.Expires)
	}
}
