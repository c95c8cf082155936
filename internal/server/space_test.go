package server

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kvs/httpapi"
	"kvs/internal/config"
	"kvs/statemachine"
)

// fakeSpace is a space on a disk with so many free MiB.
func fakeSpace(dir string, mib int64) (*space, *atomic.Int64) {
	free := &atomic.Int64{}
	free.Store(mib << 20)
	s := &space{dir: dir, log: slog.New(slog.DiscardHandler)}
	s.free = func() (disk, error) { return disk{Free: uint64(free.Load())}, nil }
	return s, free
}

// Goal: what a node takes depends on the room that there is, and on nothing before: values
// first go, then deletes and the records of other nodes; what the system needs is taken.
func TestSpaceRefusesInOrder(t *testing.T) {
	s, free := fakeSpace(t.TempDir(), 1000)
	put, del := httpapi.Write{Key: "k"}, httpapi.Write{Key: "k", Delete: true}
	system := httpapi.Write{Key: "_auth/revoked"}
	push := statemachine.Received{Msg: statemachine.Push{}}
	digest := statemachine.Received{Msg: statemachine.Digest{}}
	for _, c := range []struct {
		mib                      int64
		value, delete, fromPeers bool
	}{
		{1000, true, true, true}, {63, false, true, true}, {31, false, false, false}, {33, false, true, true},
		{0, false, false, false}, {64, true, true, true},
	} {
		free.Store(c.mib << 20)
		d, err := s.free()
		s.note(d, err)
		if got := s.takes(put) == nil; got != c.value {
			t.Errorf("%d MiB free: a value is taken: %v", c.mib, got)
		}
		if got := s.takes(del) == nil; got != c.delete {
			t.Errorf("%d MiB free: a delete is taken: %v", c.mib, got)
		}
		if got := !s.drops(push); got != c.fromPeers {
			t.Errorf("%d MiB free: a push is taken: %v", c.mib, got)
		}
		if s.takes(system) != nil || s.drops(digest) {
			t.Errorf("%d MiB free: what has to be is refused", c.mib)
		}
	}
	if s.dropped.Load() != 2 {
		t.Errorf("%d messages are counted as dropped", s.dropped.Load())
	}
}

// Goal: a node keeps a reserve while there is room, lets it go when there is none, and
// says before it opens a store that it cannot.
func TestSpaceKeepsAReserve(t *testing.T) {
	dir := t.TempDir()
	s, free := fakeSpace(dir, 1000)
	stopped, done := make(chan struct{}), make(chan struct{})
	go func() { s.run(stopped); close(done) }()
	defer func() { close(stopped); <-done }()
	kept := func() bool {
		info, err := os.Stat(filepath.Join(dir, reserveFile))
		return err == nil && info.Size() == reserveBytes
	}
	eventually(t, 10*time.Second, "the reserve is there", kept)
	free.Store(10 << 20)
	eventually(t, 10*time.Second, "the reserve is let go", func() bool { return !kept() })
	free.Store(1000 << 20)
	eventually(t, 10*time.Second, "the reserve is back", kept)

	for _, c := range []struct {
		mib  int64
		runs bool
	}{{10, false}, {17, true}, {1000, true}} {
		other, _ := fakeSpace(t.TempDir(), c.mib)
		err := other.open(other.dir, other.log)
		if (err == nil) != c.runs || err != nil && !strings.Contains(err.Error(), "make room") {
			t.Errorf("%d MiB free: %v", c.mib, err)
		}
	}
	if at := existing(filepath.Join(dir, "not", "there")); at != dir {
		t.Errorf("the room for a directory to be is looked for in %s", at)
	}
}

// Goal: a node whose disk is full answers reads and refuses values with the reason, over
// HTTP; it takes what a peer has once there is room, and says all along how it is.
func TestNodeWithoutRoom(t *testing.T) {
	var free atomic.Int64
	free.Store(1 << 30)
	a := startNode(t, "a")
	b := startWith(t, "b", []string{a.Address()}, func(*config.Config) {}, func(s *Server) {
		s.free = func() (disk, error) { return disk{Free: uint64(free.Load())}, nil }
	})
	eventually(t, 10*time.Second, "the two are one cluster", func() bool {
		return len(a.Status().Members) == 2 && len(b.Status().Members) == 2 && sameRoots(a, b) && b.api().Health().Ready
	})
	put(t, b, "before", `"1"`)
	free.Store(0)
	eventually(t, 10*time.Second, "it has noticed", func() bool { return b.api().Health().Status == "degraded" })
	if status, text := ask(t, b, "PUT", "/kv/k", `1`, ""); status != 507 || !strings.Contains(text, "disk-full") {
		t.Errorf("a value is answered with %d %s", status, text)
	}
	if status, _ := ask(t, b, "GET", "/kv/before", "", ""); status != 200 {
		t.Errorf("a read is answered with %d", status)
	}
	if h := b.api().Health(); h.Status != "degraded" || !strings.Contains(strings.Join(h.Reasons, " "), "disk") {
		t.Errorf("its health is %+v", h)
	}
	put(t, a, "meanwhile", `"2"`)
	eventually(t, 10*time.Second, "records of the peer are dropped", func() bool { return b.driver.space.dropped.Load() > 0 })
	if sameRoots(a, b) {
		t.Error("it has taken what it has no room for")
	}
	free.Store(1 << 30)
	eventually(t, 20*time.Second, "it has caught up", func() bool { return sameRoots(a, b) })
	put(t, b, "after", `"3"`)
}
