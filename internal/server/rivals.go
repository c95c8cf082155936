package server

import (
	"errors"
	"fmt"
	"os"

	"kvs/statemachine/keyspace"
)

// ConflictKey is the key that the two directories of MakeConflict disagree about.
const ConflictKey = "test/conflict/data"

// MakeConflict makes two data directories of nodes that have never met and have written
// one key in the same millisecond, which only the tie-break can settle: the first has
// joined earlier, so its value wins. The directories must be empty, or not be there.
func MakeConflict(first, second string) error {
	for _, dir := range []string{first, second} {
		if left, err := os.ReadDir(dir); len(left) > 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
			return errors.Join(fmt.Errorf("%s is not an empty directory; nothing was changed", dir), err)
		}
	}
	now := wall()
	const older, younger = 60_000, 30_000 // milliseconds since they have joined
	return errors.Join(makeRival(first, now, now-older, "first"), makeRival(second, now, now-younger, "second"))
}

// makeRival makes a directory whose replica has joined at one time and written at another.
func makeRival(dir string, now, joined keyspace.Millis, name string) (err error) {
	f, err := beginFilling(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.store.Close()) }()
	out, err := f.applyAt(now, keyspace.Batch{Join: joined, Writes: []keyspace.Write{{
		Key: ConflictKey, Value: fmt.Appendf(nil, `{"message":"from the %s directory"}`, name),
	}}})
	if err == nil && (len(out.Outcomes) != 1 || out.Outcomes[0].Kind != keyspace.Won) {
		err = fmt.Errorf("%s does not take the write", dir)
	}
	return err
}
