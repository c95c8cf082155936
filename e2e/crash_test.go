package e2e

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	crashWriters = 6
	crashKeys    = 8 // of each writer
	deleteEvery  = 5 // of the operations on a key
)

// history is what one writer knows of one key. Operation n puts the number n, or
// deletes the key; 0 is the state before any.
// Invariant: acked <= tried.
type history struct {
	acked int // the last operation that the node said is done
	tried int // the last operation that was sent
}

func deletes(n int) bool { return n%deleteEvery == 0 }

// explains says that what a node shows of the key follows from an operation that
// was acknowledged last, or from one after it.
func (h history) explains(value string, found bool) bool {
	for n := h.acked; n <= h.tried; n++ {
		if found == !deletes(n) && (!found || value == strconv.Itoa(n)) {
			return true
		}
	}
	return false
}

// crashWriter writes to its own keys, through one node, one after the other.
type crashWriter struct {
	name string
	node *node
	keys [crashKeys]history
	sent time.Time // when the newest operation was sent that is acknowledged
}

func (w *crashWriter) key(i int) string { return fmt.Sprintf("crash/%s/%d", w.name, i) }

// run writes until the node fails or stop is set.
func (w *crashWriter) run(acked *atomic.Int64, stop *atomic.Bool) {
	for i := 0; !stop.Load(); i = (i + 1) % crashKeys {
		h := &w.keys[i]
		h.tried++
		sent := time.Now()
		var err error
		if deletes(h.tried) {
			err = w.node.remove(w.key(i))
		} else {
			err = w.node.write(w.key(i), strconv.Itoa(h.tried))
		}
		if err != nil {
			return
		}
		h.acked, w.sent = h.tried, sent
		acked.Add(1)
	}
}

// check holds a node to what the writer was told.
func (w *crashWriter) check(t *testing.T, n *node) {
	t.Helper()
	for i, h := range w.keys {
		if value, found := n.get(w.key(i)); !h.explains(value, found) {
			t.Errorf("%s lost a write: %s is %q (%v), acknowledged %d, tried %d",
				n.name, w.key(i), value, found, h.acked, h.tried)
		}
	}
}

// writing is a number of writers at work.
type writing struct {
	writers []*crashWriter
	acked   atomic.Int64
	stop    atomic.Bool
	done    sync.WaitGroup
}

func (w *writing) begin() {
	w.stop.Store(false)
	for _, one := range w.writers {
		w.done.Go(func() { one.run(&w.acked, &w.stop) })
	}
}

// awaitMore waits until so many more writes have been acknowledged.
func (w *writing) awaitMore(t *testing.T, more int64) {
	t.Helper()
	until := w.acked.Load() + more
	eventually(t, 10*time.Second, "writes are acknowledged", func() bool {
		return w.acked.Load() >= until
	})
}

func (w *writing) end() {
	w.stop.Store(true)
	w.done.Wait()
}

func (w *writing) check(t *testing.T, nodes ...*node) {
	t.Helper()
	for _, one := range w.writers {
		for _, n := range nodes {
			one.check(t, n)
		}
	}
}

// newWriting gives each node its share of the writers.
func newWriting(nodes ...*node) *writing {
	w := &writing{}
	for i := range crashWriters {
		n := nodes[i%len(nodes)]
		w.writers = append(w.writers, &crashWriter{name: strconv.Itoa(i), node: n})
	}
	return w
}

// kills is how often a test kills a node: a few times, or with -rig a hundred.
func kills(few int) int {
	if *rig {
		return 100
	}
	return few
}

// TestKilledNodeLosesNothing kills one node in the middle of writes, again and again;
// after each start it must show every acknowledged write or a later one. What was not
// synced is with the kernel, so that this holds with either durability.
func TestKilledNodeLosesNothing(t *testing.T) {
	t.Run("always", func(t *testing.T) { killAgain(t, start(t, "n1")) })
	t.Run("async", func(t *testing.T) { killAgain(t, start(t, "n1", "durability: async")) })
}

func killAgain(t *testing.T, n *node) {
	w := newWriting(n)
	for range kills(3) {
		w.begin()
		w.awaitMore(t, 400)
		n.kill()
		w.end()
		t.Logf("served %v after its start, %d writes acknowledged so far",
			n.start().Round(time.Millisecond), w.acked.Load())
		w.check(t, n)
	}
}

// TestB1KilledMemberLosesNothing kills one node of three while all are written to.
// After its start all are equal, and every node shows every acknowledged write.
func TestB1KilledMemberLosesNothing(t *testing.T) {
	nodes := startCluster(t, 3)
	w := newWriting(nodes...)
	for i := range kills(1) {
		killed := nodes[i%len(nodes)]
		w.begin()
		w.awaitMore(t, 1000)
		killed.kill()
		w.awaitMore(t, 1000)
		served := killed.start()
		w.awaitMore(t, 200)
		w.end()
		took, _ := awaitEqual(t, nodes, 10*time.Second)
		t.Logf("served %v after its start, equal %v after the last of %d writes",
			served.Round(time.Millisecond), took.Round(time.Millisecond), w.acked.Load())
		w.check(t, nodes...)
	}
}

// TestKilledClusterLosesNothing kills all three nodes at once, as a power cut
// does to processes.
func TestKilledClusterLosesNothing(t *testing.T) {
	nodes := startCluster(t, 3)
	w := newWriting(nodes...)
	w.begin()
	w.awaitMore(t, 1500)
	for _, n := range nodes {
		n.signal(syscall.SIGKILL)
	}
	for _, n := range nodes {
		n.awaitEnd(5 * time.Second)
	}
	w.end()
	began := time.Now()
	for _, n := range nodes {
		n.start()
	}
	awaitEqual(t, nodes, 10*time.Second)
	t.Logf("all serve and are equal after %v", time.Since(began).Round(time.Millisecond))
	w.check(t, nodes...)
}
