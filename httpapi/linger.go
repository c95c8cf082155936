package httpapi

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"time"
)

// clientConn is a client's connection. It knows whether anything was ever read
// from it, and closes a refused upload in two steps: a plain close with unread
// data in the receive buffer sends a reset, and a reset makes the client drop
// the answer that says why (RFC 9112 section 9.6).
type clientConn struct {
	net.Conn
	all    *connections
	linger atomic.Bool
	used   atomic.Bool
}

// Read implements net.Conn.
func (c *clientConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && !c.used.Load() {
		c.used.Store(true)
	}
	if err != nil {
		answerPlain(err)
	}
	return n, err
}

// answerPlain tells a client that speaks plain HTTP to a node with HTTPS why it is
// not served. To the others that do not shake hands nothing can be said.
func answerPlain(err error) {
	var plain tls.RecordHeaderError
	if !errors.As(err, &plain) || plain.Conn == nil || !bytes.ContainsRune([]byte("GHPDO"), rune(plain.RecordHeader[0])) {
		return
	}
	const text = "this node serves HTTPS: use https:// in the address\n"
	_, _ = io.WriteString(plain.Conn, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"+
		"Connection: close\r\nContent-Length: "+strconv.Itoa(len(text))+"\r\n\r\n"+text) // the connection ends anyway
}

// Close ends the sending side, throws away what still arrives for a moment,
// and closes. Without linger it is a plain close.
func (c *clientConn) Close() error {
	c.all.remove(c)
	if c.linger.Swap(false) {
		if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil &&
			c.Conn.SetReadDeadline(time.Now().Add(lingerTimeout)) == nil {
			// The client's leftovers carry no meaning, nor does their error.
			_, _ = io.Copy(io.Discard, c.Conn)
		}
	}
	return c.Conn.Close()
}
