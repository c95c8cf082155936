package storage

import (
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"kvs/statemachine/keyspace"
)

// tx is a keyspace.Tx on one of Badger's transactions.
type tx struct {
	reader
	splits  map[string]struct{} // the engine's
	small   *compressor         // the engine's
	entries []badger.Entry      // not used yet
}

// Set implements keyspace.Tx. Badger keeps the key, so the caller gives it away.
func (t *tx) Set(key, value []byte) {
	if len(key) == 0 || key[0] >= classOwn || len(value) == 0 {
		panic(fmt.Sprintf("storage: set of key %q with %d bytes", key, len(value)))
	}
	if envelopeBytes+len(value) > 2*partBytesMax {
		panic(fmt.Sprintf("storage: value of %d bytes under key %q", len(value), key))
	}
	whole, split := byte(formatWhole), byte(formatSplit)
	if small := t.shrink(key, value); small != nil {
		value, whole, split = small, formatSmall, formatSmallSplit
	}
	stored := t.slab.take(envelopeBytes + len(value))
	if len(stored) <= partBytesMax {
		seal(stored, whole, key, value)
		t.set(key, stored)
		t.dropSecond(key)
		return
	}
	seal(stored, split, key, value)
	t.set(key, stored[:partBytesMax:partBytesMax])
	t.set(secondKey(key), stored[partBytesMax:])
	t.splits[string(key)] = struct{}{}
}

// shrink compresses a value where that pays. What a replica cannot do without stays as
// it is: it is little, and nothing but its sum should lie between it and its reader.
func (t *tx) shrink(key, value []byte) []byte {
	if keyspace.IsSystem(key) {
		return nil
	}
	return t.small.shrink(value)
}

func (t *tx) set(key, stored []byte) {
	if len(t.entries) == 0 {
		t.entries = make([]badger.Entry, slabEntries)
	}
	e := &t.entries[0]
	t.entries = t.entries[1:]
	e.Key, e.Value = key, stored
	if err := t.txn.SetEntry(e); err != nil {
		panic(fault{t.explain(err)})
	}
}

// Delete implements keyspace.Tx.
func (t *tx) Delete(key []byte) {
	t.delete(key)
	t.dropSecond(key)
}

func (t *tx) delete(key []byte) {
	if err := t.txn.Delete(key); err != nil {
		panic(fault{t.explain(err)})
	}
}

// dropSecond deletes the second part of the value that was under key. Without
// the set of such keys every write would pay for a look-up or a delete.
func (t *tx) dropSecond(key []byte) {
	if _, ok := t.splits[string(key)]; ok {
		t.delete(secondKey(key))
	}
}

func (t *tx) explain(err error) error { return fmt.Errorf("write into a batch: %w", err) }
