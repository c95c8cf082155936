package httpapi

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"time"

	"github.com/valyala/fasthttp"
)

// typeLines is the media type of one JSON text a line.
const typeLines = "application/x-ndjson"

// exportChunkBytes is about how much of an export is in memory at a time, unless one
// record is larger.
const exportChunkBytes = 64 << 10

// wantsLines says that the client asks for lines.
func (x *exchange) wantsLines() bool {
	for _, line := range x.ctx.Request.Header.PeekAll(fasthttp.HeaderAccept) {
		for kind := range bytes.SplitSeq(line, []byte{','}) {
			kind, _, _ = bytes.Cut(kind, []byte{';'})
			if bytes.EqualFold(bytes.TrimSpace(kind), []byte(typeLines)) {
				return true
			}
		}
	}
	return false
}

// export answers with all pages of a listing, one after the other. Each is a snapshot
// of its own, so that a slow client holds up nothing.
func (s *Server) export(x *exchange, g *page) *Problem {
	g.limit, g.bytesMax = -1, exportChunkBytes
	// What makes the whole listing fail is still a problem here.
	if err := s.fill(g); err != nil {
		return s.refuse(err, "")
	}
	// Each chunk has write_timeout, not all of them together.
	if err := x.ctx.SetWriteDeadline(time.Now().Add(s.options.WriteTimeout)); err != nil {
		return s.refuse(err, "")
	}
	x.ctx.SetStatusCode(fasthttp.StatusOK)
	x.ctx.Response.Header.SetContentType(typeLines)
	x.ctx.Response.SetBodyStream(&exporter{server: s, conn: x.ctx.Conn(), page: g, left: g.body}, -1)
	return nil
}

// exporter is the body of an export. It is read as fast as the client takes it, on the
// goroutine of its connection, and no more once the client is gone.
type exporter struct {
	server *Server
	conn   net.Conn
	page   *page
	left   []byte // of the page, what was not read
}

// Read implements io.Reader. An error ends the connection without the last chunk of the
// body, from which clients see that lines are missing.
func (e *exporter) Read(p []byte) (n int, err error) {
	defer func() {
		if r := recover(); r != nil { // fasthttp does not contain it
			e.server.log.Error("http export panicked", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	for len(e.left) == 0 {
		switch {
		case !e.page.more:
			return 0, io.EOF
		case e.server.closing.Load():
			return 0, ErrServerClosed
		}
		e.page.body = e.page.body[:0]
		if err := e.server.fill(e.page); err != nil {
			e.server.log.Error("http export ended early", "error", err)
			return 0, err
		}
		e.left = e.page.body
	}
	n = copy(p, e.left)
	e.left = e.left[n:]
	return n, e.conn.SetWriteDeadline(time.Now().Add(e.server.options.WriteTimeout))
}
