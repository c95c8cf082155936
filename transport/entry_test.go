package transport

import (
	"crypto/sha256"

	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// testEntry builds a record as replica n's seventh write, by the rules that
// Entry.Valid enforces. keyspace keeps its own builder to itself, so the UUID
// is built here a second time, for tests only.
func testEntry(n int, key string, value []byte) statemachine.Entry {
	return entryAt(keyspace.Dot{Stream: keyspace.Stream{Replica: replica(n)}, Seq: 7}, key, value)
}

func entryAt(dot keyspace.Dot, key string, value []byte) statemachine.Entry {
	h := sha256.Sum256(append(dot.Stream.Replica[:], dot.Stream.Epoch[:]...))
	var u keyspace.UUID
	for i := range 6 {
		u[i] = byte(^uint64(dot.Seq) >> (40 - 8*i))
	}
	u[6], u[7], u[8] = 0x80|h[0]&0x0f, h[1], 0x80|h[2]&0x3f
	copy(u[9:], h[3:10])
	e := statemachine.Entry{Key: key, Value: value}
	e.Ver = keyspace.Version{TS: 1_700_000_000_000, Joined: 1_600_000_000_000, UUID: u}
	e.Dot = dot
	if value == nil {
		e.Flags = keyspace.Tombstone
	} else {
		e.ValHash = keyspace.HashValue(value)
	}
	return e
}
