package statemachine

import (
	"slices"

	"kvs/statemachine/keyspace"
)

// A record that the store can no longer read is asked for by the hash of its key,
// from one linked peer after the other. All are asked, also behind one that had
// an entry: it may have an older one, and what beats it is merged like any entry.
// Once all have answered or had the time to, what has taken the record's place
// stands, and this node makes claims out of its store again.

// damage is one record to be replaced.
type damage struct {
	key    string
	asked  []ReplicaID // sorted
	mended bool        // something can be read there again
	newer  bool        // and that was written here since: nobody else's can beat it
}

// onDamaged puts a record on the list. Bound: damagedMax; beyond it the record
// waits for its next report.
func (n *Node) onDamaged(key string) {
	if i := n.findDamage(key); i >= 0 {
		if d := &n.damage[i]; d.mended { // and damaged again
			d.asked, d.mended, d.newer = nil, false, false
			n.armBy(timerDamage, 0)
		}
		return
	}
	n.stats.Damaged++
	n.notify(RecordDamaged{key})
	if len(n.damage) >= damagedMax {
		n.stats.DroppedOverload++
		return
	}
	n.listDamage(key, false)
	n.armBy(timerDamage, 0)
}

func (n *Node) listDamage(key string, mended bool) {
	n.damage = append(n.damage, damage{key: key, mended: mended})
}

func (n *Node) findDamage(key string) int {
	return slices.IndexFunc(n.damage, func(d damage) bool { return d.key == key })
}

// onDamageDue asks the next peer for every record on the list.
func (n *Node) onDamageDue() {
	var forsake []string
	var wait Millis = damageRetry
	kept := n.damage[:0]
	hasher := keyspace.NewHasher(n.id.Digest)
	wants := make([][]keyspace.KeyHash, len(n.peers))
	for i := range n.damage {
		d := &n.damage[i]
		next := n.nextToAsk(d)
		switch {
		case d.newer:
			forsake = append(forsake, d.key)
			continue
		case next >= 0:
			d.asked = append(d.asked, n.peers[next].Replica)
			slices.SortFunc(d.asked, ReplicaID.Compare)
			wants[next] = append(wants[next], hasher.Key(d.key))
			wait = damageGap
		case d.mended && len(d.asked) > 0:
			forsake = append(forsake, d.key)
			continue
		default:
			d.asked = nil // nobody has it, or nobody is there: ask again later
		}
		kept = append(kept, *d)
	}
	clear(n.damage[len(kept):])
	n.damage = kept
	for i, want := range wants {
		for part := range slices.Chunk(want, damageWantMax) {
			n.send(n.peers[i], ClassControl, Items{Want: part})
		}
	}
	if len(forsake) > 0 {
		n.enqueue(job{kind: jobIdentity, forsake: forsake})
	}
	if len(n.damage) > 0 {
		n.arm(timerDamage, wait)
	}
}

// nextToAsk is the place of a linked peer that was not asked yet, or -1.
func (n *Node) nextToAsk(d *damage) int {
	return slices.IndexFunc(n.peers, func(p *peer) bool {
		_, asked := slices.BinarySearchFunc(d.asked, p.Replica, ReplicaID.Compare)
		return p.linked && !asked
	})
}

// onReadable takes note that an entry or a write of a key was judged, so that
// something can be read there. A write of a client is newer than what was lost.
func (n *Node) onReadable(key string, written bool) {
	if len(n.damage) == 0 {
		return
	}
	i := n.findDamage(key)
	switch {
	case i < 0:
	case written:
		n.damage[i].mended, n.damage[i].newer = true, true
		n.armBy(timerDamage, 0)
	case !n.damage[i].mended:
		n.damage[i].mended = true
		n.notify(RecordMended{key})
	}
}

// askAgain lets a peer that has just linked be asked soon.
func (n *Node) askAgain() {
	if len(n.damage) > 0 {
		n.armBy(timerDamage, damageGap)
	}
}

// unreadable counts the records that cannot be read.
func (n *Node) unreadable() (count int) {
	for i := range n.damage {
		if !n.damage[i].mended {
			count++
		}
	}
	return count
}
