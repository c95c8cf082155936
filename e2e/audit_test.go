package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// auditDir is where the node keeps its log.
func (n *node) auditDir() string { return filepath.Join(n.dir, "data-"+n.name, "audit") }

// loggedWrites reads the node's log: how often each key was written, by its entries.
func (n *node) loggedWrites() map[string]int {
	n.t.Helper()
	out := map[string]int{}
	for line := range strings.Lines(n.kvs("audit", "export").stdout) {
		var e struct{ Action, Key, Sha256, Result string }
		n.must(json.Unmarshal([]byte(line), &e))
		sum := sha256.Sum256([]byte(strconv.Quote(e.Key)))
		if e.Action != "kv.put" || e.Result != "ok" || e.Sha256 != hex.EncodeToString(sum[:]) {
			n.t.Fatalf("an entry that nobody made: %s", line)
		}
		out[e.Key]++
	}
	return out
}

// TestKilledNodeLogsEachWriteOnce kills a node in the middle of writes three times.
// Each write that it had acknowledged, and each that is there though it had not, is
// in the log exactly once, and the log verifies.
func TestKilledNodeLogsEachWriteOnce(t *testing.T) {
	n := start(t, "n1")
	var acked sync.Map
	var count, next atomic.Int64
	for range 3 {
		var writers sync.WaitGroup
		for range 8 {
			writers.Go(func() {
				for {
					key := fmt.Sprint("audit/", next.Add(1))
					if n.write(key, strconv.Quote(key)) != nil {
						return
					}
					acked.Store(key, true)
					count.Add(1)
				}
			})
		}
		until := count.Load() + 1000
		eventually(t, 20*time.Second, "writes are acknowledged", func() bool { return count.Load() >= until })
		n.kill()
		writers.Wait()
		n.start()
	}
	logged, stored := n.loggedWrites(), n.everything()
	acked.Range(func(key, _ any) bool {
		if logged[key.(string)] != 1 {
			t.Errorf("the acknowledged write of %v is logged %d times", key, logged[key.(string)])
		}
		return !t.Failed()
	})
	for key := range stored {
		if logged[key] != 1 {
			t.Fatalf("%s is stored and logged %d times", key, logged[key])
		}
	}
	if len(logged) != len(stored) || int64(len(stored)) < count.Load() {
		t.Errorf("%d acknowledged, %d stored, %d logged", count.Load(), len(stored), len(logged))
	}
	t.Logf("%d writes acknowledged, %d stored and logged once each", count.Load(), len(stored))
	n.stop()
	n.wants(0, fmt.Sprintf("entries 1 to %d verify", len(stored)), "audit", "verify", n.auditDir())
	files, err := filepath.Glob(filepath.Join(n.auditDir(), "audit-*.log"))
	n.must(err)
	text, err := os.ReadFile(files[0])
	n.must(err)
	n.must(os.WriteFile(files[0], []byte(strings.Replace(string(text), `"kv.put"`, `"kv.get"`, 1)), 0o600))
	n.wants(9, "at entry 1,", "audit", "verify", n.auditDir())
	n.wants(3, "no audit log", "audit", "verify", t.TempDir())
}
