package storage

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"kvs/statemachine/keyspace"
)

// ErrUnclean says that the run before ended without closing the store: what is in its
// log can only be read by opening it for writing.
var ErrUnclean = errors.New("data_dir was not closed")

// Offline is a data directory that no node holds, opened to look at it. Nothing in it is
// changed.
type Offline struct {
	engine  *engine
	id      keyspace.Identity
	damaged map[string]bool // stored keys
}

// OpenOffline opens the store of a directory to look at it. It refuses what Open refuses,
// but for losses, and ErrUnclean.
func OpenOffline(dir string) (*Offline, error) {
	if err := isStore(dir); err != nil {
		return nil, err
	}
	o := &Offline{damaged: map[string]bool{}}
	options := badgerOptions(dir, nil)
	options.ReadOnly = true
	err := sturdy(func() (err error) {
		o.engine, err = openEngineWith(options, nil, func(key []byte) { o.damaged[string(key)] = true })
		return err
	})
	switch {
	case err != nil && strings.Contains(err.Error(), badger.ErrTruncateNeeded.Error()): // it wraps none
		return nil, fmt.Errorf("%w: %q has a log that is cut off; start its node and stop it, or work on a copy", ErrUnclean, dir)
	case err != nil:
		return nil, explainOpen(dir, err)
	}
	err = sturdy(func() error {
		return guard(func() {
			o.engine.view(func(r keyspace.Reader) { o.id, _, _ = keyspace.ReadClaim(r) })
		})
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("data_dir %q: %w", dir, err), o.Close())
	}
	return o, nil
}

// isStore refuses a directory that holds no store of this program.
func isStore(dir string) error {
	head, err := readHead(filepath.Join(dir, "MANIFEST"))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no MANIFEST in %q", ErrForeign, dir)
	}
	if err != nil {
		return fmt.Errorf("data_dir %q: its MANIFEST cannot be read: %w", dir, err)
	}
	return checkHead(dir, head)
}

// sturdy runs what may meet damage that Badger does not expect, and panics of.
func sturdy(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, r)
		}
	}()
	return fn()
}

// Close gives the directory back.
func (o *Offline) Close() error { return sturdy(o.engine.db.Close) }

// Identity says whose data these are.
func (o *Offline) Identity() keyspace.Identity { return o.id }

// Verdict is what Verify has found.
type Verdict struct {
	Records uint64   // stored ones of all kinds that were read
	Leaves  int      // of the digest tree in which a record, an index or the sum is wrong
	Keys    []string // of users or the system that are damaged, lost or not indexed; at most keysMax
	More    int      // that are not listed
	Wrong   []string // what else is wrong, in words
}

// Sound says that nothing was found.
func (v *Verdict) Sound() bool { return v.Leaves == 0 && len(v.Keys) == 0 && len(v.Wrong) == 0 }

// keysMax bounds the keys that a Verdict lists.
const keysMax = 1000

// Verify reads all that is stored and checks it thrice: the blocks of Badger's tables, the
// envelope of every stored record, and the records against the digest tree and the
// indexes. progress hears how many of its parts are done.
func (o *Offline) Verify(progress func(done, of int)) Verdict {
	var v Verdict
	o.verifyFiles(&v)
	if err := sturdy(func() error { return guard(func() { o.verifyTree(&v, progress) }) }); err != nil {
		v.Wrong = append(v.Wrong, "the digest tree: "+err.Error())
	}
	for key := range o.damaged {
		if keyspace.IsData([]byte(key)) {
			v.list(keyspace.UserKey([]byte(key)))
		} else {
			v.Wrong = append(v.Wrong, fmt.Sprintf("the record %q fails its checksum", key))
		}
	}
	return v
}

// verifyFiles checks the tables and the envelopes.
func (o *Offline) verifyFiles(v *Verdict) {
	if err := sturdy(o.engine.db.VerifyChecksum); err != nil {
		v.Wrong = append(v.Wrong, "a table: "+err.Error())
	}
	if err := sturdy(func() error { return o.readAll(v) }); err != nil {
		v.Wrong = append(v.Wrong, "a record of the system: "+err.Error())
	}
}

// list adds a key, unless it is there.
func (v *Verdict) list(key string) {
	for _, known := range v.Keys {
		if known == key {
			return
		}
	}
	if len(v.Keys) == keysMax {
		v.More++
		return
	}
	v.Keys = append(v.Keys, key)
}

// readAll opens the envelope of every stored record.
func (o *Offline) readAll(v *Verdict) error {
	r := reader{txn: o.engine.db.NewTransaction(false), report: o.engine.report}
	defer r.txn.Discard()
	return r.each(nil, nil, func([]byte, []byte) bool {
		v.Records++
		return true
	})
}

// verifyTree checks records and indexes leaf by leaf.
func (o *Offline) verifyTree(v *Verdict, progress func(done, of int)) {
	h := keyspace.NewHasher(o.id.Digest)
	for step := range verifySteps {
		o.engine.view(func(r keyspace.Reader) {
			for i := range keyspace.Leaf(verifyLeaves) {
				leaf := keyspace.Leaf(step*verifyLeaves) + i
				found := keyspace.VerifyLeaf(r, h, leaf)
				if found.Sum {
					found.Keys = append(found.Keys, keyspace.VerifyHashes(r, h, leaf)...)
				}
				if !found.Wrong() {
					continue
				}
				v.Leaves++
				for _, key := range found.Keys {
					v.list(key)
				}
			}
		})
		progress(step+1, verifySteps)
	}
}

// Walk visits all records in the order of their keys, tombstones and the system's own
// among them. A value is valid until visit returns. It ends with the first error of
// visit, or with ErrDamaged.
func (o *Offline) Walk(visit func(keyspace.Entry) error) error {
	r := reader{txn: o.engine.db.NewTransaction(false), report: o.engine.report}
	defer r.txn.Discard()
	var stopped error
	err := sturdy(func() error {
		return r.each(keyspace.DataKey(""), keyspace.DataEnd(), func(key, payload []byte) bool {
			rec, ok := keyspace.DecodeRecord(payload)
			if !ok {
				stopped = damaged(key)
				return false
			}
			stopped = visit(keyspace.Entry{Key: keyspace.UserKey(key), Header: rec.Header, Value: rec.Value})
			return stopped == nil
		})
	})
	return errors.Join(err, stopped)
}

// Size is what the files of a directory take, in bytes.
func Size(dir string) (total int64, err error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		info, err := f.Info()
		if err != nil {
			return 0, err
		}
		if !info.IsDir() {
			total += info.Size()
		}
	}
	return total, nil
}

// Compact writes the tables of a directory that no node holds anew, without what was
// replaced or deleted in them.
func Compact(dir string) (err error) {
	if err := isStore(dir); err != nil {
		return err
	}
	options := badgerOptions(dir, nil)
	options.CompactL0OnClose = true // Flatten leaves alone what is in one level
	e, err := openEngineWith(options, nil, func([]byte) {})
	if err != nil {
		return explainOpen(dir, err)
	}
	defer func() { err = errors.Join(err, e.db.Close()) }()
	if err := e.db.Flatten(compactorsMin); err != nil {
		return fmt.Errorf("compact data_dir %q: %w", dir, err)
	}
	for {
		switch err := e.db.RunValueLogGC(discardRatio); {
		case errors.Is(err, badger.ErrNoRewrite):
			return nil
		case err != nil:
			return fmt.Errorf("compact the value log of data_dir %q: %w", dir, err)
		}
	}
}

// discardRatio is the part of a file of the value log that has to be garbage for it to be
// written anew.
const discardRatio = 0.5
