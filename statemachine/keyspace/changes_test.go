package keyspace_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine/keyspace"
)

// follower folds a feed of changes into a map.
type follower struct {
	cursor keyspace.Cursor
	seen   map[string]keyspace.Entry // what stands, deletions too
	dots   keyspace.VV               // of all that it ever took
	resets int
}

// read follows a replica for a number of changes at most.
func (f *follower) read(t failer, r *replica, now keyspace.Millis, limit int) keyspace.Progress {
	t.Helper()
	f.carry(t, r)
	how := &keyspace.Follow{Me: keyspace.ReplicaID{r.id}, Now: now}
	p := keyspace.Changes(r.disk.Reader(), &f.cursor, how, func(c keyspace.Change) bool {
		f.take(c)
		limit--
		return limit > 0
	})
	if p == keyspace.ChangesReset {
		*f = follower{resets: f.resets + 1}
	}
	f.carry(t, r)
	return p
}

// carry writes the cursor down and reads it again.
func (f *follower) carry(t failer, r *replica) {
	t.Helper()
	b := f.cursor.Append(nil, keyspace.ClusterID{})
	back, known, ok := keyspace.ParseCursor(b, keyspace.ClusterID{}, r.vv().Retired())
	if !ok || !known || !bytes.Equal(b, back.Append(nil, keyspace.ClusterID{})) {
		t.Fatalf("cursor %+v comes back as %+v, known %t, ok %t", f.cursor, back, known, ok)
	}
	f.cursor = back
}

func (f *follower) take(c keyspace.Change) {
	if f.seen == nil {
		f.seen = make(map[string]keyspace.Entry)
	}
	f.dots.Add(c.Dot)
	old, had := f.seen[c.Key]
	if had && bytes.Compare(rank(old.Ver), rank(c.Ver)) > 0 {
		return
	}
	e := c.Entry
	e.Value = append([]byte(nil), e.Value...)
	if c.Op != keyspace.OpPut {
		e.Flags |= keyspace.Tombstone
	}
	f.seen[c.Key] = e
}

// live is the map that the follower would show.
func (f *follower) live() map[string]string {
	out := make(map[string]string)
	for k, e := range f.seen {
		if !e.Tombstone() {
			out[k] = fmt.Sprint(e.Ver, string(e.Value))
		}
	}
	return out
}

// visible is the map that a replica shows.
func (r *replica) visible(now keyspace.Millis) map[string]string {
	out := make(map[string]string)
	for _, e := range r.entries() {
		if e.Live(now) {
			out[e.Key] = fmt.Sprint(e.Ver, string(e.Value))
		}
	}
	return out
}

// TestFollowerSeesAll: replicas write, hear of each other, let records expire and
// collect; a follower reads a few changes here, a few there. Whenever it has read
// all that a replica has which knows at least what the follower knows, it shows what
// that replica shows.
func TestFollowerSeesAll(t *testing.T) {
	checks, resets := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 3))
		rs := []*replica{newReplica(1), newReplica(2), newReplica(3)}
		now := start
		var f follower
		for range rapid.IntRange(1, 60).Draw(t, "rounds") {
			r := rs[rng.IntN(len(rs))]
			switch now += keyspace.Millis(rng.IntN(30_000)); rng.IntN(6) {
			case 0, 1:
				r.write(&keyspace.Batch{Now: now, MaxSkew: 1000, Join: 1000, Writes: randomWrites(rng, 1+rng.IntN(4), 6)})
			case 2:
				r.pull(rs[rng.IntN(len(rs))], now)
			case 3:
				for i := range rs {
					r.pull(rs[i], now)
				}
				r.execute(&keyspace.Batch{Now: now, Turn: true})
				if common := frontier(rs); rng.IntN(3) == 0 {
					r.execute(&keyspace.Batch{Now: now, Purge: &keyspace.Purge{
						Frontier: common, Before: now - 20_000, Settled: keyspace.MinuteAt(now - 20_000),
					}})
				}
			default:
				p := f.read(t, r, now, 1+rng.IntN(4))
				if p != keyspace.ChangesAll || !r.vv().Covers(f.cursor.Have) || !r.vv().Covers(f.dots) {
					continue
				}
				checks++
				if want := r.visible(now); !maps.Equal(f.live(), want) {
					t.Fatalf("a follower with %v shows\n%v\nwant\n%v", f.cursor.Have, f.live(), want)
				}
			}
		}
		resets += f.resets
	})
	if checks < 10 || resets == 0 {
		t.Errorf("compared %d times, began again %d times", checks, resets)
	}
}

// frontier is what all replicas have, as heads.
func frontier(rs []*replica) keyspace.VV {
	f := rs[0].vv()
	for _, r := range rs {
		f.LowerHeads(r.vv())
	}
	return f
}

// pull brings a replica all that another has, with its claim.
func (r *replica) pull(from *replica, now keyspace.Millis) {
	if r == from {
		return
	}
	base := r.vv()
	p := keyspace.ReadDots(from.disk.Reader(), base, keyspace.Dot{}, 1000, 1<<20)
	r.execute(&keyspace.Batch{
		Now: now, MaxSkew: 1000, Entries: p.Entries,
		Claim: &keyspace.Claim{Base: base, VV: p.VV, Floor: p.Floor, Stamps: p.Stamps, Lapsed: p.Lapsed},
	})
}
