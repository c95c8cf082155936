package sim

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// What becomes of a record that rots.
const (
	rotUnreadable = iota // it fails its checksum
	rotChanged           // its value is another
	rotGone              // it is not there, though the indexes know of it
	rotUnlisted          // the index of hashes does not know of it
	rotKinds
)

// rot damages a record of a random host, if another running host has the same.
func (f *faults) rot() {
	h := f.w.hosts[f.rng.IntN(len(f.w.hosts))]
	f.w.act(ActRot, of(h), int64(f.rng.IntN(f.w.opt.Keys)), int64(f.rng.IntN(rotKinds)))
}

// rotAt damages one record. Damage on one disk at a time costs nothing: what no other
// host has does not rot. The verifier comes by at once, and must see it.
func (f *faults) rotAt(h *host, key string, kind int64) {
	if !h.up || h.still || h.busy || !f.w.copied(h, key) {
		return
	}
	f.w.count.rotten++
	at := keyspace.DataKey(key)
	stored := bytes.Clone(h.disk.Reader().Get(at))
	rec, _ := keyspace.DecodeRecord(stored)
	switch {
	case kind == rotGone:
		h.disk.Update(func(tx keyspace.Tx) { tx.Delete(at) })
	case kind == rotUnlisted && !rec.Tombstone() && rec.Expires == 0 && !h.copying(): // or no sum tells
		h.disk.Update(func(tx keyspace.Tx) { tx.Delete(h.hashEntry(key)) })
	case kind == rotChanged && len(rec.Value) > 0:
		stored[len(stored)-1]++
		h.disk.Update(func(tx keyspace.Tx) { tx.Set(at, stored) })
	default:
		h.disk.Damage(at)
	}
	delete(h.witness.high, key) // something older may take its place for a while
	delete(h.witness.gone, key)
	if !h.verify(h.hasher.Key(key).Leaf()) {
		f.w.fail("rot", "host %d does not see that %s is damaged", h.index, key)
	}
}

// hashEntry is where the index of hashes has a key: a byte, the hash, the key.
func (h *host) hashEntry(key string) (at []byte) {
	tail := string(binary.BigEndian.AppendUint64(nil, uint64(h.hasher.Key(key)))) + key
	for k := range h.disk.Reader().Ascend(nil, nil) {
		if len(k) == 1+len(tail) && string(k[1:]) == tail {
			at = k
		}
	}
	return at
}

// copied says that another running host has the record of a key just as a host has it,
// and all records: one that takes a copy answers nobody, and cannot mend its own source.
func (w *World) copied(h *host, key string) bool {
	mine := h.disk.Reader().Get(keyspace.DataKey(key))
	for _, o := range w.hosts {
		if o != h && o.up && !o.copying() && mine != nil && !keyspace.IsDamaged(mine) {
			theirs := o.disk.Reader().Get(keyspace.DataKey(key))
			a, _ := keyspace.DecodeRecord(mine)
			if b, ok := keyspace.DecodeRecord(theirs); ok && a.Ver == b.Ver && a.Dot == b.Dot {
				return true
			}
		}
	}
	return false
}

// verify does with one leaf what the verifier of production does, and says whether it
// has found anything wrong.
func (h *host) verify(leaf keyspace.Leaf) bool {
	r := h.disk.Reader()
	found := keyspace.VerifyLeaf(r, h.hasher, leaf)
	if found.Sum {
		found.Keys = append(found.Keys, keyspace.VerifyHashes(r, h.hasher, leaf)...)
	}
	if !found.Wrong() {
		return false
	}
	h.state.SuspectLeaf(leaf)
	for _, key := range found.Keys {
		h.state.Suspect(key)
	}
	for _, key := range h.state.FinishMend(h.disk.Update) {
		if h.up {
			h.step(statemachine.Damaged{Key: key})
		}
	}
	return true
}

// rotten says what is still damaged, "" if nothing is. A damaged tombstone shows in no
// digest, so that convergence does not wait for it: who has it is asked again within a
// minute, if the answer was lost.
func (w *World) rotten() string {
	for _, h := range w.hosts {
		page := keyspace.ReadDots(h.disk.Reader(), keyspace.VV{}, keyspace.Dot{}, 10_000, 1<<30)
		if n := h.node.Status().Damaged; page.Holes || n > 0 {
			return fmt.Sprintf("host %d has %d damaged records, holes %v", h.index, n, page.Holes)
		}
	}
	return ""
}
