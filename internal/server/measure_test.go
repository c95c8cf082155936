package server

import (
	"bytes"
	"net/http"
	"sync"

	"kvs/statemachine/keyspace"
)

// conflicting is a batch of one write in which n concurrent versions met.
func conflicting(n int) *keyspace.Applied {
	a := &keyspace.Applied{Live: 2, Outcomes: make([]keyspace.Outcome, 1)}
	a.Conflicts = make([]keyspace.Conflict, n)
	return a
}

// recorder is an http.ResponseWriter that keeps the body.
type recorder struct{ *bytes.Buffer }

func (r *recorder) Header() http.Header { return http.Header{} }
func (r *recorder) WriteHeader(int)     {}

// lockedBuffer is written to by many.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
