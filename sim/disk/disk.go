package disk

import (
	"iter"
	"slices"

	"github.com/tidwall/btree"

	"kvs/statemachine/keyspace"
)

// Disk is an ordered store that distinguishes what a transaction has written
// from what would survive a loss of power.
type Disk struct {
	records  btree.Map[string, []byte]
	unsynced []undo // one a committed transaction, oldest first
	history  []undo // the newest synced ones, oldest first, at most remember
	remember int
}

// undo takes one transaction back: what each of its writes found, in their order.
type undo []replaced

type replaced struct {
	key     string
	value   []byte
	existed bool
}

// of is what the transaction found under a key before it wrote there, nil if it did
// not.
func (u undo) of(key string) *replaced {
	for i := range u {
		if u[i].key == key {
			return &u[i]
		}
	}
	return nil
}

// New returns an empty disk.
func New() *Disk { return &Disk{} }

// Remember keeps the undo of the newest n synced transactions from now on, so
// that LoseTail and LoseOne can take them back. It costs their old values.
func (d *Disk) Remember(n int) { d.remember = n }

// Commit runs fn in one transaction. It is visible at once, and survives a
// crash only after Sync.
func (d *Disk) Commit(fn func(keyspace.Tx)) {
	t := &tx{view: view{d}}
	fn(t)
	d.unsynced = append(d.unsynced, t.undo)
}

// SplitNewest makes two transactions of the newest unsynced one: first what it
// wrote under the keys that first picks, then the rest. No store may do so.
func (d *Disk) SplitNewest(first func(key string) bool) {
	last := len(d.unsynced) - 1
	var one, two undo
	for _, was := range d.unsynced[last] {
		if first(was.key) {
			one = append(one, was)
		} else {
			two = append(two, was)
		}
	}
	d.unsynced = append(d.unsynced[:last], one, two)
}

// Sync makes all committed transactions survive a crash.
func (d *Disk) Sync() {
	if d.remember > 0 {
		d.history = append(d.history, d.unsynced...)
		d.history = d.history[max(0, len(d.history)-d.remember):]
	}
	clear(d.unsynced)
	d.unsynced = d.unsynced[:0]
}

// Update is Commit and Sync: one durable transaction.
func (d *Disk) Update(fn func(keyspace.Tx)) {
	d.Commit(fn)
	d.Sync()
}

// Unsynced is the number of transactions that a crash may lose.
func (d *Disk) Unsynced() int { return len(d.unsynced) }

// Synced is the number of synced transactions that can still be lost.
func (d *Disk) Synced() int { return len(d.history) }

// Crash cuts the power: of the unsynced transactions the first keep survive,
// the others are gone, each as a whole.
func (d *Disk) Crash(keep int) {
	at := -1
	d.CrashKeeping(func() bool { at++; return at < keep })
}

// CrashKeeping cuts the power: each unsynced transaction for which keep, asked
// from the oldest on, says yes survives, the others are gone, each as a whole. A
// device that reorders writes leaves such a subset.
func (d *Disk) CrashKeeping(keep func() bool) {
	for i := 0; i < len(d.unsynced); {
		if keep() {
			i++
			continue
		}
		d.unsynced = d.lose(d.unsynced, i)
	}
	d.Sync()
}

// Clone returns a copy of everything, unsynced transactions included.
func (d *Disk) Clone() *Disk {
	c := &Disk{records: *d.records.Copy()}
	for _, u := range d.unsynced {
		c.unsynced = append(c.unsynced, slices.Clone(u))
	}
	return c
}

// Durable returns a copy of what a loss of power would leave right now.
func (d *Disk) Durable() *Disk {
	c := d.Clone()
	c.Crash(0)
	return c
}

// LoseTail takes back the newest n synced transactions, as a device does that
// lied about its syncs, or a log whose end was damaged. Call it after a crash.
func (d *Disk) LoseTail(n int) {
	for ; n > 0; n-- {
		d.history = d.lose(d.history, len(d.history)-1)
	}
}

// LoseOne takes back one synced transaction and leaves newer ones alone: the
// newest has age 0. Call it after a crash.
func (d *Disk) LoseOne(age int) { d.history = d.lose(d.history, len(d.history)-1-age) }

// lose takes transaction i of a run back. What newer ones of the run wrote over
// stays, and their undo now leads to the state without it.
func (d *Disk) lose(run []undo, i int) []undo {
	if len(d.unsynced) > 0 && len(run) > 0 && &run[0] != &d.unsynced[0] {
		panic("disk: a synced transaction is lost before the crash")
	}
	for _, was := range slices.Backward(run[i]) {
		if newer := nextWrite(run[i+1:], was.key); newer != nil {
			*newer = was
			continue
		}
		if was.existed {
			d.records.Set(was.key, was.value)
		} else {
			d.records.Delete(was.key)
		}
	}
	return append(run[:i:i], run[i+1:]...)
}

// nextWrite is what the first of newer transactions that wrote a key found there, nil
// for none.
func nextWrite(newer []undo, key string) *replaced {
	for _, u := range newer {
		if was := u.of(key); was != nil {
			return was
		}
	}
	return nil
}

// Damage lets the value under a key fail its checksum, until it is overwritten.
func (d *Disk) Damage(key []byte) { d.records.Set(string(key), keyspace.Damaged()) }

// View runs fn on what is committed.
func (d *Disk) View(fn func(keyspace.Reader)) { fn(view{d}) }

// Reader is the view that View hands out, for callers that are alone anyway.
func (d *Disk) Reader() keyspace.Reader { return view{d} }

type view struct{ disk *Disk }

func (v view) Get(key []byte) []byte {
	b, _ := v.disk.records.Get(string(key))
	return b
}

func (v view) Ascend(start, end []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		v.disk.records.Ascend(string(start), func(k string, b []byte) bool {
			if len(end) > 0 && k >= string(end) {
				return false
			}
			return yield([]byte(k), b)
		})
	}
}

type tx struct {
	view
	undo undo
}

func (t *tx) Set(key, value []byte) {
	k := string(key)
	old, existed := t.disk.records.Set(k, value)
	t.undo = append(t.undo, replaced{k, old, existed})
}

func (t *tx) Delete(key []byte) {
	// A delete of nothing counts: there may be something once an older
	// transaction is lost.
	k := string(key)
	old, existed := t.disk.records.Delete(k)
	t.undo = append(t.undo, replaced{k, old, existed})
}
