package keyspace_test

import (
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine/keyspace"
)

// TestTreeFollowsTheRecords: after every batch the tree kept by increments is
// the one built from the records, and all indexes agree. Random local writes,
// merges and restarts.
func TestTreeFollowsTheRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		foreign := history(rng, 15, 5)
		r := newReplica(9)
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			at := start + keyspace.Millis(rng.IntN(5))
			switch rng.IntN(5) {
			case 0:
				r.disk.Crash(0)
				r.open()
			case 1, 2:
				r.execute(&keyspace.Batch{Now: at, MaxSkew: 10, Writes: randomWrites(rng, 3, 5)})
			default:
				if n := len(foreign); n > 0 {
					i := rng.IntN(n)
					r.merge(foreign[i:min(n, i+5)]...)
				}
			}
			r.wantConsistent(t)
		}
	})
}

// TestTreeNodesAddUp: every node is the sum of its 64 children, down to the
// leaves. Random additions, with neighbours and ends among them.
func TestTreeNodesAddUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	var tree keyspace.Tree
	for range 3000 {
		leaf := keyspace.Leaf(rng.IntN(keyspace.LeafCount))
		switch rng.IntN(4) {
		case 0:
			leaf %= 70
		case 1:
			leaf = keyspace.LeafCount - 1 - leaf%70
		}
		tree.Add(leaf, keyspace.Sum{Hi: rng.Uint64(), Lo: rng.Uint64()})
	}
	for level := keyspace.LevelRoot; level < keyspace.LevelLeaf; level++ {
		for i := range keyspace.LevelWidth(level) {
			var sum keyspace.Sum
			for c := range uint32(64) {
				sum = sum.Plus(tree.Node(level+1, 64*i+c))
			}
			if sum != tree.Node(level, i) {
				t.Fatalf("node %d of level %d is %v, its children make %v", i, level, tree.Node(level, i), sum)
			}
		}
	}
	if w := keyspace.LevelWidth(keyspace.LevelLeaf); w != keyspace.LeafCount {
		t.Fatalf("%d leaves, want %d", w, keyspace.LeafCount)
	}
}

// TestSumsAreAGroup: adding and taking away again leaves nothing.
func TestSumsAreAGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Make[keyspace.Sum]().Draw(t, "a")
		b := rapid.Make[keyspace.Sum]().Draw(t, "b")
		if a.Plus(b) != b.Plus(a) || a.Plus(b).Minus(b) != a || !a.Minus(a).IsZero() {
			t.Fatalf("%v and %v do not add up", a, b)
		}
	})
}

// TestRootShowsWhatIsVisible: the root changes with any visible part of a
// record, and not with a tombstone. One difference at a time.
func TestRootShowsWhatIsVisible(t *testing.T) {
	h := keyspace.NewHasher(keyspace.DigestKey{1})
	base := keyspace.Header{Ver: keyspace.Version{TS: 1}, Expires: 5}
	seen := map[keyspace.Sum]string{{}: "nothing", h.Record("k", &base): "the base"}
	note := func(what string, s keyspace.Sum) {
		if other, ok := seen[s]; ok {
			t.Errorf("%s has the digest of %s", what, other)
		}
		seen[s] = what
	}
	note("another key", h.Record("l", &base))
	note("another digest key", keyspace.NewHasher(keyspace.DigestKey{2}).Record("k", &base))
	for what, change := range map[string]func(*keyspace.Header){
		"another timestamp": func(h *keyspace.Header) { h.Ver.TS++ },
		"another join time": func(h *keyspace.Header) { h.Ver.Joined++ },
		"another uuid":      func(h *keyspace.Header) { h.Ver.UUID[15]++ },
		"another expiry":    func(h *keyspace.Header) { h.Expires++ },
		"another value":     func(h *keyspace.Header) { h.ValHash[0]++ },
	} {
		hd := base
		change(&hd)
		note(what, h.Record("k", &hd))
	}
	dead := base
	dead.Flags = keyspace.Tombstone
	if !h.Record("k", &dead).IsZero() {
		t.Error("a tombstone is counted")
	}
}
