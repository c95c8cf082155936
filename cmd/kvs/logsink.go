package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"kvs/internal/config"
)

// logSink is where the log of a node goes: to a file, which others may not read, or to
// the terminal. The file may become another one while the node runs.
type logSink struct {
	terminal io.Writer

	mu   sync.Mutex
	file *os.File // nil: to the terminal
}

// Write implements io.Writer.
func (l *logSink) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		return l.file.Write(line)
	}
	return l.terminal.Write(line)
}

// open opens a file, or the terminal if path is empty, for the log to go to.
func (l *logSink) open(path string) (adopt, discard func(), err error) {
	var next *os.File
	if path != "" {
		if next, err = os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
			return nil, nil, fmt.Errorf("log_file: %w", err)
		}
	}
	return func() { l.become(next) }, func() { closeFile(next) }, nil
}

func (l *logSink) become(next *os.File) {
	l.mu.Lock()
	defer l.mu.Unlock()
	closeFile(l.file)
	l.file = next
}

// closeFile closes a log, of which nothing is left to write.
func closeFile(f *os.File) {
	if f != nil {
		_ = f.Close() // its lines are written
	}
}

// Close implements io.Closer.
func (l *logSink) Close() error {
	l.become(nil)
	return nil
}

func (l *logSink) isTerminal() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file == nil && isTerminal(l.terminal)
}

// rereading is a server.Source: the files, variables and flags that a node was started
// with.
type rereading struct {
	from config.Source
	log  *logSink
	last atomic.Pointer[config.Config] // what was taken over, for a start in the same process
}

// Read implements server.Source.
func (r *rereading) Read() (config.Config, error) {
	l, err := r.from.Read()
	return l.Config, err
}

// OpenLog implements server.Source. A file of the same name is opened again too, so that
// the one before may have been moved away.
func (r *rereading) OpenLog(cfg config.Config) (adopt, discard func(), err error) {
	become, discard, err := r.log.open(cfg.LogFile)
	if err != nil {
		return nil, nil, err
	}
	return func() { become(); r.last.Store(&cfg) }, discard, nil
}
