package storage

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// badgerLog passes Badger's log on, and watches it: some failures of the disk
// are nowhere else to be seen, because Badger logs them and goes on.
type badgerLog struct {
	log  *slog.Logger
	trip func(error)
}

// fatalLines begin or are part of the lines that mean that a write or a sync
// failed in the background. Badger retries them on pages that the kernel may
// have marked clean.
var fatalLines = []string{
	"Error while curlf sync",
	"writeRequests: ",
	"error flushing memtable to disk",
	"While trying to flush memtable",
	"LOG Compact FAILED",
	"Got error: ",
	"cannot start subcompaction",
}

// Errorf implements badger.Logger.
func (l badgerLog) Errorf(format string, args ...any) { l.warn(format, args) }

// Warningf implements badger.Logger.
func (l badgerLog) Warningf(format string, args ...any) { l.warn(format, args) }

// Infof implements badger.Logger.
func (l badgerLog) Infof(format string, args ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.log.Debug("badger: " + strings.TrimSpace(fmt.Sprintf(format, args...)))
	}
}

// Debugf implements badger.Logger. Badger writes several lines for every
// commit, which would drown ours.
func (l badgerLog) Debugf(string, ...any) {}

func (l badgerLog) warn(format string, args []any) {
	line := strings.TrimSpace(fmt.Sprintf(format, args...))
	l.log.Warn("badger: " + line)
	for _, f := range fatalLines {
		if strings.Contains(line, f) {
			l.trip(fmt.Errorf("badger: %s", line))
			return
		}
	}
}
