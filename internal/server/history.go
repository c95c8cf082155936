package server

import (
	"slices"

	"kvs/httpapi"
	"kvs/statemachine/keyspace"
)

// historyBytesMax bounds the old values that one request brings into memory.
const historyBytesMax = 4 << 20

// Versions implements httpapi.History.
func (a *api) Versions(key string, want func(uuid [16]byte) bool) ([]httpapi.Version, error) {
	bytes, last := 0, &keyspace.Revision{}
	cur, revs, err := a.store.History(key, a.upkeep.agedBefore(), func(_ int, rev *keyspace.Revision) bool {
		bytes += len(last.Value)
		last = rev
		return bytes < historyBytesMax && want(rev.Ver.UUID)
	})
	if err != nil {
		return nil, storeError(err)
	}
	return a.versions(key, cur, revs), nil
}

// versions words a history: the version that stands first, if there is one.
func (a *api) versions(key string, cur *keyspace.Record, revs []keyspace.Revision) (out []httpapi.Version) {
	known := make([]*keyspace.Header, 0, len(revs)+1)
	if cur != nil {
		known = append(known, &cur.Header)
	}
	for i := range revs {
		known = append(known, &revs[i].Header)
	}
	names := a.names()
	if cur != nil {
		v := versionRow(key, cur, names)
		v.State = "current"
		out = append(out, v)
	}
	for i := range revs {
		rev := &revs[i]
		v := versionRow(key, &rev.Record, names)
		v.State, v.At, v.By = rev.Fate.String(), int64(rev.At), rev.By.UUID
		v.Lost = fate(&rev.Header, known)
		if cur != nil {
			v.Rule = keyspace.Decided(rev.Ver, cur.Ver).String()
		}
		out = append(out, v)
	}
	return out
}

// fate says what became of a version, as far as the versions that are known here tell.
func fate(x *keyspace.Header, known []*keyspace.Header) httpapi.Loss {
	switch {
	case slices.ContainsFunc(known, func(y *keyspace.Header) bool { return y.Base == x.Ver }):
		return httpapi.LossReplaced
	case slices.ContainsFunc(known, func(y *keyspace.Header) bool { return keyspace.Concurrent(x, y) }):
		return httpapi.LossConflict
	}
	return httpapi.LossUnknown
}

func versionRow(key string, rec *keyspace.Record, names map[keyspace.ReplicaID]string) httpapi.Version {
	return httpapi.Version{
		Record: record(key, *rec), Deleted: rec.Tombstone(), Replaces: rec.Base.UUID,
		Origin: originOf(rec.Dot, names), Joined: int64(rec.Ver.Joined), Order: rec.Ver.Order(),
	}
}

// names are the node ids of replicas, as far as the members view knows them.
func (a *api) names() map[keyspace.ReplicaID]string {
	status := a.driver.status.Load()
	out := make(map[keyspace.ReplicaID]string, len(status.Members))
	for i := range status.Members {
		out[status.Members[i].Replica] = status.Members[i].Name
	}
	return out
}

// originOf names the node that made a write, or its replica if nobody knows it.
func originOf(d keyspace.Dot, names map[keyspace.ReplicaID]string) string {
	if name, ok := names[d.Stream.Replica]; ok {
		return name
	}
	return d.Stream.Replica.Hex()
}

// StoodAt implements httpapi.History.
func (a *api) StoodAt(key string, at int64) (v httpapi.Version, known bool, err error) {
	var stood *keyspace.Revision
	cur, revs, err := a.store.History(key, a.upkeep.agedBefore(), func(i int, rev *keyspace.Revision) bool {
		// The first that is not newer: the current one is newer, or is it.
		first := int64(rev.Ver.TS) <= at && stood == nil
		if first {
			stood = rev
		}
		return first
	})
	if err != nil {
		return v, false, storeError(err)
	}
	stood, known = keyspace.At(cur, revs, keyspace.Millis(at))
	if stood == nil {
		return v, known, httpapi.ErrNotFound
	}
	v = versionRow(key, &stood.Record, a.names())
	if !stood.Live(keyspace.Millis(at)) {
		return v, true, httpapi.ErrNotFound
	}
	return v, true, nil
}

// Conflicts implements httpapi.History.
func (a *api) Conflicts(before uint64, limit int) ([]httpapi.Conflict, error) {
	cs, err := a.store.Conflicts(before, limit)
	if err != nil {
		return nil, storeError(err)
	}
	names := a.names()
	out := make([]httpapi.Conflict, len(cs))
	for i := range cs {
		c := &cs[i]
		out[i] = httpapi.Conflict{
			Number: c.Number, At: int64(c.At), Key: c.Key, Rule: c.Rule().String(),
			Winner: versionRow(c.Key, &keyspace.Record{Header: c.Winner}, names),
			Loser:  versionRow(c.Key, &keyspace.Record{Header: c.Loser}, names),
		}
	}
	return out, nil
}
