package httpapi

import (
	"net"
	"sync"
)

// connections is the set of a server's open connections. fasthttp closes those
// that wait for their next request, but not one that never sent any, such as a
// client's spare; and it abandons those that outlast the grace of a shutdown.
type connections struct {
	mu     sync.Mutex
	open   map[*clientConn]struct{}
	closed bool // whatever still comes is closed at once
}

func (s *connections) add(c *clientConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = make(map[*clientConn]struct{})
	}
	s.open[c] = struct{}{}
	if s.closed {
		_ = c.Conn.Close() // the server stops; nobody will read from it
	}
}

// closeUnused takes no more connections, and closes those that never sent a
// byte: nobody waits for an answer on them.
func (s *connections) closeUnused() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.closeWhere(func(c *clientConn) bool { return !c.used.Load() })
}

func (s *connections) remove(c *clientConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}

// closeWhere closes the connections for which which holds, under their readers,
// and returns how many those are. They leave the set when their server lets go.
func (s *connections) closeWhere(which func(*clientConn) bool) (closed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		if which(c) {
			_ = c.Conn.Close() // the peer is gone or about to be told
			closed++
		}
	}
	return closed
}

// clientListener makes clientConns.
type clientListener struct {
	net.Listener
	all *connections
}

// Accept implements net.Listener.
func (l clientListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	cc := &clientConn{Conn: c, all: l.all}
	l.all.add(cc)
	return cc, nil
}
