package server

import (
	"errors"

	"kvs/httpapi"
	"kvs/statemachine/keyspace"
)

const (
	// rewindKeysMax bounds the keys that one request looks at.
	rewindKeysMax = 2_000
	// rewindTries is how often a key is looked at again because somebody wrote to it.
	rewindTries = 3
	// rewindNamesMax bounds the keys that are named in an answer.
	rewindNamesMax = 100
)

// Past implements httpapi.History.
func (a *api) Past(start, end string, at int64, visit func(httpapi.Version) bool) (next string, err error) {
	keys, _, next, err := a.keysOf(start, end)
	for _, key := range keys {
		if err != nil {
			break
		}
		v, _, err := a.StoodAt(key, at)
		switch {
		case errors.Is(err, httpapi.ErrNotFound):
		case err != nil:
			return "", err
		case !visit(v):
			return key, nil
		}
	}
	return next, err
}

// keysOf lists keys of a range, also those that are deleted, up to rewindKeysMax of
// them, the newest of their timestamps, and where it goes on.
func (a *api) keysOf(start, end string) (keys []string, newest int64, next string, err error) {
	if a.Partial() {
		return nil, 0, "", httpapi.ErrIncomplete
	}
	for _, part := range besideSystem(httpapi.Walk{Start: start, End: end}) {
		err = a.store.Range(part.Start, part.End, func(key string, rec keyspace.Record) bool {
			if len(keys) == rewindKeysMax {
				next = key
				return false
			}
			keys, newest = append(keys, key), max(newest, int64(rec.Ver.TS))
			return true
		})
		if err != nil || next != "" {
			break
		}
	}
	return keys, newest, next, storeError(err)
}

// Rewind implements httpapi.History.
func (a *api) Rewind(r httpapi.Rewind) (out httpapi.Rewound, err error) {
	keys, newest, next, err := a.keysOf(max(r.Start, r.Prefix), prefixEnd(r.Prefix))
	if err != nil {
		return out, err
	}
	out.Next = next
	// All that is written here is newer than all that is there: the time between undoes
	// it, however short that is.
	barrier := max(newest, int64(a.wall()))
	for _, key := range keys {
		done, err := a.rewindKey(key, r, barrier)
		if err != nil {
			out.Next = key
			return out, err
		}
		out.Count(key, done, rewindNamesMax)
		if !r.DryRun && (done == httpapi.KeyRestored || done == httpapi.KeyDeleted) {
			out.UndoAt = barrier
		}
	}
	return out, nil
}

// rewindKey makes a key again what it was.
func (a *api) rewindKey(key string, r httpapi.Rewind, barrier int64) (httpapi.RewoundKey, error) {
	for range rewindTries {
		w, done, err := a.rewound(key, r)
		if err != nil || done != httpapi.KeyRestored && done != httpapi.KeyDeleted || r.DryRun {
			return done, err
		}
		w.Seen = barrier
		switch _, err := a.Write(w); {
		case err == nil:
			return done, nil
		case !errors.Is(err, httpapi.ErrPrecondition):
			return done, err
		}
	}
	return httpapi.KeyBusy, nil
}

// rewound is the write that makes a key what it was, and what becomes of it.
func (a *api) rewound(key string, r httpapi.Rewind) (w httpapi.Write, done httpapi.RewoundKey, err error) {
	var stood *keyspace.Revision
	cur, revs, err := a.store.History(key, a.upkeep.agedBefore(), func(_ int, rev *keyspace.Revision) bool {
		first := int64(rev.Ver.TS) <= r.At && stood == nil
		if first {
			stood = rev
		}
		return first
	})
	if err != nil {
		return w, 0, storeError(err)
	}
	now, at := a.wall(), keyspace.Millis(r.At)
	stood, known := keyspace.At(cur, revs, at)
	w = httpapi.Write{Key: key, Actor: r.Actor, If: []httpapi.Match{{Any: true, Not: true}}}
	live := cur != nil && cur.Live(now)
	if live {
		w.If = []httpapi.Match{{Versions: [][16]byte{cur.Ver.UUID}}}
	}
	was := stood != nil && stood.Live(at)
	switch {
	case !known:
		return w, httpapi.KeyUnknown, nil
	case !was && !live:
		return w, httpapi.KeyUnchanged, nil
	case !was:
		w.Delete = true
		return w, httpapi.KeyDeleted, nil
	case live && cur.ValHash == stood.ValHash && cur.Expires == stood.Expires:
		return w, httpapi.KeyUnchanged, nil
	case stood.Expires != 0 && stood.Expires <= now:
		return w, httpapi.KeyExpired, nil // it would be gone at once
	}
	w.Value, w.TTL = stood.Value, httpapi.TTLNever
	if stood.Expires != 0 {
		w.TTL = httpapi.TTL(stood.Expires - now)
	}
	return w, httpapi.KeyRestored, nil
}

// prefixEnd is the first text behind all that begin with a prefix, "" if there is none.
func prefixEnd(prefix string) string {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			return prefix[:i] + string([]byte{prefix[i] + 1})
		}
	}
	return ""
}
