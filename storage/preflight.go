package storage

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/ristretto/v2/z"
)

// ErrCorrupt says that the directory holds a store which cannot be opened any more,
// because files of it are damaged or gone. What it says of the rest is not known.
var ErrCorrupt = errors.New("data_dir is damaged")

// preflight opens each table of a store by itself and closes it again. Badger does that
// in goroutines of its own, where a table that makes it panic ends the process, at every
// start; here it is an ErrCorrupt that names the file. A directory without a store has
// nothing to be looked at, and one that is in use changes under the look.
func preflight(dir string) error {
	if isLocked(dir) {
		return nil // Badger will say so
	}
	err := tryFiles(dir)
	if err != nil && isLocked(dir) {
		return nil
	}
	return err
}

// tryFiles opens what a store is made of.
func tryFiles(dir string) error {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("data_dir %q: its MANIFEST cannot be read: %w", dir, err)
	}
	defer f.Close()
	m, _, err := badger.ReplayManifestFile(f, magic<<8|format, badgerOptions(dir, nil))
	if err != nil {
		return fmt.Errorf("%w: the MANIFEST of %q: %w", ErrCorrupt, dir, err)
	}
	for id := range m.Tables {
		if err := tryTable(table.NewFilename(id, dir)); err != nil {
			return err
		}
	}
	if r, err := badger.OpenKeyRegistry(badger.KeyRegistryOptions{Dir: dir, ReadOnly: true}); err == nil {
		_ = r.Close() // it was only looked at
	} else if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: the KEYREGISTRY of %q: %w", ErrCorrupt, dir, err)
	}
	return tryValueLogs(dir)
}

// tryValueLogs looks at the headers of the value logs, which hold nothing else: the
// number of a key first, which is 0, because nothing is encrypted.
func tryValueLogs(dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.vlog"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return fmt.Errorf("data_dir: %w", err)
		}
		var key [8]byte
		n, err := io.ReadFull(f, key[:])
		f.Close()
		if err == nil && key != [8]byte{} || n > 0 && err != nil {
			return fmt.Errorf("%w: the header of %s", ErrCorrupt, path)
		}
	}
	return nil
}

// tryTable opens one table.
func tryTable(path string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			first, _, _ := strings.Cut(strings.TrimSpace(fmt.Sprint(p)), "\n")
			err = fmt.Errorf("%w: %s: %s", ErrCorrupt, path, first)
		}
	}()
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Size() == 0 {
		return fmt.Errorf("%w: %s is gone or empty", ErrCorrupt, path)
	}
	file, err := z.OpenMmapFile(path, os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	// Not the table's: that would delete the file with its last reference.
	defer file.Close(-1)
	if _, err = table.OpenTable(file, table.Options{ReadOnly: true, ChkMode: options.NoVerification}); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, path, err)
	}
	return nil
}
