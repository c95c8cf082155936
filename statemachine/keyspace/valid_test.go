package keyspace_test

import (
	"strings"
	"testing"

	"kvs/statemachine/keyspace"
)

// TestEntryValid: a real entry is valid, and one field out of order makes it
// invalid, whoever looks at it. One change a row.
func TestEntryValid(t *testing.T) {
	es := newReplica(1).write(&keyspace.Batch{Now: start, Writes: []keyspace.Write{
		{Key: "k", Value: []byte("v"), TTL: 5}, {Key: "k", Delete: true}, {Key: "empty"},
	}})
	value, tombstone := es[0], es[1]
	great := value
	great.Value = make([]byte, keyspace.ValueBytesMax)
	great.ValHash = keyspace.HashValue(great.Value)
	for name, e := range map[string]keyspace.Entry{
		"value": value, "tombstone": tombstone, "empty value": es[2], "greatest value": great,
	} {
		if !e.Valid() {
			t.Errorf("%s: not valid", name)
		}
	}
	type change func(e *keyspace.Entry)
	for name, c := range map[string]change{
		"no timestamp":            func(e *keyspace.Entry) { e.Ver.TS = 0 },
		"a negative timestamp":    func(e *keyspace.Entry) { e.Ver.TS = -1 },
		"the year 10000":          func(e *keyspace.Entry) { e.Ver.TS = keyspace.TimestampMax },
		"a negative join time":    func(e *keyspace.Entry) { e.Ver.Joined = -1 },
		"the uuid of another dot": func(e *keyspace.Entry) { e.Dot.Seq++ },
		"another stream":          func(e *keyspace.Entry) { e.Dot.Stream.Epoch[0]++ },
		"no dot":                  func(e *keyspace.Entry) { e.Dot = keyspace.Dot{} },
		"a number beyond 48 bits": func(e *keyspace.Entry) { e.Dot.Seq += 1 << 48 },
		"a negative expiry":       func(e *keyspace.Entry) { e.Expires = -1 },
		"an expiry out of range":  func(e *keyspace.Entry) { e.Expires = keyspace.TimestampMax },
		"an unknown flag":         func(e *keyspace.Entry) { e.Flags |= 4 },
		"no key":                  func(e *keyspace.Entry) { e.Key = "" },
		"a long key":              func(e *keyspace.Entry) { e.Key = strings.Repeat("k", 1101) },
		"a key that is no UTF-8":  func(e *keyspace.Entry) { e.Key = "\xff" },
		"another value":           func(e *keyspace.Entry) { e.Value = []byte("w") },
		"another hash":            func(e *keyspace.Entry) { e.ValHash[0]++ },
		"a value beyond the bound": func(e *keyspace.Entry) {
			e.Value = make([]byte, keyspace.ValueBytesMax+1)
			e.ValHash = keyspace.HashValue(e.Value)
		},
		"a value of a tombstone": func(e *keyspace.Entry) { e.Flags = keyspace.Tombstone },
		"a hash of a tombstone": func(e *keyspace.Entry) {
			e.Flags, e.Value = keyspace.Tombstone, nil
		},
	} {
		e := value
		if c(&e); e.Valid() {
			t.Errorf("%s: valid", name)
		}
	}
}

// TestLive: a tombstone is never live, an expiring record up to its expiry.
func TestLive(t *testing.T) {
	for name, c := range map[string]struct {
		h    keyspace.Header
		now  keyspace.Millis
		want bool
	}{
		"for ever":        {keyspace.Header{}, 1 << 60, true},
		"before":          {keyspace.Header{Expires: 10}, 9, true},
		"at its expiry":   {keyspace.Header{Expires: 10}, 10, false},
		"after":           {keyspace.Header{Expires: 10}, 11, false},
		"deleted":         {keyspace.Header{Flags: keyspace.Tombstone}, 1, false},
		"deleted, expiry": {keyspace.Header{Flags: keyspace.Tombstone, Expires: 10}, 1, false},
	} {
		if got := c.h.Live(c.now); got != c.want {
			t.Errorf("%s: live %v", name, got)
		}
	}
}
