package keyspace_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine/keyspace"
)

// TestRestartKeepsEverythingAndBeginsAStream: what a start finds is what the run
// before had made durable; the boot count rises by one and the stream is new.
// Random batches before each of several restarts.
func TestRestartKeepsEverythingAndBeginsAStream(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		foreign := history(rng, 5, 5)
		r := newReplica(9)
		members := map[keyspace.ReplicaID]keyspace.Member{}
		for range rapid.IntRange(1, 4).Draw(t, "restarts") {
			m := keyspace.Member{Replica: keyspace.ReplicaID{byte(rng.IntN(4))}, Name: "n", Joined: 5}
			members[m.Replica] = m
			r.execute(&keyspace.Batch{
				Now: start, Writes: randomWrites(rng, 3, 5), Members: []keyspace.Member{m},
			})
			r.merge(foreign[rng.IntN(len(foreign))])
			before, root, old := r.state.Snapshot(r.disk.Reader()), r.root(), r.entries()
			r.disk.Crash(0)
			r.open()
			wantRestarted(t, before, r.snap)
			if r.root() != root || len(r.entries()) != len(old) || len(r.snap.Members) != len(members) {
				t.Fatalf("%d records, before %d", len(r.entries()), len(old))
			}
			for _, m := range r.snap.Members {
				if members[m.Replica] != m {
					t.Fatalf("member %v, want %v", m, members[m.Replica])
				}
			}
			r.wantConsistent(t)
		}
	})
}

func wantRestarted(t failer, before, after keyspace.Snapshot) {
	t.Helper()
	was, is := before.Identity, after.Identity
	if is.Boot.Count != was.Boot.Count+1 || is.Boot.Random == was.Boot.Random {
		t.Fatalf("boot %v follows %v", is.Boot, was.Boot)
	}
	is.Boot = was.Boot
	if is != was {
		t.Fatalf("identity %v, before %v", is, was)
	}
	if after.Stream == before.Stream || after.Stream.Replica != before.Stream.Replica {
		t.Fatalf("stream %v follows %v", after.Stream, before.Stream)
	}
	if !after.VV.Equal(before.VV) || after.Sum != before.Sum || after.Live != before.Live ||
		!slices.Equal(after.Members, before.Members) {
		t.Fatalf("after the restart %v, before %v", after, before)
	}
}

// one is a batch of one write.
func one(now keyspace.Millis, key string) *keyspace.Batch {
	return &keyspace.Batch{Now: now, Writes: []keyspace.Write{{Key: key, Value: []byte("v")}}}
}

// TestClockNeverGoesBack: a write after a restart with an earlier clock still
// gets at least the timestamps of the run before, its own and plausible foreign
// ones; one too far ahead does not move the clock.
func TestClockNeverGoesBack(t *testing.T) {
	r, peer := newReplica(1), newReplica(2)
	ahead := peer.write(one(start+500, "a"))
	far := peer.write(one(start+5000, "b"))
	r.execute(&keyspace.Batch{Now: start, MaxSkew: 500, Entries: append(ahead, far...)})
	r.disk.Crash(0)
	r.open()
	es := r.write(&keyspace.Batch{Now: start - 1000, MaxSkew: 500, Writes: []keyspace.Write{
		{Key: "new", Value: []byte("v")}, {Key: "b", Value: []byte("v")},
	}})
	if got := es[0].Ver.TS; got != start+500 {
		t.Errorf("a new key is stamped %d, want %d", got-start, 500)
	}
	if got := es[1].Ver.TS; got < start+5000 || got > start+5001 {
		t.Errorf("the overwritten key is stamped %d, want 5000 or 5001", got-start)
	}
}

// TestUnsyncedBatchIsGoneAsAWhole: a batch that a crash lost leaves no trace,
// and the dots that it used are never used again.
func TestUnsyncedBatchIsGoneAsAWhole(t *testing.T) {
	r := newReplica(1)
	r.write(one(start, "kept"))
	vv := r.vv()
	lost := r.state.Execute(r.disk.Commit, &keyspace.Batch{
		Now:    start,
		Writes: []keyspace.Write{{Key: "lost", Value: []byte("v")}, {Key: "kept", Delete: true}},
	})
	r.disk.Crash(0)
	r.open()
	if es := r.entries(); len(es) != 1 || es[0].Tombstone() || !r.vv().Equal(vv) {
		t.Fatalf("%v is left, vector %v", list(es), r.vv())
	}
	r.wantConsistent(t)
	again := r.write(one(start, "x"))
	if again[0].Dot.Stream == lost.Outcomes[0].Header.Dot.Stream {
		t.Fatalf("%v continues a stream of which writes were lost", again[0].Dot)
	}
}
