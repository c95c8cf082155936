package server

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"kvs/internal/config"
	"kvs/statemachine/keyspace"
)

// Goal: a version that stood until longer ago than revision_max_age is neither shown nor
// kept; the setting may change while the node runs.
func TestRevisionsGrowTooOld(t *testing.T) {
	s := startNode(t, "a")
	for i := range 3 {
		after(t, put(t, s, "k", fmt.Sprint(i)).Timestamp)
	}
	count := func() int {
		var got struct{ Revisions []revision }
		if status := fetch(t, s, "/kv/k?revisions=10", &got); status != 200 {
			t.Fatal(status)
		}
		return len(got.Revisions)
	}
	replaced := time.Now()
	now := func(d time.Duration) {
		s.upkeep.now = func() keyspace.Millis { return millis(time.Duration(replaced.Add(d).UnixNano())) }
	}
	now(2 * time.Hour)
	if n := count(); n != 3 {
		t.Fatalf("%d versions without a bound, want 3", n)
	}
	s.upkeep.tune(config.Config{RevisionMaxAge: 3 * time.Hour})
	if err := s.upkeep.work(); err != nil || count() != 3 {
		t.Fatalf("%d versions, want 3, %v", count(), err)
	}
	s.upkeep.tune(config.Config{RevisionMaxAge: time.Hour})
	if n := count(); n != 1 {
		t.Errorf("%d versions are shown, want the one that stands", n)
	}
	if err := s.upkeep.work(); err != nil {
		t.Fatal(err)
	}
	s.upkeep.tune(config.Config{})
	if n := count(); n != 1 {
		t.Errorf("%d versions are kept, want 1", n)
	}
}

// Goal: a store is compacted only if somebody gains by it, there is room, and nobody
// writes.
func TestUpkeepDisturbsNobody(t *testing.T) {
	s := startNode(t, "a")
	put(t, s, "k", "1")
	asked := 0
	s.upkeep.quiet = func() bool { asked++; return true }
	if err := s.upkeep.compact(); err != nil || asked != 0 || s.upkeep.compacted.Load() != 0 {
		t.Errorf("a small store: asked %d times, %v", asked, err)
	}
	for _, c := range []struct {
		free  uint64
		err   error
		quiet bool
		want  bool
	}{
		{free: 1 << 40, quiet: true, want: true},
		{free: 1 << 40, quiet: false},
		{free: 2*diskLow + 99, quiet: true},
		{free: 2*diskLow + 100, quiet: true, want: true},
		{free: 1 << 40, err: errors.New("no disk"), quiet: true},
	} {
		s.upkeep.quiet = func() bool { return c.quiet }
		s.upkeep.free = func() (disk, error) { return disk{Free: c.free}, c.err }
		if got := s.upkeep.may(100); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// Goal: who writes is noticed.
func TestPausing(t *testing.T) {
	s := startNode(t, "a")
	stopped := make(chan struct{})
	close(stopped)
	if s.upkeep.pausing(stopped) {
		t.Error("a node that stops is quiet")
	}
	before := s.store.Commits()
	put(t, s, "k", "1")
	if s.store.Commits() == before {
		t.Error("a write is no commit")
	}
}
