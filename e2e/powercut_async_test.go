package e2e

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	sureWriters   = 4
	numberedBytes = 16 << 10 // of each numbered value: a log of the store is full after about a thousand
	numberedMost  = 4_000
)

// reboot lets a data directory look as if its machine had been started again since: its
// sidecar names another start of the kernel.
func (d *cutDisk) reboot() {
	d.t.Helper()
	path := filepath.Join(d.dir, "data", "sidecar")
	text, err := os.ReadFile(path)
	if err != nil {
		d.t.Fatal(err)
	}
	f := strings.Fields(string(text))
	_, open, _ := strings.Cut(f[6], "/")
	line := strings.Join(f[:6], " ") + " 00000000-0000-0000-0000-000000000000/" + open
	line += fmt.Sprintf(" %08x\n", crc32.Checksum([]byte(line), crc32.MakeTable(crc32.Castagnoli)))
	if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// sureWriter writes numbers to one key, each once the one before is durable: it asks for
// one copy, which is that of this node.
type sureWriter struct {
	key  string
	node *node
	history
}

func (w *sureWriter) run(stop *atomic.Bool) {
	for !stop.Load() {
		w.tried++
		a, err := w.node.ask(http.MethodPut, "/kv/"+w.key+"?acks=1&wait=10s", fmt.Append(nil, w.tried))
		if err != nil || a.status >= 300 || a.header.Get("KVS-Acks") != "1" {
			return
		}
		w.acked = w.tried
	}
}

// check holds the node to what it said is durable. A sure writer never deletes.
func (w *sureWriter) check() {
	w.node.t.Helper()
	value, found := w.node.get(w.key)
	number := 0
	if found {
		if _, err := fmt.Sscan(value, &number); err != nil {
			w.node.t.Fatal(err)
		}
	}
	if number < w.acked || number > w.tried {
		w.node.t.Errorf("%s is %d, but %d was said to be durable and %d was tried", w.key, number, w.acked, w.tried)
	}
}

// TestB2PowerCutAsync is the control: with durability async a power cut must take writes
// that were acknowledged, or the rig would cut nothing; and none that was said to be durable.
func TestB2PowerCutAsync(t *testing.T) {
	long(t)
	lost, sure := 0, 0
	r := rand.New(rand.NewPCG(powerSeed, 1))
	n := newPowerCutNode(t, "durability: async")
	n.start()
	for i := range powerCutRuns() {
		var done sync.WaitGroup
		var stop atomic.Bool
		var writers [sureWriters]sureWriter
		for k := range writers {
			writers[k] = sureWriter{key: fmt.Sprintf("sure/%d/%d", i, k), node: n.node}
			done.Go(func() { writers[k].run(&stop) })
		}
		w := newWriting(n.node)
		for _, one := range w.writers {
			one.name = fmt.Sprintf("%d-%s", i, one.name)
		}
		n.losePower(w, r, time.Second) // the first barrier is behind it
		stop.Store(true)
		done.Wait()
		n.disk.reboot()
		n.start()
		gone := w.lost(n.node)
		for k := range writers {
			writers[k].check()
			sure += writers[k].acked
		}
		t.Logf("cut %d: of %d acknowledged writes %d keys have lost some, of %d durable ones none", i,
			w.acked.Load(), gone, sure)
		if !n.stderr.has("ran with durability async") {
			t.Error("the start does not say that something may be gone")
		}
		lost += gone
	}
	if lost == 0 || sure == 0 {
		t.Errorf("%d keys lost writes, %d writes were durable; want some of both", lost, sure)
	}
}

// lost counts the keys that show an older state than was acknowledged.
func (w *writing) lost(n *node) (count int) {
	n.t.Helper()
	for _, one := range w.writers {
		for i, h := range one.keys {
			if value, found := n.get(one.key(i)); !h.explains(value, found) {
				count++
			}
		}
	}
	return count
}

// numbered writes values with the numbers from 1 on, one after the other, which are also
// the numbers that the node gives its writes. It returns when the node fails, or after
// numberedMost of them.
func (n *node) numbered(acked *atomic.Int64) {
	for i := 1; i <= numberedMost; i++ {
		if n.write(fmt.Sprintf("numbered/%d", i), numberedValue(i)) != nil {
			return
		}
		acked.Store(int64(i))
	}
}

func numberedValue(i int) string {
	return `"` + strings.Repeat(fmt.Sprintf("%06d ", i), numberedBytes/7) + `"`
}

// durableSeq is the newest of the node's own writes that it says is durable.
func (n *node) durableSeq() int64 {
	var s struct {
		Durable int64 `json:"durable_seq"`
	}
	if !n.fetch("/sync/status", &s) {
		return 0
	}
	return s.Durable
}

// TestB2BarrierHolds cuts the power of a node with durability async whose logs fill up and
// become tables: what its status says is durable is there.
func TestB2BarrierHolds(t *testing.T) {
	long(t)
	r := rand.New(rand.NewPCG(powerSeed, 2))
	lost := int64(0)
	for i := range powerCutRuns() {
		n := newPowerCutNode(t, "durability: async", "compression_enabled: false")
		n.start()
		var acked atomic.Int64
		var done sync.WaitGroup
		done.Go(func() { n.numbered(&acked) })
		durable := int64(0)
		until := time.Now().Add(1200*time.Millisecond + time.Duration(r.Int64N(int64(powerLoadMost))))
		eventually(t, 10*time.Second, "the moment of the cut", func() bool {
			durable = max(durable, n.durableSeq())
			return time.Now().After(until)
		})
		n.disk = n.disk.cut(n.node)
		done.Wait()
		n.place()
		n.start()
		kept := int64(0)
		for k := int64(1); k <= acked.Load(); k++ {
			value, found := n.get(fmt.Sprintf("numbered/%d", k))
			if found && value == numberedValue(int(k)) {
				kept++
			} else if k <= durable {
				t.Fatalf("%d of %d durable writes is gone", k, durable)
			}
		}
		lost += acked.Load() - kept
		t.Logf("cut %d: %d acknowledged, %d of them durable, %d kept", i, acked.Load(), durable, kept)
		n.kill()
	}
	if lost == 0 {
		t.Error("the power cuts have taken nothing")
	}
}
