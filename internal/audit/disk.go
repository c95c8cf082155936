package audit

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// disk is what the log does to its directory. Tests have one that fails.
type disk interface {
	create(path string) (file, error) // a new file
	reopen(path string) (file, error) // an old one, to append to
	remove(path string) error
	syncDir(dir string) error
}

// file is the segment that is written to. Writes go to its end.
type file interface {
	io.WriteCloser
	Truncate(size int64) error
	Sync() error
}

// osDisk is the real one.
type osDisk struct{}

func (osDisk) create(path string) (file, error) {
	return openFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL)
}

func (osDisk) reopen(path string) (file, error) {
	return openFile(path, os.O_WRONLY|os.O_APPEND)
}

// openFile keeps a nil *os.File from becoming a file that is not nil.
func openFile(path string, flags int) (file, error) {
	f, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (osDisk) remove(path string) error { return os.Remove(path) }

func (osDisk) syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// lockDir makes sure that one log at a time writes to a directory: two would
// give the same numbers to different entries. Closing the file ends it.
func lockDir(dir string) (*os.File, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}
