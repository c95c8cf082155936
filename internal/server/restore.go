package server

import (
	"errors"
	"strings"

	"kvs/httpapi"
	"kvs/internal/backup"
	"kvs/statemachine/keyspace"
)

// restoreKeys and restoreBytes bound what is written at once: one transaction has room for
// it.
const (
	restoreKeys  = 500
	restoreBytes = 1 << 20
)

// Restore implements httpapi.Backups.
func (b *backups) Restore(r httpapi.Restore) (httpapi.Restored, error) {
	f, err := backup.ParseFrame(r.Frame)
	if err != nil {
		return httpapi.Restored{}, httpapi.ErrBackupCorrupt
	}
	return b.api.restore(f, r)
}

// wanted is what the backup says of a key; nil for a key that it does not have.
type wanted struct {
	key   string
	entry *keyspace.Entry
}

// restore gives one frame to the cluster, by ordinary writes, as far as one request goes.
func (a *api) restore(f backup.Frame, r httpapi.Restore) (out httpapi.Restored, err error) {
	if a.Partial() {
		return out, httpapi.ErrIncomplete
	}
	keys, next, err := a.toRestore(f, r)
	if err != nil {
		return out, err
	}
	out.Next = next
	for len(keys) > 0 {
		var some []wanted
		some, keys = share(keys)
		if err := a.restoreKeys(some, r, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

// share is the first of the keys, as many as are written at once.
func share(keys []wanted) (some, rest []wanted) {
	size := 0
	for i := range keys {
		if keys[i].entry != nil {
			size += len(keys[i].entry.Value)
		}
		if i == restoreKeys || i > 0 && size > restoreBytes {
			return keys[:i], keys[i:]
		}
	}
	return keys, nil
}

// toRestore lists the keys that a frame says something about, at most rewindKeysMax, and
// where it goes on. To rewind, those are also the keys that are here and not in it. The
// system's own records are left out: rights are restored with a directory.
func (a *api) toRestore(f backup.Frame, r httpapi.Restore) (keys []wanted, next string, err error) {
	from, end := max(f.After+"\x00", r.Prefix, r.Start), prefixEnd(r.Prefix)
	if f.After == "" {
		from = max(r.Prefix, r.Start)
	}
	if behind := f.To + "\x00"; !f.Last && (end == "" || behind < end) {
		end = behind
	}
	if end != "" && from >= end {
		return nil, "", nil
	}
	there := map[string]*keyspace.Entry{}
	for i := range f.Entries {
		key := f.Entries[i].Key
		if key >= from && strings.HasPrefix(key, r.Prefix) && !keyspace.IsReserved(key) {
			there[key] = &f.Entries[i]
			if len(keys) == rewindKeysMax {
				next = key
				end = key // what is here behind it is for another request too
				break
			}
			keys = append(keys, wanted{key, &f.Entries[i]})
		}
	}
	if !r.Rewind {
		return keys, next, nil
	}
	here, _, more, err := a.keysOf(from, end)
	if more != "" && (next == "" || more < next) {
		next = more
	}
	for i := len(keys) - 1; i >= 0 && next != "" && keys[i].key >= next; i-- {
		keys = keys[:i]
	}
	for _, key := range here {
		if there[key] == nil {
			keys = append(keys, wanted{key: key})
		}
	}
	return keys, next, err
}

// restoreKeys makes the writes that keys need, again for those that somebody else wrote to
// meanwhile.
func (a *api) restoreKeys(keys []wanted, r httpapi.Restore, out *httpapi.Restored) error {
	for range rewindTries {
		var writes []httpapi.Write
		var of []wanted
		var kinds []httpapi.RestoredKey
		for _, k := range keys {
			w, kind, err := a.restored(k, r)
			if err != nil {
				return err
			}
			if r.DryRun || kind != httpapi.RestoreWritten && kind != httpapi.RestoreDeleted {
				out.Keys[kind]++
				continue
			}
			writes, of, kinds = append(writes, w), append(of, k), append(kinds, kind)
		}
		keys = keys[:0:0]
		for i, fate := range a.WriteAll(writes) {
			switch {
			case fate.Err == nil:
				out.Keys[kinds[i]]++
			case errors.Is(fate.Err, httpapi.ErrPrecondition):
				keys = append(keys, of[i])
			default:
				return fate.Err
			}
		}
		if len(keys) == 0 {
			return nil
		}
	}
	out.Keys[httpapi.RestoreBusy] += int64(len(keys))
	return nil
}

// restored is the write that a key needs, and what becomes of it.
func (a *api) restored(k wanted, r httpapi.Restore) (w httpapi.Write, kind httpapi.RestoredKey, err error) {
	now := a.wall()
	w = httpapi.Write{Key: k.key, Actor: r.Actor, If: []httpapi.Match{{Any: true, Not: true}}}
	var cur keyspace.Header
	here, err := a.store.View(k.key, func(rec keyspace.Record) { cur = rec.Header })
	if err != nil {
		return w, 0, storeError(err)
	}
	live := here && cur.Live(now)
	if live {
		w.If = []httpapi.Match{{Versions: [][16]byte{cur.Ver.UUID}}}
	}
	e := k.entry
	switch {
	case e != nil && !r.Rewind && a.knowsBetter(here, &cur, e):
		if here && cur.Ver == e.Ver {
			return w, httpapi.RestoreUnchanged, nil
		}
		return w, httpapi.RestoreNewer, nil
	case e == nil || e.Tombstone():
		if !live {
			return w, httpapi.RestoreUnchanged, nil
		}
		w.Delete = true
		return w, httpapi.RestoreDeleted, nil
	case live && cur.ValHash == e.ValHash && cur.Expires == e.Expires:
		return w, httpapi.RestoreUnchanged, nil
	case e.Expires != 0 && e.Expires <= now:
		return w, httpapi.RestoreExpired, nil // it would be gone at once
	}
	w.Value, w.TTL = e.Value, httpapi.TTLNever
	if e.Expires != 0 {
		w.TTL = httpapi.TTL(e.Expires - now)
	}
	return w, httpapi.RestoreWritten, nil
}

// knowsBetter says that a record of a backup is not news here: the stored one is at least
// as new, or there is none because it was deleted and that was forgotten. A replica that
// claims a write has had it, or something newer (I1). The claim is that of the status, which
// lags by less than any deletion takes to be forgotten.
func (a *api) knowsBetter(here bool, cur *keyspace.Header, e *keyspace.Entry) bool {
	if here {
		return !keyspace.Less(cur.Ver, e.Ver)
	}
	return a.driver.status.Load().VV.Contains(e.Dot)
}
