// Package backup is the file that a whole copy of a replica is kept in.
//
// It owns the format, and that a file is taken whole or not at all. It does not read or
// write stores, knows no schedule, and never decides which of two records wins.
//
// A file is, in this order, with all numbers big-endian:
//
//	magic     8 bytes
//	frame     type 'H', JSON: whose copy it is, and what it may claim
//	frames    type 'D', zstd (RFC 8878): records in the order of their keys
//	frame     type 'M', JSON: counts, and the SHA-256 of all bytes before it
//	end       the length of the last frame (4 bytes), magic (8 bytes)
//
// A frame is its type (1 byte), the length of its payload (4 bytes), the payload, and
// the SHA-256 of all that (32 bytes). Inside 'D' there is one byte that is 1 in the last
// such frame, the length of a key (2 bytes) and that key, behind which the frame begins,
// and the records, each in CBOR (RFC 8949) with the field numbers of keyspace.Entry. A
// frame stands for all keys behind that key up to its last one, or in the last frame up
// to the end: what of them it does not have was not there.
//
// An incremental backup names its base in 'H', an earlier copy of the same replica. It has
// every key that was there, but of a record whose dot the base claims only the key (field
// 1) and the dot (4): the base has the rest, since what a replica claims it has, or has
// something newer. So it needs no log of what was removed: a key that it does not name is
// gone, also if its tombstone was purged before. A chain of such files down to a full one
// reads like a full one, record by record, and is sound if each of its files is and has
// what the one above leaves to it.
//
// An encrypted backup is a file of age (https://age-encryption.org/v1) that holds all this.
// Its header has a stanza of the type "kvs-backup" with the JSON of 'H', without the key of
// digests, for whoever has no identity: what a node has to know of its own files.
//
// Invariants: keys ascend strictly over all frames; each frame begins where the one before
// ended; memory is bounded by one frame, both ways; a file of which one bit differs, or
// that was cut off anywhere, is ErrCorrupt before its end is reached.
package backup
