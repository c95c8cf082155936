package durable

import (
	"os"
	"path/filepath"
)

// WriteFile makes path a file with this text that its owner alone can read (mode
// 0600). An existing file is replaced whole or not at all.
func WriteFile(path string, text []byte) error {
	return Create(path, func(f *os.File) error {
		_, err := f.Write(text)
		return err
	})
}

// Create is WriteFile for what is too large to hold: fill writes to the file, and may
// read it again, before it has its name. If fill fails there is no file.
func Create(path string, fill func(*os.File) error) (err error) {
	// CreateTemp opens with O_EXCL and mode 0600: nobody had the file before.
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err = fill(f); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a rename in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
