package disk

import (
	"iter"

	"github.com/tidwall/btree"

	"kvs/statemachine/keyspace"
)

// Disk is an ordered store that distinguishes what a transaction has written
// from what would survive a loss of power.
type Disk struct {
	records *btree.Map[string, []byte] // committed: what readers see
	synced  *btree.Map[string, []byte] // what a crash leaves
	pending []*btree.Map[string, []byte]
}

// New returns an empty disk.
func New() *Disk {
	return &Disk{records: new(btree.Map[string, []byte]), synced: new(btree.Map[string, []byte])}
}

// Commit runs fn in one transaction. It is visible at once, and survives a
// crash only after Sync.
func (d *Disk) Commit(fn func(keyspace.Tx)) {
	fn(tx{view{d.records}})
	d.pending = append(d.pending, d.records.Copy())
}

// Sync makes all committed transactions survive a crash.
func (d *Disk) Sync() {
	if n := len(d.pending); n > 0 {
		d.synced = d.pending[n-1]
		d.pending = d.pending[:0]
	}
}

// Update is Commit and Sync: one durable transaction.
func (d *Disk) Update(fn func(keyspace.Tx)) {
	d.Commit(fn)
	d.Sync()
}

// Unsynced is the number of transactions that a crash may lose.
func (d *Disk) Unsynced() int { return len(d.pending) }

// Crash cuts the power: of the unsynced transactions the first keep survive,
// the others are gone, each as a whole.
func (d *Disk) Crash(keep int) {
	if keep > 0 {
		d.synced = d.pending[keep-1]
	}
	d.pending = d.pending[:0]
	d.records = d.synced.Copy()
}

// View runs fn on what is committed.
func (d *Disk) View(fn func(keyspace.Reader)) { fn(view{d.records}) }

// Reader is the view that View hands out, for callers that are alone anyway.
func (d *Disk) Reader() keyspace.Reader { return view{d.records} }

type view struct{ records *btree.Map[string, []byte] }

func (v view) Get(key []byte) []byte {
	b, _ := v.records.Get(string(key))
	return b
}

func (v view) Ascend(start, end []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		v.records.Ascend(string(start), func(k string, b []byte) bool {
			if len(end) > 0 && k >= string(end) {
				return false
			}
			return yield([]byte(k), b)
		})
	}
}

type tx struct{ view }

func (t tx) Set(key, value []byte) { t.records.Set(string(key), value) }
func (t tx) Delete(key []byte)     { t.records.Delete(string(key)) }
