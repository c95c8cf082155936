package keyspace_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"kvs/statemachine/keyspace"
)

// keysOfLeaf finds keys of the leaf of one key by trying.
func keysOfLeaf(h *keyspace.Hasher, like string, n int) []string {
	leaf := h.Key(like).Leaf()
	out := []string{like}
	for i := 0; len(out) < n; i++ {
		if k := fmt.Sprintf("c%d", i); h.Key(k).Leaf() == leaf {
			out = append(out, k)
		}
	}
	return out
}

// TestReadLeafListsTheLeaf: a listing is every record of the leaf, tombstones
// included, in the order of hashes, and nothing else. Against a scan, on random
// stores of which some keys share a leaf.
func TestReadLeafListsTheLeaf(t *testing.T) {
	h := keyspace.NewHasher(keyspace.DigestKey{})
	crowded := keysOfLeaf(h, "k00", 3)
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		r := newReplica(1)
		ws := randomWrites(rng, 20, 10)
		for i := range ws {
			if rng.IntN(3) == 0 {
				ws[i].Key = crowded[rng.IntN(len(crowded))]
			}
		}
		r.write(&keyspace.Batch{Now: start, Writes: ws})
		byLeaf := make(map[keyspace.Leaf][]keyspace.LeafItem)
		for _, e := range r.entries() {
			kh := h.Key(e.Key)
			byLeaf[kh.Leaf()] = append(byLeaf[kh.Leaf()], keyspace.LeafItem{
				Key: kh, Digest: h.Record(e.Key, &e.Header).Hi, Hidden: e.Tombstone(),
			})
		}
		for _, leaf := range []keyspace.Leaf{0, keyspace.LeafCount - 1} {
			byLeaf[leaf] = append(byLeaf[leaf], []keyspace.LeafItem{}...)
		}
		for leaf, want := range byLeaf {
			slices.SortFunc(want, func(a, b keyspace.LeafItem) int {
				if a.Key < b.Key {
					return -1
				}
				return 1
			})
			if got := keyspace.ReadLeaf(r.disk.Reader(), h, leaf, 0); !slices.Equal(got, want) {
				t.Fatalf("leaf %d: %v, want %v", leaf, got, want)
			}
		}
	})
}

// TestReadLeafSeesTheLastLeaf: the records of the very last leaf, behind which
// the class ends, are listed too. A key found by trying.
func TestReadLeafSeesTheLastLeaf(t *testing.T) {
	h := keyspace.NewHasher(keyspace.DigestKey{})
	key := ""
	for i := 0; key == "" || h.Key(key).Leaf() < keyspace.LeafCount-64; i++ {
		key = fmt.Sprintf("k%d", i)
	}
	r := newReplica(1)
	r.write(&keyspace.Batch{Now: start, Writes: []keyspace.Write{{Key: key, Value: []byte("v")}}})
	total := 0
	for leaf := keyspace.Leaf(keyspace.LeafCount - 64); leaf < keyspace.LeafCount; leaf++ {
		total += len(keyspace.ReadLeaf(r.disk.Reader(), h, leaf, 0))
	}
	if total != 1 {
		t.Fatalf("%d records in the last leaves", total)
	}
}

// TestReadRecordsInTheOrderAsked: the records with the hashes asked for come in
// that order, up to the bound of bytes, but at least one. Against a scan.
func TestReadRecordsInTheOrderAsked(t *testing.T) {
	h := keyspace.NewHasher(keyspace.DigestKey{})
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		r := newReplica(1)
		r.write(&keyspace.Batch{Now: start, Writes: randomWrites(rng, 15, 10)})
		byHash := make(map[keyspace.KeyHash]keyspace.Entry)
		ask := []keyspace.KeyHash{0, ^keyspace.KeyHash(0)}
		for _, e := range r.entries() {
			byHash[h.Key(e.Key)] = e
			ask = append(ask, h.Key(e.Key))
		}
		rng.Shuffle(len(ask), func(i, j int) { ask[i], ask[j] = ask[j], ask[i] })
		ask = ask[:1+rng.IntN(len(ask))]
		bytesMax := rapid.IntRange(1, 10_000).Draw(t, "bytes")
		var want []string
		left := bytesMax
		for _, kh := range ask {
			e, ok := byHash[kh]
			if left -= e.Size(); ok && len(want) > 0 && left < 0 {
				break
			}
			if ok {
				want = append(want, fmt.Sprint(e))
			} else {
				left += e.Size()
			}
		}
		var got []string
		for _, e := range keyspace.ReadRecords(r.disk.Reader(), ask, 1<<20, bytesMax) {
			got = append(got, fmt.Sprint(e))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%d records, want %d:\n%v\n%v", len(got), len(want), got, want)
		}
	})
}
