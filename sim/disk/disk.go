package disk

import (
	"iter"

	"github.com/tidwall/btree"

	"kvs/statemachine/keyspace"
)

// Disk is an ordered store that distinguishes what a transaction has written
// from what would survive a loss of power.
type Disk struct {
	records  btree.Map[string, []byte]
	unsynced []undo // one a committed transaction, oldest first
}

// undo takes one transaction back: the values that it replaced, newest last.
type undo []replaced

type replaced struct {
	key     string
	value   []byte
	existed bool
}

// New returns an empty disk.
func New() *Disk { return &Disk{} }

// Commit runs fn in one transaction. It is visible at once, and survives a
// crash only after Sync.
func (d *Disk) Commit(fn func(keyspace.Tx)) {
	t := &tx{view: view{d}}
	fn(t)
	d.unsynced = append(d.unsynced, t.undo)
}

// Sync makes all committed transactions survive a crash.
func (d *Disk) Sync() {
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

// Crash cuts the power: of the unsynced transactions the first keep survive,
// the others are gone, each as a whole.
func (d *Disk) Crash(keep int) {
	for len(d.unsynced) > keep {
		last := d.unsynced[len(d.unsynced)-1]
		for i := len(last) - 1; i >= 0; i-- {
			if r := last[i]; r.existed {
				d.records.Set(r.key, r.value)
			} else {
				d.records.Delete(r.key)
			}
		}
		d.unsynced = d.unsynced[:len(d.unsynced)-1]
	}
	d.Sync()
}

// Clone returns a copy of everything, unsynced transactions included.
func (d *Disk) Clone() *Disk {
	c := &Disk{records: *d.records.Copy()}
	for _, u := range d.unsynced {
		c.unsynced = append(c.unsynced, append(undo(nil), u...))
	}
	return c
}

// Durable returns a copy of what a loss of power would leave right now.
func (d *Disk) Durable() *Disk {
	c := d.Clone()
	c.Crash(0)
	return c
}

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
	if old, existed := t.disk.records.Delete(string(key)); existed {
		t.undo = append(t.undo, replaced{string(key), old, true})
	}
}
