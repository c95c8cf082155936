package storage

import (
	"bytes"
	"errors"
	"iter"
	"runtime"

	"github.com/dgraph-io/badger/v4"

	"kvs/statemachine/keyspace"
)

// fault is the panic in which a failure of the disk crosses the code of the
// keyspace, which knows no errors. guard ends it.
type fault struct{ err error }

// Error tells a fault that nobody guarded against.
func (f fault) Error() string { return f.err.Error() }

// guard runs fn and returns the failure that stopped it. Any other panic is a
// bug and goes on.
func guard(fn func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case fault:
			err = r.err
		default:
			panic(r)
		}
	}()
	fn()
	return nil
}

// reader is a keyspace.Reader on one of Badger's transactions.
type reader struct {
	txn  *badger.Txn
	slab slab
	// report hears of records that do not match their checksum, from the
	// goroutine that reads.
	report func(key []byte)
}

// Get implements keyspace.Reader. What it returns is Badger's copy, made for
// this call, because no value is ever in the value log; or, inside a
// transaction, the very slice that waits for the commit.
func (r *reader) Get(key []byte) []byte {
	payload, err := r.get(key)
	if err = r.excuse(key, &payload, err); err != nil {
		panic(fault{err})
	}
	return payload
}

// excuse turns damage into what a keyspace.Reader says of it, and reports it. Of
// system records, and of any other failure, it leaves the error.
func (r *reader) excuse(key []byte, payload *[]byte, err error) error {
	if err == nil || !errors.Is(err, ErrDamaged) || keyspace.IsSystem(key) {
		return err
	}
	*payload = keyspace.Damaged()
	r.report(key)
	return nil
}

func (r *reader) get(key []byte) (payload []byte, err error) {
	stored, err := r.stored(key)
	if stored == nil || err != nil {
		return nil, err
	}
	return r.unseal(key, stored, nil)
}

// stored returns what Badger has under a key, nil for nothing.
func (r *reader) stored(key []byte) (stored []byte, err error) {
	item, err := r.txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	stored = []byte{} // there is something, and be it damage
	err = item.Value(func(b []byte) error {
		if len(b) > 0 {
			stored = b
		}
		return nil
	})
	return stored, err
}

// unseal opens an envelope, and joins it with its second part if there is one. A
// compressed payload is expanded into scratch if it fits there.
func (r *reader) unseal(key, stored, scratch []byte) ([]byte, error) {
	if len(stored) == 0 {
		return nil, damaged(key)
	}
	if isSplit(stored[0]) {
		second, err := r.stored(secondKey(key))
		if err != nil {
			return nil, err
		}
		stored = append(stored[:len(stored):len(stored)], second...)
	}
	return unseal(key, stored, scratch)
}

// Ascend implements keyspace.Reader.
func (r *reader) Ascend(start, end []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		err := r.each(start, end, func(key, payload []byte) bool {
			return yield(r.slab.copyOf(key), r.slab.copyOf(payload))
		})
		if err != nil {
			panic(fault{err})
		}
	}
}

// yieldEvery is after how many records a read lets others run.
const yieldEvery = 32

// each calls fn for the records with start <= key < end in key order, until it
// returns false. What it hands over is valid until fn returns.
func (r *reader) each(start, end []byte, fn func(key, payload []byte) bool) error {
	if len(end) == 0 || end[0] >= classOwn {
		end = []byte{classOwn}
	}
	c := r.cursorAt(start, commonPrefix(start, end))
	defer c.it.Close()
	scratch := scratches.Get().(*[]byte)
	defer returnScratch(scratch)
	for seen := 1; c.it.Valid(); c.next() {
		if seen++; seen%yieldEvery == 0 {
			runtime.Gosched() // a long read must not keep clients from the processor
		}
		item := c.it.Item()
		if bytes.Compare(item.Key(), end) >= 0 {
			return nil
		}
		if item.IsDeletedOrExpired() {
			continue
		}
		payload, err := r.payload(item, scratch)
		if err != nil {
			return err
		}
		if !fn(item.Key(), payload) {
			return nil
		}
	}
	return nil
}

// payload opens what an iterator stands on. It is valid until the iterator moves, or
// the scratch is used again.
func (r *reader) payload(item *badger.Item, scratch *[]byte) (payload []byte, err error) {
	var stored []byte
	err = item.Value(func(b []byte) error {
		stored = b
		return nil
	})
	if err != nil {
		return nil, err
	}
	payload, err = r.unseal(item.Key(), stored, *scratch)
	if err == nil && isSmall(stored[0]) {
		*scratch = payload
	}
	return payload, r.excuse(item.Key(), &payload, err)
}

// commonPrefix is a prefix of all keys with start <= key < end, with which
// Badger leaves tables alone that hold none of them.
func commonPrefix(start, end []byte) []byte {
	n := 0
	for n < len(start) && n < len(end) && start[n] == end[n] {
		n++
	}
	// Between d... and e there are only keys that begin with d.
	if n < len(start) && n == len(end)-1 && end[n] == start[n]+1 {
		n++
	}
	return start[:n]
}
