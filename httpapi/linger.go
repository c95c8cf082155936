package httpapi

import (
	"io"
	"net"
	"sync/atomic"
	"time"
)

// lingerListener makes connections whose close can wait for the client.
type lingerListener struct{ net.Listener }

// Accept implements net.Listener.
func (l lingerListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &lingerConn{Conn: c}, nil
}

// lingerConn closes a refused upload in two steps. A plain close with unread
// data in the receive buffer sends a reset, and a reset makes the client drop
// the answer that says why (RFC 9112 section 9.6).
type lingerConn struct {
	net.Conn
	linger atomic.Bool
}

// Close ends the sending side, throws away what still arrives for a moment,
// and closes. Without linger it is a plain close.
func (c *lingerConn) Close() error {
	if c.linger.Swap(false) {
		if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil &&
			c.Conn.SetReadDeadline(time.Now().Add(lingerTimeout)) == nil {
			// The client's leftovers carry no meaning, nor does their error.
			_, _ = io.Copy(io.Discard, c.Conn)
		}
	}
	return c.Conn.Close()
}
