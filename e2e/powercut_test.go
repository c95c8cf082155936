package e2e

import (
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// What the tests of a power cut do. A loop device writes into the page cache of its
// image, so the image holds what the file system above has sent to its disk, and not the
// pages that it still keeps: a copy of the image is what a machine finds after its power
// was cut at that moment. Nothing is synced or frozen for it, as that would save what the
// cut has to lose.
const (
	powerCuts     = 3  // by default
	powerCutsRig  = 50 // with -rig
	powerDiskMiB  = 320
	powerSeed     = 0x9a3e
	powerLoadMost = 900 * time.Millisecond // between a start and the cut
)

// cutDisk is a small disk whose power can be cut.
type cutDisk struct {
	t     *testing.T
	image string
	dir   string // where it is mounted
}

// newCutDisk mounts an empty disk. Its journal is written when a process syncs, and not
// every five seconds too, so that it does not happen in the middle of a copy.
func newCutDisk(t *testing.T) *cutDisk {
	t.Helper()
	d := &cutDisk{t: t, image: newImage(t, powerDiskMiB)}
	d.mount()
	return d
}

func (d *cutDisk) mount() {
	d.t.Helper()
	d.dir = mountImage(d.t, d.image, "commit=300")
}

// data is a data_dir on the disk, as a setting.
func (d *cutDisk) data() string { return "data_dir: " + filepath.Join(d.dir, "data") }

// cut stops the node in its tracks, takes the disk as it is, and ends the node. What it
// returns is that disk in a machine that has power again; mounting it replays its journal.
func (d *cutDisk) cut(n *node) *cutDisk {
	d.t.Helper()
	n.pause()
	defer func() {
		n.signal(syscall.SIGKILL)
		n.awaitEnd(10 * time.Second)
	}()
	return d.copied()
}

// copied mounts a copy of the disk as it is.
func (d *cutDisk) copied() *cutDisk {
	d.t.Helper()
	after := &cutDisk{t: d.t, image: filepath.Join(d.t.TempDir(), "after")}
	out, err := exec.Command("cp", "--sparse=always", d.image, after.image).CombinedOutput()
	if err != nil {
		d.t.Fatalf("copy the disk: %v %s", err, out)
	}
	after.mount()
	return after
}

// powerCutNode is a node on a disk whose power is cut, and the settings that it keeps.
type powerCutNode struct {
	*node
	disk *cutDisk
	more []string
}

func newPowerCutNode(t *testing.T, more ...string) *powerCutNode {
	t.Helper()
	n := &powerCutNode{disk: newCutDisk(t), more: append(more, "backup_enabled: false", "flight_recorder_mb: 0")}
	n.node = newNode(t, "cut")
	n.place()
	return n
}

// place puts the node on its disk.
func (n *powerCutNode) place() {
	n.t.Helper()
	n.configure(settings(n.name, n.port, append(n.more, n.disk.data())...))
}

// losePower cuts the power after a while of load, at least so long, and moves the node to
// what is left.
func (n *powerCutNode) losePower(w *writing, r *rand.Rand, least time.Duration) {
	n.t.Helper()
	w.begin()
	w.awaitMore(n.disk.t, 50)
	after := time.Now().Add(least + time.Duration(r.Int64N(int64(powerLoadMost))))
	eventually(n.t, least+2*powerLoadMost, "the moment of the cut", func() bool { return time.Now().After(after) })
	n.disk = n.disk.cut(n.node)
	w.end()
	n.place()
}

func powerCutRuns() int {
	if *rig {
		return powerCutsRig
	}
	return powerCuts
}

// TestB2PowerCut cuts the power of a node under load. Every write that was acknowledged,
// or a later one, is there afterwards; the node serves within its time, and its files hold
// whole batches: each record has its sum, and they make the digest that the node keeps.
func TestB2PowerCut(t *testing.T) {
	long(t)
	n := newPowerCutNode(t)
	r := rand.New(rand.NewPCG(powerSeed, 0))
	w := newWriting(n.node)
	n.start()
	for i := range powerCutRuns() {
		n.losePower(w, r, 0)
		took := n.start()
		t.Logf("cut %d: %d writes acknowledged so far, served after %v", i, w.acked.Load(), took.Round(time.Millisecond))
		w.check(t, n.node)
	}
	n.stop()
	data := filepath.Join(n.disk.dir, "data")
	if out, err := exec.Command(program, "db", "verify", data).CombinedOutput(); err != nil {
		t.Errorf("verify: %v %s", err, out)
	}
}
