package server

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kvs/httpapi"
	"kvs/internal/config"
	"kvs/statemachine"
)

// eventually polls a condition until it holds or the time is up.
func eventually(t testing.TB, within time.Duration, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %s", within, what)
		}
	}
}

func (s *Server) api() *api {
	return &api{store: s.store, driver: s.driver, feed: s.feed, upkeep: s.upkeep}
}

func put(t *testing.T, s *Server, key, value string) httpapi.Written {
	t.Helper()
	out, err := s.api().Write(httpapi.Write{Key: key, Value: []byte(value)})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func get(s *Server, key string) (value string, err error) {
	err = s.api().View(key, func(r httpapi.Record) { value = string(r.Data) })
	return value, err
}

func sameRoots(servers ...*Server) bool {
	first, _, err := servers[0].Digest()
	for _, s := range servers[1:] {
		root, _, e := s.Digest()
		if err != nil || e != nil || root != first {
			return false
		}
	}
	return true
}

// Goal: nodes that know one seed become a cluster, and what one accepts all
// have; deletes too.
func TestNodesFormAClusterAndReplicate(t *testing.T) {
	a := startNode(t, "a")
	b := startNode(t, "b", a.Address())
	c := startNode(t, "c", a.Address())
	all := []*Server{a, b, c}
	eventually(t, 5*time.Second, "every node lists three members, and takes writes", func() bool {
		for _, s := range all {
			if len(s.Status().Members) != 3 || s.api().Health().Mode != "normal" {
				return false
			}
		}
		return true
	})
	for i, s := range all {
		put(t, s, "k"+strconv.Itoa(i), strconv.Itoa(i))
	}
	eventually(t, 5*time.Second, "every node has every write", func() bool {
		for _, s := range all {
			for i := range all {
				if v, _ := get(s, "k"+strconv.Itoa(i)); v != strconv.Itoa(i) {
					return false
				}
			}
		}
		return sameRoots(all...)
	})
	if _, err := b.api().Write(httpapi.Write{Key: "k0", Delete: true}); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, "the delete is everywhere", func() bool {
		for _, s := range all {
			if _, err := get(s, "k0"); !errors.Is(err, httpapi.ErrNotFound) {
				return false
			}
		}
		return sameRoots(all...)
	})
}

// Goal: many clients at once are all answered, share few batches, and each
// reads what it has written.
func TestConcurrentWritesAreAnsweredAndRead(t *testing.T) {
	s := startNode(t, "a")
	var wait sync.WaitGroup
	for c := range 32 {
		wait.Go(func() {
			for i := range 50 {
				key, value := fmt.Sprintf("c%d/%d", c, i), strconv.Itoa(i)
				if _, err := s.api().Write(httpapi.Write{Key: key, Value: []byte(value)}); err != nil {
					t.Error(err)
					return
				}
				if got, err := get(s, key); err != nil || got != value {
					t.Errorf("%s: read %q, %v after it was acknowledged", key, got, err)
				}
			}
		})
	}
	wait.Wait()
}

// Goal: a node reopens with what it had, under a new boot and stream, and the
// same identity.
func TestRestartKeepsDataAndIdentity(t *testing.T) {
	cfg := config.Default()
	cfg.DataDir, cfg.Port, cfg.AuthEnabled = t.TempDir(), freePort(t), false
	open := func() *Server {
		s, err := Start(cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	wrote := put(t, s, "k", "1")
	eventually(t, 5*time.Second, "the node belongs to a cluster", func() bool {
		return s.Status().Identity.Joined != 0
	})
	before := s.Status()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open()
	defer s.Close()
	eventually(t, 5*time.Second, "the status is published", func() bool {
		return s.Status().Identity.Joined != 0
	})
	after := s.Status()
	if v, err := get(s, "k"); err != nil || v != "1" {
		t.Errorf("read %q, %v after a restart", v, err)
	}
	if after.Identity.Replica != before.Identity.Replica || after.Identity.Joined != before.Identity.Joined ||
		after.Identity.Cluster != before.Identity.Cluster {
		t.Errorf("was %v, is %v", before.Identity, after.Identity)
	}
	if after.Identity.Boot.Count != before.Identity.Boot.Count+1 {
		t.Errorf("boot %d after %d", after.Identity.Boot.Count, before.Identity.Boot.Count)
	}
	if again := put(t, s, "k", "2"); again.UUID == wrote.UUID || again.Timestamp < wrote.Timestamp {
		t.Errorf("%v after %v", again, wrote)
	}
}

// Goal: a read-only node refuses clients and takes what peers bring.
func TestReadOnlyNodeReplicates(t *testing.T) {
	a := startNode(t, "a")
	cfg := config.Default()
	cfg.NodeID, cfg.DataDir, cfg.Port, cfg.ReadOnly = "b", t.TempDir(), freePort(t), true
	cfg.SeedNodes, cfg.AuthEnabled = []string{a.Address()}, false
	b, err := Start(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	eventually(t, 5*time.Second, "b has joined and says that it is read-only", func() bool {
		_, err := b.api().Write(httpapi.Write{Key: "k", Value: []byte("1")})
		if err == nil {
			t.Fatal("a read-only node took a write")
		}
		return errors.Is(err, httpapi.ErrReadOnly)
	})
	put(t, a, "k", "1")
	eventually(t, 5*time.Second, "the write arrives", func() bool { v, _ := get(b, "k"); return v == "1" })
}

// Goal: a busy port and a busy directory are refused with the setting's name,
// and leave nothing open.
func TestStartNamesTheSettingInItsWay(t *testing.T) {
	s := startNode(t, "a")
	busy := s.cfg
	busy.DataDir = t.TempDir()
	if _, err := Start(busy, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "port") {
		t.Errorf("a busy port gave %v", err)
	}
	busy = s.cfg
	busy.Port = freePort(t)
	if _, err := Start(busy, slog.New(slog.DiscardHandler)); err == nil ||
		!strings.Contains(err.Error(), "data_dir") {
		t.Errorf("a busy directory gave %v", err)
	}
	busy.DataDir = t.TempDir()
	again, err := Start(busy, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("the port of a refused start is still taken: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// Goal: after a fatal failure every waiting and later write gets an answer, and
// none says yes.
func TestWritesEndWhenTheDiskFails(t *testing.T) {
	s := startNode(t, "a")
	s.fail(errors.New("the disk is gone"))
	eventually(t, 5*time.Second, "writes are refused", func() bool {
		_, err := s.api().Write(httpapi.Write{Key: "k", Value: []byte("1")})
		return errors.Is(err, httpapi.ErrClosed) || errors.Is(err, httpapi.ErrUnknown)
	})
	if err := <-s.Failed(); err == nil || err.Error() != "the disk is gone" {
		t.Errorf("failed with %v", err)
	}
}

// Goal: the address that peers dial follows the settings.
func TestAdvertisedAddress(t *testing.T) {
	for _, c := range []struct{ bind, advertise, want string }{
		{"127.0.0.1", "", "127.0.0.1:8080"},
		{"::1", "", "[::1]:8080"},
		{"0.0.0.0", "node.example", "node.example:8080"},
		{"0.0.0.0", "node.example:9000", "node.example:9000"},
		{"10.1.2.3", "", "10.1.2.3:8080"},
	} {
		cfg := config.Default()
		cfg.BindAddress, cfg.AdvertiseAddress = c.bind, c.advertise
		if got, err := advertised(cfg); err != nil || got != c.want {
			t.Errorf("bind %s, advertise %q: %s, %v, want %s", c.bind, c.advertise, got, err, c.want)
		}
	}
}

// Goal: every event has words. Method: report panics on none, and logs each.
func TestEveryEventIsWorded(t *testing.T) {
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for _, e := range []statemachine.Event{
		statemachine.MemberChanged{State: statemachine.MemberFailed}, statemachine.ClusterChosen{},
		statemachine.PeerRefused{Reason: statemachine.RefusedCluster}, statemachine.CaughtUp{},
		statemachine.Diverged{}, statemachine.Repaired{}, statemachine.ReachChanged{},
		statemachine.ClockSkewed{},
	} {
		log.Reset()
		report(logger, e)
		if log.Len() == 0 {
			t.Errorf("nothing said of %s", statemachine.Print(e))
		}
	}
}

func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Goal: of many clients that change one key by compare and set, none undoes what
// another has done; of many that create it, one does.
func TestCompareAndSet(t *testing.T) {
	s := startNode(t, "a")
	const clients, each = 8, 25
	var created atomic.Int32
	var wait sync.WaitGroup
	for range clients {
		wait.Go(func() {
			w := httpapi.Write{Key: "n", Value: []byte("0"), If: []httpapi.Match{{Any: true, Not: true}}}
			switch _, err := s.api().Write(w); {
			case err == nil:
				created.Add(1)
			case err != httpapi.ErrPrecondition:
				t.Error(err)
			}
			for done := 0; done < each; {
				var seen httpapi.Record
				n := 0
				if err := s.api().View("n", func(r httpapi.Record) { seen, n = r, atoi(t, r.Data) }); err != nil {
					t.Error(err)
					return
				}
				_, err := s.api().Write(httpapi.Write{
					Key: "n", Value: strconv.AppendInt(nil, int64(n+1), 10), If: []httpapi.Match{{Versions: [][16]byte{seen.UUID}}},
				})
				if err == nil {
					done++
				} else if err != httpapi.ErrPrecondition {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	if v, _ := get(s, "n"); v != strconv.Itoa(clients*each) || created.Load() != 1 {
		t.Errorf("n is %s after %d increments, created %d times", v, clients*each, created.Load())
	}
}

func atoi(t *testing.T, text []byte) int {
	t.Helper()
	n, err := strconv.Atoi(string(text))
	if err != nil {
		t.Error(err)
	}
	return n
}
