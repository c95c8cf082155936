package auth

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"kvs/internal/durable"
)

// WriteSecret makes path a file with this text that its owner alone can read
// (mode 0600). An existing file is replaced whole or not at all, durably.
func WriteSecret(path string, text []byte) error {
	if err := durable.WriteFile(path, text); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// readSecret reads a file that nobody else can read or change. The mode is
// asked of the open file, so that none can be put in its place meanwhile.
func readSecret(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New(path + " is not a regular file")
	}
	// Windows has no such bits; Go makes them up there.
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s is a secret, but its mode %04o opens it to other users: "+
			"run chmod 600 %s; if others may have read it, replace it", path, mode, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, keyFileBytesMax+1))
	if err != nil {
		return nil, err
	}
	if len(text) > keyFileBytesMax {
		return nil, fmt.Errorf("%s is longer than %d bytes", path, keyFileBytesMax)
	}
	return text, nil
}
