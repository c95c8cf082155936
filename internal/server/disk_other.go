//go:build !linux && !darwin

package server

import "errors"

// diskOf cannot tell here.
func diskOf(string) (disk, error) { return disk{}, errors.ErrUnsupported }
