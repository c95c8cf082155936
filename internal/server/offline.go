package server

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"kvs/statemachine/keyspace"
	"kvs/storage"
)

// OpenData opens the data directory of a node that does not run, to look at it. Nothing
// in it is changed.
func OpenData(dir string) (*storage.Offline, error) { return storage.OpenOffline(dir) }

// CompactData writes the files of a data directory anew, without what was replaced or
// deleted in them, and says how many bytes they took before and after.
func CompactData(dir string) (before, after int64, err error) {
	if before, err = storage.Size(dir); err != nil {
		return 0, 0, err
	}
	if err := storage.Compact(dir); err != nil {
		return 0, 0, err
	}
	after, err = storage.Size(dir)
	return before, after, err
}

// IsInUse says that a data directory was refused because a node runs on it.
func IsInUse(err error) bool { return errors.Is(err, storage.ErrInUse) }

// IsUnclean says that a data directory was refused because its node was not stopped in
// order.
func IsUnclean(err error) bool { return errors.Is(err, storage.ErrUnclean) }

// DataStats is what a data directory holds.
type DataStats struct {
	Replica    string `json:"replica"`
	Cluster    string `json:"cluster_id"`
	Keys       int    `json:"keys"`       // of users that are no tombstones, expired ones included
	Expiring   int    `json:"expiring"`   // of these
	Tombstones int    `json:"tombstones"` // of users
	System     int    `json:"system"`     // users, groups, rights and the like
	Bytes      int64  `json:"value_bytes"`
	Longest    string `json:"longest_key"`
	LongestLen int    `json:"longest_bytes"`
}

// StatsOfData counts what the data directory of a node holds that does not run.
func StatsOfData(dir string) (s DataStats, err error) {
	data, err := OpenData(dir)
	if err != nil {
		return s, err
	}
	id := data.Identity()
	s.Replica, s.Cluster = id.Replica.Hex(), hex.EncodeToString(id.Cluster[:])
	return s, errors.Join(data.Walk(s.add), data.Close())
}

func (s *DataStats) add(e keyspace.Entry) error {
	switch {
	case keyspace.IsReserved(e.Key):
		s.System++
		return nil
	case e.Header.Tombstone():
		s.Tombstones++
		return nil
	}
	s.Keys++
	s.Bytes += int64(len(e.Value))
	if e.Header.Expires != 0 {
		s.Expiring++
	}
	if len(e.Value) > s.LongestLen {
		s.Longest, s.LongestLen = e.Key, len(e.Value)
	}
	return nil
}

// StoredRecord is one key of a data directory, as kvs export writes it.
type StoredRecord struct {
	Key       string          `json:"key"`
	UUID      string          `json:"uuid"`
	Timestamp int64           `json:"timestamp"`
	ExpiresAt int64           `json:"expires_at,omitempty"`
	Data      json.RawMessage `json:"data"`
	Deleted   bool            `json:"deleted,omitempty"` // its data is null
}

// DumpData visits the users' keys of the data directory of a node that does not run, in
// their order, tombstones among them.
func DumpData(dir string, visit func(StoredRecord) error) error {
	data, err := OpenData(dir)
	if err != nil {
		return err
	}
	err = data.Walk(func(e keyspace.Entry) error {
		if keyspace.IsReserved(e.Key) {
			return nil
		}
		u := e.Header.Ver.UUID
		r := StoredRecord{
			Key: e.Key, UUID: fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]), Timestamp: int64(e.Header.Ver.TS),
			ExpiresAt: int64(e.Header.Expires), Data: e.Value, Deleted: e.Header.Tombstone(),
		}
		if r.Deleted {
			r.Data = json.RawMessage("null")
		}
		return visit(r)
	})
	return errors.Join(err, data.Close())
}
