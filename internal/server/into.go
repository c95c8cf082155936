package server

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"kvs/internal/backup"
	"kvs/internal/config"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
	"kvs/storage"
)

// RestoreInto makes a data directory of a backup: a new replica of its cluster, that has
// taken over a copy whose source is the file. dir must be empty, or not be there; it is
// there only once all is. open opens the backup, which is read twice: it is verified first.
//
// The replica claims what the source claimed. If the cluster still runs and has forgotten
// deletions that the file knows nothing of, its members see that from the floors, as of
// any replica that was away too long.
func RestoreInto(dir string, open func() (io.ReadCloser, error)) (m backup.Manifest, err error) {
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
		return m, errors.Join(fmt.Errorf("%s is not an empty directory; nothing was changed", dir), err)
	}
	if m, err = verify(open); err != nil {
		return m, err
	}
	in, err := open()
	if err != nil {
		return m, err
	}
	defer in.Close()
	r, err := backup.NewReader(in)
	if err != nil {
		return m, err
	}
	draft, err := os.MkdirTemp(filepath.Dir(filepath.Clean(dir)), ".restoring-*")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(draft) // nothing is left there once it has its name
	if err := fillDirectory(draft, r); err != nil {
		return m, fmt.Errorf("restore into %s: %w", dir, err)
	}
	return m, os.Rename(draft, dir)
}

func verify(open func() (io.ReadCloser, error)) (m backup.Manifest, err error) {
	in, err := open()
	if err != nil {
		return m, err
	}
	defer in.Close()
	_, m, err = backup.Verify(in)
	return m, err
}

// filling is a copy in the making.
type filling struct {
	store   *storage.Store
	answers chan statemachine.Input
	failed  chan error
	batches keyspace.BatchID
}

// beginFilling opens a store that nobody else asks.
func beginFilling(dir string) (f *filling, err error) {
	f = &filling{answers: make(chan statemachine.Input, 1), failed: make(chan error, 1)}
	f.store, err = storage.Open(storage.Options{
		Dir: dir, Birth: birth(), Deliver: func(in statemachine.Input) { f.answers <- in },
		Fatal: func(err error) { f.failed <- err },
	})
	return f, err
}

func fillDirectory(dir string, r *backup.Reader) (err error) {
	f, err := beginFilling(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.store.Close()) }()
	h := r.Header()
	if _, err := f.apply(keyspace.Batch{
		Join: wall(), Adopt: &keyspace.Adoption{Cluster: h.Cluster, Digest: h.Digest, Copy: true},
	}); err != nil {
		return err
	}
	if _, err := f.apply(keyspace.Batch{Transfer: &keyspace.Transfer{
		Phase: keyspace.PhaseRest, Base: h.Claim.VV, Floor: h.Claim.Floor,
	}}); err != nil {
		return err
	}
	if err := r.Each(f.take); err != nil {
		return err
	}
	out, err := f.apply(keyspace.Batch{Claim: &h.Claim})
	if err == nil && !out.Claimed {
		return errors.New("the store did not take the claim of the backup")
	}
	return err
}

// take merges one frame, in as many chunks as it takes.
func (f *filling) take(frame backup.Frame) error {
	after, entries := frame.After, frame.Entries
	for more := true; more; {
		n, size := 0, 0
		for n < len(entries) && n < keyspace.BatchWritesMax && (n == 0 || size+entries[n].Size() <= keyspace.BatchBytesMax) {
			size += entries[n].Size()
			n++
		}
		to := frame.To
		if more = n < len(entries); more {
			to = entries[n-1].Key
		}
		if _, err := f.apply(keyspace.Batch{Entries: entries[:n], Chunk: &keyspace.Chunk{
			Phase: keyspace.PhaseRest, After: after, To: to, Done: frame.Last && !more,
		}}); err != nil {
			return err
		}
		after, entries = to, entries[n:]
	}
	return nil
}

// apply carries out one batch now.
func (f *filling) apply(b keyspace.Batch) (*keyspace.Applied, error) { return f.applyAt(wall(), b) }

// applyAt carries out one batch, as if it were that time.
func (f *filling) applyAt(now keyspace.Millis, b keyspace.Batch) (*keyspace.Applied, error) {
	f.batches++
	b.ID, b.Now, b.MaxSkew = f.batches, now, millis(config.Default().MaxClockSkew)
	f.store.Perform(statemachine.Apply{Batch: &b})
	select {
	case in := <-f.answers:
		return in.(statemachine.Applied).Result, nil
	case err := <-f.failed:
		return nil, err
	}
}
