package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	smallDiskMiB  = 160
	fullRuns      = 1 // of each end of a full disk; 20 with -rig
	bulkyBytes    = 64 << 10
	resumesWithin = 10 * time.Second
)

// smallDisk mounts an ext4 of a few MiB, for the test alone. Where that cannot be done the
// test says so.
func smallDisk(t *testing.T) (dir string) {
	t.Helper()
	return mountImage(t, newImage(t, smallDiskMiB), "defaults")
}

// newImage makes the file of a disk with an empty ext4. Where it could not be mounted the
// test says so.
func newImage(t *testing.T, mib int64) (image string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	for _, tool := range []string{"mkfs.ext4", "mount", "umount", "losetup"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("a small disk needs %s, which is not here", tool)
		}
	}
	image = filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(mib << 20); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if out, err := exec.Command("mkfs.ext4", "-q", "-m", "0", image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4: %v %s", err, out)
	}
	return image
}

// mountImage mounts the file of a disk until the end of the test.
func mountImage(t *testing.T, image, options string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if out, err := exec.Command("mount", "-o", "loop,"+options, image, dir).CombinedOutput(); err != nil {
		t.Skipf("no small disk can be mounted here: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return dir
}

// fill writes a file until it has so many bytes, or there is no room for more.
func fill(t *testing.T, path string, most int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 64<<10)
	for n := int64(0); n < most; n += int64(len(b)) {
		if _, err := f.Write(b); err != nil {
			return
		}
	}
}

// fillsUp puts values of noise until one is refused for lack of room, and returns the keys.
func (n *node) fillsUp(r *rand.Rand) (acked []string) {
	n.t.Helper()
	for i := range 100_000 {
		key := fmt.Sprintf("bulky/%05d", i)
		value := []byte(`"`)
		for len(value) < bulkyBytes {
			value = append(value, byte('a'+r.IntN(26)))
		}
		a, err := n.ask(http.MethodPut, "/kv/"+key, append(value, '"'))
		switch {
		case err != nil:
			n.t.Fatalf("after %d values: %v", len(acked), err)
		case a.status == http.StatusInsufficientStorage:
			if !strings.Contains(string(a.body), "disk-full") {
				n.t.Errorf("507 without a reason: %s", a.body)
			}
			return acked
		case a.status >= 300:
			n.t.Fatalf("after %d values: %s", len(acked), a)
		}
		acked = append(acked, key)
	}
	n.t.Fatal("the disk is never full")
	return nil
}

// refuses waits until a request is answered with 507.
func (n *node) refuses(method string) {
	n.t.Helper()
	eventually(n.t, 5*time.Second, method+" is refused", func() bool {
		a, err := n.ask(method, "/kv/refused", []byte(`1`))
		return err == nil && a.status == http.StatusInsufficientStorage
	})
}

// TestB7DiskFull fills a real disk, by the node's own values and then by somebody else's
// file. The node lives through both, answers reads, starts or says why not on the full
// disk, and goes on by itself once there is room.
func TestB7DiskFull(t *testing.T) {
	long(t)
	runs := fullRuns
	if *rig {
		runs = 20
	}
	for i := range runs {
		t.Run(fmt.Sprint(i), func(t *testing.T) { diskFull(t, rand.New(rand.NewPCG(7, uint64(i)))) })
	}
}

func diskFull(t *testing.T, r *rand.Rand) {
	disk := smallDisk(t)
	ours, theirs := filepath.Join(disk, "ours"), filepath.Join(disk, "theirs")
	fill(t, ours, 16<<20)
	n := newNode(t, "full", "data_dir: "+filepath.Join(disk, "data"), "backup_enabled: false")
	n.start()
	acked := n.fillsUp(r)
	t.Logf("%d values of %d bytes until the disk was low", len(acked), bulkyBytes)
	if a, err := n.ask(http.MethodDelete, "/kv/"+acked[0], nil); err != nil || a.status != http.StatusNoContent {
		t.Errorf("a delete while the disk is low: %s %v", a, err)
	}
	fill(t, theirs, 1<<40)
	n.refuses(http.MethodPut)
	n.refuses(http.MethodDelete)
	n.shouldHave(acked[1:])

	n.kill()
	n.launch()
	eventually(t, 15*time.Second, "it serves, or has ended", func() bool { return !n.running() || n.members() != nil })
	if n.running() {
		n.refuses(http.MethodPut)
		n.shouldHave(acked[1:])
	} else if code, _ := n.awaitEnd(time.Second); code <= 0 || !strings.Contains(n.stderr.String(), "make room") {
		t.Fatalf("on a full disk it ends with %d and says %s", code, n.stderr.String())
	} else {
		n.must(os.Remove(theirs))
		n.start()
	}
	for _, f := range []string{ours, theirs} {
		if err := os.Remove(f); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	eventually(t, resumesWithin, "it takes values again", func() bool { return n.write("after", `"room"`) == nil })
	n.shouldHave(acked[1:])
}

// shouldHave reads keys that were acknowledged.
func (n *node) shouldHave(keys []string) {
	n.t.Helper()
	for _, key := range keys {
		if a, err := n.ask(http.MethodGet, "/kv/"+key, nil); err != nil || a.status != http.StatusOK {
			n.t.Fatalf("%s was acknowledged: %s %v", key, a, err)
		}
	}
}
