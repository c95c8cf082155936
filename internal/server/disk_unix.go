//go:build linux || darwin

package server

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// diskOf looks at the file system of a directory.
func diskOf(dir string) (disk, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return disk{}, fmt.Errorf("look at the file system of data_dir %s: %w", dir, err)
	}
	return disk{Free: s.Bavail * uint64(s.Bsize), Total: s.Blocks * uint64(s.Bsize)}, nil
}
