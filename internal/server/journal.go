package server

import (
	"crypto/sha256"
	"strings"

	"kvs/internal/audit"
	"kvs/statemachine/keyspace"
)

// noteOf is what rides along with a client's write: the hash of its value, zero for
// a delete, and who writes. The hash is made by the client's goroutine, of which
// there are many, and not by the one that applies batches.
func noteOf(actor string, value []byte, deletes bool) []byte {
	note := make([]byte, sha256.Size, sha256.Size+len(actor))
	if !deletes {
		*(*[sha256.Size]byte)(note) = sha256.Sum256(value)
	}
	return append(note, actor...)
}

// noteBytes is more than the entry of a write takes beside its key, which is
// quoted.
const noteBytes = 512

// entryBytes is what an entry takes beside its key, as most are.
const entryBytes = 288

// noteSize is what a write's entry takes of a transaction, at most.
func noteSize(w *keyspace.Write) int {
	if w.Note == nil {
		return 0
	}
	if setsRights(w.Key) {
		return noteBytes + len(w.Note) + 2*len(w.Key) + 2*len(w.Value)
	}
	return noteBytes + len(w.Note) + 2*len(w.Key)
}

// setsRights says that a key is a record of rights: one that comes or goes with a key
// which somebody creates or deletes.
func setsRights(key string) bool { return strings.HasPrefix(key, rightsAt) }

// describeRights makes an entry one about the rights of a path.
func describeRights(e *audit.Entry, w *keyspace.Write) {
	e.Key = pathOf(w.Key)
	e.Action, e.Set, e.Value = "auth.acl.create", string(w.Value), audit.Hash{}
	if w.Delete {
		e.Action, e.Set = "auth.acl.delete", ""
	}
}

// journal is the storage.Journal of the audit log: an entry for each write of a
// client that was stored.
func journal(
	first uint64, now keyspace.Millis, writes []keyspace.Write, outcomes []keyspace.Outcome,
) (record []byte, entries int) {
	size := 0
	for i := range writes {
		if w := &writes[i]; w.Note != nil {
			size += entryBytes + len(w.Key)
		}
	}
	record = make([]byte, 0, size)
	for i := range writes {
		w, o := &writes[i], &outcomes[i]
		if w.Note == nil || o.Kind == keyspace.Refused || o.Kind == keyspace.Unmet {
			continue // nothing was stored
		}
		e := audit.Entry{
			Number: first + uint64(entries), Time: audit.Millis(max(now, 0)), Action: "kv.put",
			Actor: string(w.Note[sha256.Size:]), Key: w.Key, Value: audit.Hash(w.Note), Result: "ok",
			Version: o.Header.Ver.UUID.String(),
		}
		if w.Delete {
			e.Action = "kv.delete"
		}
		if setsRights(w.Key) {
			describeRights(&e, w)
		}
		record = audit.AppendQueued(record, &e)
		entries++
	}
	return record, entries
}
