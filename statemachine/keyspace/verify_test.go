package keyspace_test

import (
	"math/rand/v2"
	"testing"

	"kvs/statemachine/keyspace"
)

// verify runs the verifier over all leaves, and mends what it finds.
func (r *replica) verify() (found, damaged int) {
	h := keyspace.NewHasher(r.state.DigestKey())
	view := r.disk.Reader()
	for leaf := range keyspace.Leaf(keyspace.LeafCount) {
		v := keyspace.VerifyLeaf(view, h, leaf)
		if v.Sum {
			v.Keys = append(v.Keys, keyspace.VerifyHashes(view, h, leaf)...)
			r.state.SuspectLeaf(leaf)
		}
		for _, key := range v.Keys {
			r.state.Suspect(key)
		}
		if v.Wrong() {
			found++
		}
	}
	return found, len(r.state.FinishMend(r.disk.Update))
}

// TestVerifierFindsWhatTheDiskDid: a record that is damaged, gone or changed
// under a sound checksum is found and no longer counted; a row that an index has
// lost and a sum that is wrong are put right. A second pass finds no more than
// what is still damaged.
func TestVerifierFindsWhatTheDiskDid(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(tx keyspace.Tx, r *replica, e *keyspace.Entry)
		lost int
	}{
		"nothing": {func(keyspace.Tx, *replica, *keyspace.Entry) {}, 0},
		"damaged record": {func(tx keyspace.Tx, _ *replica, e *keyspace.Entry) {
			tx.Set(keyspace.DataKey(e.Key), keyspace.Damaged())
		}, 1},
		"missing record": {func(tx keyspace.Tx, _ *replica, e *keyspace.Entry) {
			tx.Delete(keyspace.DataKey(e.Key))
		}, 1},
		"changed value": {func(tx keyspace.Tx, _ *replica, e *keyspace.Entry) {
			b := append([]byte{}, tx.Get(keyspace.DataKey(e.Key))...)
			b[len(b)-1] ^= 1
			tx.Set(keyspace.DataKey(e.Key), b)
		}, 1},
		"missing hash": {func(tx keyspace.Tx, r *replica, e *keyspace.Entry) {
			kh := keyspace.NewHasher(r.state.DigestKey()).Key(e.Key)
			tx.Delete([]byte("h" + be64(uint64(kh)) + e.Key))
		}, 0},
		"missing dot": {func(tx keyspace.Tx, _ *replica, e *keyspace.Entry) {
			s := e.Dot.Stream
			tx.Delete([]byte("o" + string(s.Replica[:]) + string(s.Epoch[:]) + be64(uint64(e.Dot.Seq))))
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplica(1)
			fill(r, 200)
			before := r.entries()
			rng := rand.New(rand.NewPCG(7, 7))
			e := &before[rng.IntN(len(before))]
			for e.Tombstone() {
				e = &before[rng.IntN(len(before))]
			}
			r.disk.Update(func(tx keyspace.Tx) { c.harm(tx, r, e) })
			found, damaged := r.verify()
			if damaged != c.lost || (found > 0) != (name != "nothing") {
				t.Fatalf("%d leaves are wrong, %d records damaged", found, damaged)
			}
			if again, still := r.verify(); again != c.lost || still != c.lost {
				t.Fatalf("a second pass finds %d leaves and %d records", again, still)
			}
			r.wantReadable(t)
			r.execute(&keyspace.Batch{Now: start, Repair: true, Entries: []keyspace.Entry{*e}})
			r.wantConsistent(t)
		})
	}
}

// TestVerifierPutsSumsRight: a sum that does not fit the records, in memory and
// on the disk.
func TestVerifierPutsSumsRight(t *testing.T) {
	r := newReplica(1)
	fill(r, 200)
	root := r.root()
	for k := range r.rows('m') {
		r.disk.Update(func(tx keyspace.Tx) {
			b := append([]byte{}, tx.Get([]byte(k))...)
			b[15]++
			tx.Set([]byte(k), b)
		})
	}
	r.open()
	if r.root() == root {
		t.Fatal("the harm is not seen")
	}
	if found, _ := r.verify(); found == 0 || r.root() != root {
		t.Fatalf("%d leaves are wrong, the root is right: %v", found, r.root() == root)
	}
	r.wantConsistent(t)
}
