package storage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Badger's MANIFEST begins with its own four letters and two bytes of ours: a
// letter that says whose directory it is, and the number of the format. A
// newer format is refused before anything is touched.
const (
	magic  = 'k'
	format = 1

	manifestMagic = "Bdgr"
)

// Errors of Open that name the directory and what to do about it.
var (
	// ErrInUse says that another process holds the directory.
	ErrInUse = errors.New("data_dir is in use")
	// ErrNewer says that a newer version of the program wrote the directory.
	ErrNewer = errors.New("data_dir has a newer format")
	// ErrForeign says that the directory holds something else, or that what
	// says it is ours is gone.
	ErrForeign = errors.New("data_dir does not belong to this program")
)

// prepareDir creates the directory, or checks that the one there is ours.
func prepareDir(dir string) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return createDir(dir)
	case err != nil:
		return fmt.Errorf("data_dir %q cannot be read: %w", dir, err)
	}
	head, err := readHead(filepath.Join(dir, "MANIFEST"))
	if errors.Is(err, os.ErrNotExist) {
		return checkUnborn(dir, entries)
	}
	if err != nil {
		return fmt.Errorf("data_dir %q: its MANIFEST cannot be read: %w", dir, err)
	}
	return checkHead(dir, head)
}

func createDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("data_dir %q cannot be created: %w", dir, err)
	}
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return fmt.Errorf("data_dir %q: sync the directory above: %w", dir, err)
	}
	return nil
}

// readHead returns the first bytes of the MANIFEST, fewer if it is cut off.
func readHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, len(manifestMagic)+2)
	n, err := io.ReadFull(f, head)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return head[:n], err
}

func checkHead(dir string, head []byte) error {
	if len(head) < len(manifestMagic)+2 || string(head[:len(manifestMagic)]) != manifestMagic {
		return fmt.Errorf("%w: the MANIFEST of %q is damaged; restore a backup, or start with an "+
			"empty data_dir and let the other nodes fill it", notOurs(dir), dir)
	}
	mark := binary.BigEndian.Uint16(head[len(manifestMagic):])
	switch {
	case mark>>8 != magic:
		return fmt.Errorf("%w: %q holds the Badger data of another program; name an empty or a new "+
			"directory", ErrForeign, dir)
	case mark&0xff > format:
		return fmt.Errorf("%w: %q has format %d, this version knows up to %d; use the version that "+
			"wrote it", ErrNewer, dir, mark&0xff, format)
	}
	return nil
}

// checkUnborn refuses a directory without MANIFEST that is not empty. Badger
// would delete every data file that no MANIFEST names.
func checkUnborn(dir string, entries []os.DirEntry) error {
	for _, e := range entries {
		switch name := e.Name(); {
		case name == "LOCK" || name == "MANIFEST-REWRITE" || name == "lost+found":
			// What a first start may leave when it is cut short, or a new disk has.
		case name == sidecarName || name == sidecarTemp || name == acceptName:
			// All that is left of a store: Open says what is lost.
		case strings.HasSuffix(name, ".sst") || strings.HasSuffix(name, ".mem"):
			return fmt.Errorf("%w: %q holds data but its MANIFEST is missing; restore a backup, or "+
				"start with an empty data_dir and let the other nodes fill it", notOurs(dir), dir)
		default:
			if err := notOurs(dir); err == ErrCorrupt {
				return fmt.Errorf("%w: the MANIFEST of %q is missing", err, dir)
			}
			return fmt.Errorf("%w: %q is not empty and holds %q; name an empty or a new directory",
				ErrForeign, dir, name)
		}
	}
	return nil
}

// notOurs is what a directory is without a MANIFEST that says whose it is: somebody
// else's, or damaged, if it has the sidecar of a store of ours.
func notOurs(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, sidecarName)); err == nil {
		return ErrCorrupt
	}
	return ErrForeign
}

// explainOpen turns Badger's refusal into one that says what to do. Badger does
// not wrap the errors of the system, so this asks the system again.
func explainOpen(dir string, err error) error {
	switch {
	case isLocked(dir):
		return fmt.Errorf("%w: %q is held by %s; stop it, or give this node a data_dir of its own",
			ErrInUse, dir, holder(dir))
	case errors.Is(unix.Access(dir, unix.R_OK|unix.W_OK|unix.X_OK), os.ErrPermission):
		return fmt.Errorf("data_dir %q is not writable for this user: %w", dir, err)
	}
	return fmt.Errorf("open data_dir %q: %w", dir, err)
}

// isLocked says that somebody holds the lock that Badger takes.
func isLocked(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close() // and with it a lock that was to be had
	return errors.Is(unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB), unix.EWOULDBLOCK)
}

// holder names the process that locked the directory, as far as it says so.
func holder(dir string) string {
	pid, err := os.ReadFile(filepath.Join(dir, "LOCK"))
	if err != nil || len(pid) == 0 || len(pid) > 20 {
		return "another process"
	}
	return "process " + strings.TrimSpace(string(pid))
}
