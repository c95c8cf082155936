package keyspace

import "iter"

// Reader is one consistent view of the stored records. A failing disk is the
// executor's business: its reader stops the call by panicking, and the executor
// recovers. Returned bytes are valid until the view ends.
type Reader interface {
	// Get returns the value stored under key, and nil if there is none.
	// A stored value is never empty. One that fails its checksum is Damaged, of
	// a system record it is a failure of the disk.
	Get(key []byte) []byte
	// Ascend yields the records with start <= key < end in bytewise order,
	// a transaction's own writes included. An empty end means no bound. A
	// transaction writes nothing while it iterates.
	Ascend(start, end []byte) iter.Seq2[[]byte, []byte]
}

// Tx is a Reader whose writes take effect all together or not at all. It keeps
// the slices it is given; the caller does not touch them again.
type Tx interface {
	Reader
	Set(key, value []byte)
	Delete(key []byte)
}
