package server

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"kvs/httpapi"
	"kvs/internal/config"
)

// fillNode writes many keys with one value.
func fillNode(t *testing.T, s *Server, keys int, key func(i int) string, value string) {
	t.Helper()
	var writers sync.WaitGroup
	for c := range 64 {
		writers.Go(func() {
			for i := c; i < keys; i += 64 {
				if _, err := s.api().Write(httpapi.Write{Key: key(i), Value: []byte(value)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
}

// startLate starts node b, to which every record of a is an older one.
func startLate(t *testing.T, a *Server) *Server {
	t.Helper()
	cfg := config.Default()
	cfg.NodeID, cfg.DataDir, cfg.SeedNodes, cfg.Port = "b", t.TempDir(), []string{a.Address()}, freePort(t)
	cfg.BootstrapMaxAge, cfg.AuthEnabled = time.Millisecond, false
	b, err := Start(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// Goal: a new node that has taken over what is recent, and nothing else yet, never
// says that a key is absent which its source has. Method: a node whose bound for
// what is recent is a millisecond joins one with many older records, and is read
// from until its copy is complete: keys that come last first.
func TestNewNodeReadsThroughToItsSource(t *testing.T) {
	const keys = 6_000
	key := func(i int) string { return fmt.Sprintf("old/%06d", i) }
	value := `"` + strings.Repeat("v", 4_000) + `"`
	a := startNode(t, "a")
	fillNode(t, a, keys, key, value)
	b := startLate(t, a)
	eventually(t, 20*time.Second, "the older records are on their way", b.api().Partial)
	if _, err := b.api().Walk(httpapi.Walk{}, func(httpapi.Record) (string, bool) { return "", true }); !errors.Is(err, httpapi.ErrIncomplete) &&
		b.api().Partial() {
		t.Errorf("a range: %v", err)
	}
	if h := b.api().Health(); h.Mode != "normal" || !strings.Contains(fmt.Sprint(h.Reasons), "partial") && b.api().Partial() {
		t.Errorf("health: %+v", h)
	}
	var readers sync.WaitGroup
	var lock sync.Mutex
	read, refused := 0, 0
	for c := range 8 {
		readers.Go(func() {
			for i := keys - 1 - c; b.api().Partial(); i = (i - 8 + keys) % keys {
				got, err := get(b, key(i))
				_, absent := get(b, fmt.Sprintf("absent/%d", i))
				lock.Lock()
				switch {
				case err == nil && got != value:
					t.Errorf("%s is %q", key(i), got)
				case err == nil:
					read++
				case errors.Is(err, httpapi.ErrIncomplete), errors.Is(err, httpapi.ErrOverloaded):
					refused++
				default:
					t.Errorf("%s: %v", key(i), err)
				}
				if absent == nil {
					t.Error("a key that nobody wrote was found")
				}
				lock.Unlock()
			}
		})
	}
	readers.Wait()
	through := b.Status().Stats.Lookups
	t.Logf("%d reads, %d refused, %d questions to the source", read, refused, through)
	if read == 0 || through == 0 {
		t.Errorf("%d reads, of which %d read through", read, through)
	}
	if _, err := get(b, "absent"); !errors.Is(err, httpapi.ErrNotFound) {
		t.Errorf("a key that nobody wrote: %v", err)
	}
	eventually(t, 10*time.Second, "equal roots", func() bool { return sameRoots(a, b) })
}

// Goal: a node that became complete while it was asked looks again by itself.
func TestMissOfANodeThatIsCompleteByNow(t *testing.T) {
	s := startNode(t, "a")
	put(t, s, "k", "1")
	calls := 0
	if err := s.api().viewAtSource("k", func(httpapi.Record) { calls++ }); err != nil || calls != 1 {
		t.Errorf("%v, shown %d times", err, calls)
	}
	if err := s.api().viewAtSource("absent", nil); !errors.Is(err, httpapi.ErrNotFound) {
		t.Errorf("%v", err)
	}
}
