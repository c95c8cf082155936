package audit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// A log that cannot go on is set aside, so that a new one can begin: its segments
// go into a directory of their own below audit_path, with a file that says what was
// found. As long as it is there, Verify's callers find it with Aside: nobody loses a
// broken log by restarting a node.

const (
	asidePrefix  = "broken-"
	asideFinding = "finding.txt"
)

// SetAside moves the segments of a log away, and returns where to. now names the
// directory.
func SetAside(dir string, why error, now Millis) (path string, err error) {
	path = filepath.Join(dir, fmt.Sprintf("%s%d", asidePrefix, now))
	list, err := segments(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", fmt.Errorf("audit_path %q: set a broken log aside: %w", dir, err)
	}
	finding := filepath.Join(path, asideFinding)
	if err := os.WriteFile(finding, []byte(why.Error()+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("audit_path %q: set a broken log aside: %w", dir, err)
	}
	for _, s := range list {
		if err := os.Rename(s.path, filepath.Join(path, filepath.Base(s.path))); err != nil {
			return "", fmt.Errorf("audit_path %q: set a broken log aside: %w", dir, err)
		}
	}
	return path, errors.Join(osDisk{}.syncDir(path), osDisk{}.syncDir(dir))
}

// Aside lists the logs that were set aside in a directory, oldest first.
func Aside(dir string) (paths []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("audit_path %q cannot be read: %w", dir, err)
	}
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), asidePrefix) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths, nil
}

// AsideFinding is the finding of a log that was set aside, as it was worded then.
func AsideFinding(path string) string {
	f, err := os.Open(filepath.Join(path, asideFinding))
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, LineBytesMax))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}

// Owner is the id of the log that a directory holds, by its first line. Verify says
// whether that is true.
func Owner(dir string) (ReplicaID, error) {
	list, err := segments(dir)
	if err != nil {
		return ReplicaID{}, err
	}
	if len(list) == 0 {
		return ReplicaID{}, fmt.Errorf("%w in %q; is it the right directory?", ErrNoLog, dir)
	}
	f, err := openSegment(dir, list[0])
	if err != nil {
		return ReplicaID{}, err
	}
	defer f.Close()
	raw, err := newLineReader(f).next()
	if err != nil {
		return ReplicaID{}, found(list[0].first, list[0].first, "the first line %v", err).at(list[0].path, 1)
	}
	l, err := parseLine(raw)
	if err != nil || l.kind != kindHeader {
		return ReplicaID{}, found(list[0].first, list[0].first, "the first line is no header").at(list[0].path, 1)
	}
	return l.header.replica, nil
}
