package server

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"kvs/httpapi"
	"kvs/statemachine/keyspace"
	"kvs/storage"
)

// scanMax and scanBytesMax bound the records that one walk looks at, tombstones
// included, and their values; what is left is for the next page.
const (
	scanMax      = 20_000
	scanBytesMax = 64 << 20
)

// digestAlgorithm names what GET /sync/merkle/root returns, for people who want
// to compute it themselves.
const digestAlgorithm = "sha256 over the 64 top sums of a 64x64x64 tree of keyed 128-bit digests"

// api is the node as the HTTP layer sees it.
type api struct {
	store      *storage.Store
	driver     *driver
	feed       *feed
	trail      *trail   // nil: nothing is logged
	measure    *measure // nil: nothing is counted
	upkeep     *upkeep
	defaultTTL atomic.Int64 // a time.Duration
	idle       sync.Pool    // of *pendingWrite
}

// View reads straight from the store, past the core and its queues; a miss of a
// node without the older records goes on to its source.
func (a *api) View(key string, visit func(httpapi.Record)) error {
	partial := a.Partial() // before the store is read: a node only becomes complete
	here, err := a.viewHere(key, visit)
	if partial && !here && errors.Is(err, httpapi.ErrNotFound) {
		a.measure.read(remote)
		return a.viewAtSource(key, visit)
	}
	a.measure.read(local)
	return err
}

// viewHere is View of this node alone. here says that the store has a record of
// the key, be it of a deletion.
func (a *api) viewHere(key string, visit func(httpapi.Record)) (here bool, err error) {
	var absent error
	now := a.wall()
	here, err = a.store.View(key, func(rec keyspace.Record) {
		if absent = absence(rec, now); absent == nil {
			visit(record(key, rec))
		}
	})
	switch {
	case err != nil:
		return here, storeError(err)
	case !here:
		return here, httpapi.ErrNotFound
	}
	return here, absent
}

// absence says why nobody sees a record, nil if it is live.
func absence(rec keyspace.Record, now keyspace.Millis) error {
	switch {
	case rec.Tombstone():
		return &httpapi.AbsentError{DeletedAt: int64(rec.Ver.TS)}
	case !rec.Live(now):
		return &httpapi.AbsentError{ExpiredAt: int64(rec.Expires)}
	}
	return nil
}

// Walk walks live records. While the older ones are still on their way it refuses to:
// a listing without them looks like any other, and whoever takes it for all there is
// goes wrong, for instance by deleting what else they have. Other members list
// everything. The system's own records are passed over unread: where a page ends is
// told to clients, and must not be the name of one.
func (a *api) Walk(w httpapi.Walk, visit func(httpapi.Record) (leap string, more bool)) (next string, err error) {
	if a.Partial() {
		return "", httpapi.ErrIncomplete
	}
	see := scan{now: a.wall()}
	for _, part := range besideSystem(w) {
		ended := false
		err = a.store.Walk(part, func(key string, rec keyspace.Record) (leap string, more bool) {
			if see.enough(rec) {
				if next, ended = key, true; w.Back {
					next += "\x00" // the smallest key behind
				}
				return "", false
			}
			if !rec.Live(see.now) {
				return "", true
			}
			leap, more = visit(record(key, rec))
			ended = !more
			return leap, more
		})
		if ended || err != nil {
			break
		}
	}
	return next, storeError(err)
}

// Recent walks live records in the order of their timestamps.
func (a *api) Recent(w httpapi.Walk, visit func(httpapi.Record) bool) (next string, err error) {
	if a.Partial() {
		return "", httpapi.ErrIncomplete
	}
	order := storage.OldestFirst
	if w.Back {
		order = storage.NewestFirst
	}
	see := scan{now: a.wall()}
	err = a.store.Recent(place(w.Start), place(w.End), order, func(key string, rec keyspace.Record) bool {
		if see.enough(rec) {
			if next = httpapi.PlaceOf(int64(rec.Ver.TS), key); w.Back {
				next += "\x00"
			}
			return false
		}
		return !rec.Live(see.now) || visit(record(key, rec))
	})
	return next, storeError(err)
}

func place(text string) storage.Place {
	ts, key := httpapi.ParsePlace(text)
	return storage.Place{TS: keyspace.Millis(ts), Key: key}
}

// scan is what one walk has looked at.
type scan struct {
	now           keyspace.Millis
	records, size int
}

// enough says that a walk is to end before a record. It always gets past its first.
func (s *scan) enough(rec keyspace.Record) bool {
	s.records, s.size = s.records+1, s.size+len(rec.Value)
	return s.records > scanMax || s.records > 1 && s.size > scanBytesMax
}

// besideSystem is the one or two parts of a walk that hold keys of users, in its order.
func besideSystem(w httpapi.Walk) (parts []storage.Walk) {
	start, end := w.Start, w.End
	if start < systemAt && (end == "" || end > systemAt) {
		parts = append(parts, storage.Walk{Start: start, End: systemAt, Back: w.Back})
		start = systemEnd
	}
	if keyspace.IsReserved(start) {
		start = systemEnd
	}
	if end == "" || start < end {
		parts = append(parts, storage.Walk{Start: start, End: end, Back: w.Back})
	}
	if w.Back {
		slices.Reverse(parts)
	}
	return parts
}

// Digest is the root of the digest tree.
func (a *api) Digest() (httpapi.Digest, error) {
	root, live, err := a.store.Digest()
	return httpapi.Digest{
		Root: root, Keys: int64(live), AsOf: int64(a.wall()), Algorithm: digestAlgorithm,
	}, storeError(err)
}

func record(key string, rec keyspace.Record) httpapi.Record {
	return httpapi.Record{
		Key: key, UUID: rec.Ver.UUID, Timestamp: int64(rec.Ver.TS), ExpiresAt: int64(rec.Expires),
		Data: rec.Value, Mark: markOf(rec.Dot), Origin: rec.Dot.Stream.Replica,
	}
}

// storeError translates what the store reports.
func storeError(err error) error {
	switch {
	case errors.Is(err, storage.ErrDamaged):
		return httpapi.ErrDamaged
	case errors.Is(err, storage.ErrClosed):
		return httpapi.ErrClosed
	}
	return err
}
