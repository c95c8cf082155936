package server

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"kvs/httpapi"
	"kvs/statemachine/keyspace"
)

// Goal: an operator's switch holds from its answer on, for writes and for what
// the node says of itself.
func TestModeIsSwitchedAtOnce(t *testing.T) {
	s := startNode(t, "a")
	for range 20 {
		if err := s.api().SetMode(true); err != nil {
			t.Fatal(err)
		}
		_, err := s.api().Write(httpapi.Write{Key: "k", Value: []byte("1")})
		if !errors.Is(err, httpapi.ErrReadOnly) || s.api().Health().Mode != "read-only" {
			t.Fatalf("a write: %v, health: %v", err, s.api().Health())
		}
		if err := s.api().SetMode(false); err != nil || s.api().Health().Mode != "normal" {
			t.Fatalf("%v, health: %v", err, s.api().Health())
		}
		put(t, s, "k", "1")
	}
}

// Goal: two nodes at rest say that they have converged, name each other, and
// find no difference; names and ids that are nobody's are told apart.
func TestOperatorOfTwoNodes(t *testing.T) {
	a := startNode(t, "a")
	b := startNode(t, "b", a.Address())
	eventually(t, 10*time.Second, "both are members and take writes", func() bool {
		h := b.api().Health()
		return h.MemberCount == 2 && h.Mode == "normal" && a.api().Health().MemberCount == 2
	})
	put(t, a, "x", "1")
	put(t, b, "y", "2")
	for _, s := range []*Server{a, b} {
		eventually(t, 10*time.Second, "converged with one peer", func() bool {
			st, err := s.api().SyncStatus()
			return err == nil && st.Converged && len(st.Peers) == 1 && st.Digest.Keys == 2
		})
	}
	st, err := a.api().SyncStatus()
	if err != nil || st.ID != "a" || st.Peers[0].ID != "b" || !st.Peers[0].EqualRoot || st.Peers[0].Digested == 0 {
		t.Errorf("%v %+v", err, st)
	}
	replica := st.Peers[0].Replica
	for _, name := range []string{"", "b", replica} {
		if peers, err := a.api().SyncNow(name); err != nil || len(peers) != 1 || peers[0] != (httpapi.Peer{ID: "b", Replica: replica}) {
			t.Errorf("now %q: %v %v", name, peers, err)
		}
	}
	if d, err := a.api().Diff("b", true); err != nil || len(d.Differences) != 0 || d.Peer.ID != "b" {
		t.Errorf("diff: %+v %v", d, err)
	}
	for name, want := range map[string]error{
		"a": httpapi.ErrSelf, "c": httpapi.ErrPeerUnknown, strings.Repeat("0", 32): httpapi.ErrPeerUnknown,
	} {
		if _, err := a.api().SyncNow(name); !errors.Is(err, want) {
			t.Errorf("now %q: %v", name, err)
		}
		if _, err := a.api().Diff(name, false); !errors.Is(err, want) {
			t.Errorf("diff %q: %v", name, err)
		}
	}
	if rows := a.api().Members(); len(rows) != 2 || rows[1].Replica != replica {
		t.Errorf("members: %+v", rows)
	}
}

// Goal: what is said to have converged includes every write that was answered
// before the question. The status that a running node publishes may be older.
func TestConvergedIncludesWhatWasWritten(t *testing.T) {
	a := startNode(t, "a")
	b := startNode(t, "b", a.Address())
	converged := func() bool {
		st, err := a.api().SyncStatus()
		return err == nil && st.Converged && len(st.Peers) == 1
	}
	eventually(t, 10*time.Second, "converged", converged)
	for i := range 50 {
		value := strconv.Itoa(i)
		put(t, a, "k", value)
		if !converged() {
			continue
		}
		if got, err := get(b, "k"); err != nil || got != value {
			t.Fatalf("converged after write %d, and the peer has %q, %v", i, got, err)
		}
	}
}

// Goal: the hash of a key leads to its name, deleted or not.
func TestNamesOfHashes(t *testing.T) {
	s := startNode(t, "a")
	put(t, s, "kept", "1")
	put(t, s, "gone", "1")
	if _, err := s.api().Write(httpapi.Write{Key: "gone", Delete: true}); err != nil {
		t.Fatal(err)
	}
	h := keyspace.NewHasher(s.Status().Identity.Digest)
	got, err := s.store.Names([]keyspace.KeyHash{h.Key("gone"), h.Key("absent"), h.Key("kept")})
	if err != nil || strings.Join(got, ",") != "gone,,kept" {
		t.Errorf("%q %v", got, err)
	}
}
