package server

import (
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"kvs/httpapi"
	"kvs/internal/config"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
	"kvs/storage"
)

// Long measurements run only when they are asked for: make rig.
var (
	rig        = flag.Bool("rig", false, "run the long measurements too")
	rigDir     = flag.String("rig.dir", "", "directory that keeps the records of a long measurement for the next one")
	rigRecords = flag.Int("rig.records", 200_000, "records of the long measurements")
)

// rigNode is a node that may be stopped and started again.
type rigNode struct {
	*Server
	cfg config.Config
}

func newRigNode(t *testing.T, name string, seeds ...string) *rigNode {
	t.Helper()
	if !*rig {
		t.Skip("a long measurement: make rig")
	}
	n := &rigNode{cfg: config.Default()}
	n.cfg.NodeID, n.cfg.DataDir, n.cfg.SeedNodes, n.cfg.Port = name, t.TempDir(), seeds, freePort(t)
	n.cfg.AuthEnabled = false
	n.start(t)
	t.Cleanup(func() { n.stop(t) })
	return n
}

func (n *rigNode) start(t *testing.T) {
	t.Helper()
	s, err := Start(n.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	n.Server = s
}

func (n *rigNode) stop(t *testing.T) {
	t.Helper()
	if n.Server == nil {
		return
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	n.Server = nil
}

// fill puts records of 200 bytes from many clients.
func (n *rigNode) fill(t *testing.T, from, to int) {
	t.Helper()
	var wait sync.WaitGroup
	const clients = 256
	for c := range clients {
		wait.Go(func() {
			for i := from + c; i < to; i += clients {
				w := httpapi.Write{Key: rigKey(i), Value: []byte(`"` + string(make200()) + `"`)}
				if _, err := n.api().Write(w); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
}

func rigKey(i int) string { return fmt.Sprintf("load/%07d", i) }

// wire is what a node has received from its peers and sent to them, in bytes of
// frames, since it was started.
func (n *rigNode) wire() (total uint64) {
	s := n.transport.Stats()
	for c := range s.SentBytes {
		total += s.SentBytes[c] + s.ReceivedBytes[c]
	}
	return total
}

// joined says that a node has taken over the cluster's data.
func (n *rigNode) joined(members int) bool {
	s := n.Status()
	return len(s.Members) == members && s.Identity.Joined != 0 && !s.Transfer.Active() &&
		s.Mode == statemachine.ModeNormal
}

// Goal: how fast a node takes over many records, in one process, so that it can
// be profiled: -cpuprofile.
func TestRigCopy(t *testing.T) {
	a := newRigNode(t, "a")
	a.fill(t, 0, *rigRecords)
	began := time.Now()
	b := newRigNode(t, "b", a.Address())
	eventually(t, 5*time.Minute, "b has everything", func() bool {
		return b.Status().Live >= uint64(*rigRecords) && b.joined(2) && sameRoots(a.Server, b.Server)
	})
	took := time.Since(began)
	t.Logf("%d records in %v, %.0f a second, %d bytes on the wire", *rigRecords, took.Round(time.Millisecond),
		float64(*rigRecords)/took.Seconds(), b.wire())
}

// rigPair is two nodes that have the same records.
func rigPair(t *testing.T) (a, b *rigNode) {
	t.Helper()
	a = newRigNode(t, "a")
	a.fill(t, 0, *rigRecords)
	b = newRigNode(t, "b", a.Address())
	eventually(t, 5*time.Minute, "b has everything", func() bool {
		return b.Status().Live >= uint64(*rigRecords) && b.joined(2) && sameRoots(a.Server, b.Server)
	})
	return a, b
}

var rigDifferences = []int{0, 1, 100, 10_000}

func rigPayload(d int) uint64 { return uint64(d * (len(rigKey(0)) + 192)) }

// awaitRepaired waits until b has all that a claims and both are equal.
func awaitRepaired(t *testing.T, a, b *rigNode) {
	t.Helper()
	eventually(t, time.Minute, "they are equal again", func() bool {
		s := b.Status()
		return len(s.Members) == 2 && s.Members[0].Connected && s.Members[1].Connected &&
			s.VV.Covers(a.Status().VV) && sameRoots(a.Server, b.Server)
	})
}

// Goal: what a repair by deltas costs on the wire: at most twice the missing
// records and 4 KiB. Method: one of two nodes is stopped, the other takes d
// writes; the bytes are those of the first from its start until both are equal, in
// both directions, frames after compression. Once the other is started again too, so
// that nothing waits to be pushed, and once it is not, so that all of it may.
func TestRigDeltaBytes(t *testing.T) {
	a, b := rigPair(t)
	r := rand.New(rand.NewPCG(1, 2))
	for _, again := range []bool{true, false} {
		for _, d := range rigDifferences {
			b.stop(t)
			from := r.IntN(*rigRecords - d)
			a.fill(t, from, from+d)
			if again {
				a.stop(t)
				a.start(t)
			}
			began := time.Now()
			b.start(t)
			awaitRepaired(t, a, b)
			took, bytes := time.Since(began), b.wire()
			t.Logf("d %d of %d, source restarted %v: %d bytes on the wire for %d of payload, %v from the start",
				d, *rigRecords, again, bytes, rigPayload(d), took.Round(time.Millisecond))
			if bytes > 2*rigPayload(d)+4096 {
				t.Errorf("d %d: %d bytes on the wire, want at most %d", d, bytes, 2*rigPayload(d)+4096)
			}
		}
	}
}

// claim makes the directory of a stopped node claim what it does not have.
func (n *rigNode) claim(t *testing.T, base, vv keyspace.VV) {
	t.Helper()
	applied := make(chan statemachine.Input, 1)
	store, err := storage.Open(storage.Options{
		Dir: n.cfg.DataDir, Birth: birth(), Fatal: func(err error) { t.Error(err) },
		Deliver: func(in statemachine.Input) { applied <- in },
	})
	if err != nil {
		t.Fatal(err)
	}
	store.Perform(statemachine.Apply{Batch: &keyspace.Batch{
		ID: 1, Now: wall(), Claim: &keyspace.Claim{Base: base, VV: vv},
	}})
	if in := (<-applied).(statemachine.Applied); !in.Result.Claimed {
		t.Fatal("the claim was not adopted")
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// Goal: what a repair by a scrub costs on the wire, and that a scrub of equal
// data brings no record and costs at most 1 KiB. Method: as above, but the stopped
// node's directory is made to claim the d writes, so that no delta brings them.
func TestRigScrubBytes(t *testing.T) {
	a, b := rigPair(t)
	r := rand.New(rand.NewPCG(3, 4))
	for _, d := range rigDifferences[1:] {
		base := b.Status().VV
		b.stop(t)
		from := r.IntN(*rigRecords - d)
		a.fill(t, from, from+d)
		a.stop(t)
		a.start(t)
		b.claim(t, base, a.Status().VV) // of the start, so all of it
		began := time.Now()
		b.start(t)
		awaitRepaired(t, a, b)
		s := b.Status().Stats
		if s.ScrubLeaves == 0 {
			t.Errorf("d %d: no scrub has brought them", d)
		}
		t.Logf("d %d of %d: %d bytes on the wire for %d of payload, %d leaves listed, %v from the start", d,
			*rigRecords, b.wire(), rigPayload(d), s.ScrubLeaves, time.Since(began).Round(time.Millisecond))
	}
	before, wire, began := b.Status().Stats, b.wire(), wall()
	if _, err := b.api().SyncNow("a"); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the scrub is over", func() bool {
		s := b.Status()
		return s.Stats.Scrubs > before.Scrubs && wall() > began+500
	})
	after, bytes := b.Status().Stats, b.wire()-wire
	t.Logf("equal data: %d bytes on the wire in half a second, digests and probes included", bytes)
	if after.ScrubEntries != before.ScrubEntries || after.Repaired != before.Repaired || bytes > 1024 {
		t.Errorf("equal data: %d bytes, was %+v, is %+v", bytes, before, after)
	}
}
