package server

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"kvs/httpapi"
	"kvs/statemachine"
	"kvs/statemachine/keyspace"
)

// Badger writes through mapped memory: where the file system has no room for a page that
// it touches, the process is killed (SIGBUS), and killed again at each start. So a node
// stops writing before that, while compactions and the flush of what is in memory still
// have room: at most two tables of 16 MiB in memory, and what a compaction writes anew.
const (
	// diskLow is the free space below which clients' values are refused, and a node is not
	// ready.
	diskLow = 64 << 20
	// diskFull is the free space below which deletes are refused too, and records of other
	// nodes are not taken: they come again, by delta, once there is room.
	diskFull = diskLow / 2
	// reserveBytes is what a node keeps back of a disk, to be let go when that is full.
	reserveBytes = 16 << 20
	// spaceEvery is how often a node looks. What a disk can take meanwhile must be less than
	// diskFull.
	spaceEvery = 250 * time.Millisecond

	reserveFile = "reserve"
)

// room is how much of it there is on the disk.
type room int32

const (
	roomEnough room = iota
	roomLow
	roomNone
)

// space watches the room on the disk of data_dir. The zero value finds enough.
type space struct {
	now     atomic.Int32 // room
	dropped atomic.Uint64

	dir  string
	log  *slog.Logger
	free func() (disk, error) // diskOf, but in tests
}

// open looks for the first time, and fails where a store could not even be opened.
func (s *space) open(dir string, log *slog.Logger) error {
	s.dir, s.log = dir, log
	if s.free == nil {
		s.free = func() (disk, error) { return diskOf(existing(dir)) }
	}
	d, err := s.free()
	if err == nil && d.Free < diskFull {
		s.letGo()
		if d, err = s.free(); err == nil && d.Free < diskFull/2 {
			return fmt.Errorf("data_dir %s: %d MiB are free on its file system, and a node needs %d MiB to start: "+
				"make room, or move data_dir to another one", dir, d.Free>>20, diskFull/2>>20)
		}
	}
	s.note(d, err)
	return nil
}

// existing is the directory, or the one above in which it will be made.
func existing(dir string) string {
	for {
		above := filepath.Dir(dir)
		if _, err := os.Stat(dir); err == nil || above == dir {
			return dir
		}
		dir = above
	}
}

// run looks again and again, until stopped is closed.
func (s *space) run(stopped <-chan struct{}) {
	tick := time.NewTicker(spaceEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			d, err := s.free()
			s.note(d, err)
			if err == nil && d.Free > diskLow+2*reserveBytes {
				s.keepBack()
			}
		case <-stopped:
			return
		}
	}
}

// note takes notice of what room there is. Where nobody can tell there is enough.
func (s *space) note(d disk, err error) {
	if err != nil {
		if !errors.Is(err, errors.ErrUnsupported) {
			s.log.Debug("the room on the disk is not known", "error", err)
		}
		return
	}
	was, is := room(s.now.Load()), roomEnough
	switch {
	case d.Free < diskFull:
		is = roomNone
		s.letGo()
	case d.Free < diskLow:
		is = roomLow
	}
	if is == was {
		return
	}
	s.now.Store(int32(is))
	switch is {
	case roomEnough:
		s.log.Info("there is room on the disk again", "data_dir", s.dir, "free_mib", d.Free>>20)
	case roomLow:
		s.log.Warn("the disk is nearly full: values of clients are refused", "data_dir", s.dir, "free_mib", d.Free>>20,
			"needed_mib", diskLow>>20)
	case roomNone:
		s.log.Warn("the disk is full: nothing is written but what has to be", "data_dir", s.dir,
			"free_mib", d.Free>>20, "needed_mib", diskFull>>20)
	}
}

// keepBack makes the file of the reserve, if it is not there.
func (s *space) keepBack() {
	path := filepath.Join(s.dir, reserveFile)
	if info, err := os.Stat(path); err == nil && info.Size() == reserveBytes {
		return
	}
	if err := os.WriteFile(path, make([]byte, reserveBytes), 0o600); err != nil {
		s.log.Debug("no reserve on the disk", "error", err)
		s.letGo()
	}
}

// letGo gives the reserve to whoever needs it.
func (s *space) letGo() {
	if err := os.Remove(filepath.Join(s.dir, reserveFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.log.Warn("the reserve on the disk cannot be let go", "error", err)
	}
}

// takes says whether there is room for a client's write. What the system writes of itself
// is little, and revoking a token must not wait for a larger disk.
func (s *space) takes(w httpapi.Write) error {
	switch is := room(s.now.Load()); {
	case is == roomEnough, keyspace.IsReserved(w.Key), is == roomLow && w.Delete:
		return nil
	}
	return httpapi.ErrDiskFull
}

// drops says that a message of a peer has to be dropped: its records have no room.
func (s *space) drops(in statemachine.Input) bool {
	if room(s.now.Load()) != roomNone {
		return false
	}
	m, ok := in.(statemachine.Received)
	if !ok {
		return false
	}
	switch m.Msg.(type) {
	case statemachine.Push, statemachine.Delta, statemachine.Items, statemachine.Chunk:
		s.dropped.Add(1)
		return true
	}
	return false
}
